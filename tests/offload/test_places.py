"""Places in a category: counted, lent, taken back in order, given up within a budget."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from companion_async.offload.places import Abandonment, Places
from companion_async.offload.slot import Seat
from companion_async.scheduling.lane import Lane
from companion_async.scheduling.policies import ORDERINGS, SchedulingPolicy
from companion_async.scheduling.queue import Queue
from tests.offload.rig import Job, mailbox

pytestmark = pytest.mark.feature("X-01")


class Category(Places):
    """Places whose seats the test hands out."""

    def __init__(self, limit: int, budget: int | None, loop: asyncio.AbstractEventLoop) -> None:
        queue = Queue(ORDERINGS[SchedulingPolicy.PRIORITY_FIRST], 10.0)
        super().__init__("core", limit=limit, budget=budget, backlog=queue, mailbox=mailbox(loop))
        self.lane = Lane("lane")
        self.pumped = 0

    def pump(self) -> None:
        self.pumped += 1

    def _gone(self, seat: Seat) -> None:
        """It keeps no list of them."""

    def _set_aside(self, seat: Seat) -> None:
        """It has no threads of which fewer would be awake."""

    def wait(self, lane: Lane | None = None) -> Job:
        """A job that waits for its turn."""
        job = Job(int, lane=lane or self.lane)
        self.backlog.push(job)
        return job

    def seat(self, lane: Lane | None = None) -> Seat:
        """A run that works."""
        self.wait(lane)
        job: Any = self.backlog.pop()
        self.working += 1
        return Seat(job)

    @property
    def figures(self) -> tuple[int, int, int]:
        """Working, waiting, abandoned."""
        return self.working, self.waiting, self.abandoned


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    made = asyncio.new_event_loop()
    yield made
    made.run_until_complete(asyncio.sleep(0))
    made.close()


def test_a_run_that_is_given_up_leaves_its_place_while_the_budget_lasts(loop):
    """Beyond the budget it is held in its place; when it has ended it is counted no more."""
    core = Category(3, 1, loop)
    first, second = core.seat(), core.seat()
    assert core.abandon(first, first.job) is Abandonment.REPLACED
    assert core.figures == (1, 0, 1)
    assert core.abandon(first, first.job) is Abandonment.REPLACED
    assert core.abandon(second, second.job) is Abandonment.HELD
    assert core.figures == (1, 0, 1)
    core.left(first)
    assert core.abandon(second, second.job) is Abandonment.REPLACED
    core.left(second)
    assert core.figures == (0, 0, 0)
    assert core.lane.running == 0


def test_a_run_that_has_ended_cannot_be_given_up(loop):
    """Its outcome is on its way: the seat may have another job by now."""
    core = Category(3, None, loop)
    seat = core.seat()
    job = seat.job
    core.left(seat)
    assert core.abandon(seat, job) is Abandonment.ENDED
    assert core.figures == (0, 0, 0)


@pytest.mark.parametrize(("budget", "found"), [(None, 3), (0, 0), (7, 7)])
def test_the_budget_is_as_large_as_the_limit_unless_it_is_set(budget, found, loop):
    """It follows the limit then."""
    core = Category(3, budget, loop)
    assert core.budget == found
    core.limit = 5
    assert core.budget == (5 if budget is None else found)


def test_a_lent_place_is_taken_back_when_there_is_one(loop):
    """At once if a place is free; else in the order in which they came back, as others leave."""
    core = Category(2, None, loop)
    seats = [core.seat(), core.seat()]
    told: list[int] = []
    for seat in seats:
        core.lend(seat)
    assert core.figures == (0, 2, 0)
    stand_ins = [core.seat(), core.seat()]
    assert not core.reclaim(seats[1], lambda: told.append(1))
    assert not core.reclaim(seats[0], lambda: told.append(0))
    core.left(stand_ins[0])
    assert (told, core.figures) == ([1], (2, 1, 0))
    core.left(stand_ins[1])
    assert (told, core.figures) == ([1, 0], (2, 0, 0))
    core.lend(seats[0])
    assert core.reclaim(seats[0], lambda: told.append(9))
    assert core.reclaim(seats[0], lambda: told.append(9))
    assert told == [1, 0]


def test_one_whose_module_is_at_its_cap_is_passed_by(loop):
    """It comes back when its own module has room, and holds up nobody before."""
    core, capped = Category(2, None, loop), Lane("capped", cap=1)
    first, other = core.seat(capped), core.seat()
    told: list[str] = []
    core.lend(first)
    core.lend(other)
    second, third = core.seat(capped), core.seat()
    assert not core.reclaim(first, lambda: told.append("capped"))
    assert not core.reclaim(other, lambda: told.append("other"))
    core.left(third)
    assert told == ["other"]
    core.left(second)
    assert told == ["other", "capped"]
    assert capped.running == 1


def test_a_run_that_is_given_up_while_it_waits_needs_no_place_any_more(loop):
    """If it stands in line to come back, it goes on at once, abandoned; the budget counts it."""
    core = Category(1, 1, loop)
    seat, told = core.seat(), list[bool]()
    core.lend(seat)
    stand_in = core.seat()
    assert not core.reclaim(seat, lambda: told.append(True))
    assert core.abandon(seat, seat.job) is Abandonment.REPLACED
    assert (told, core.figures) == ([True], (1, 0, 1))
    assert core.reclaim(seat, lambda: told.append(False))
    core.lend(seat)
    assert core.figures == (1, 0, 1)
    core.left(seat)
    core.left(stand_in)
    assert core.figures == (0, 0, 0)


def test_a_run_that_ends_while_it_waits_gives_no_place_back(loop):
    """It has none."""
    core = Category(1, None, loop)
    seat = core.seat()
    core.lend(seat)
    core.left(seat)
    assert core.figures == (0, 0, 0)


def test_a_waiting_job_can_be_taken_out_of_its_turn_where_there_is_room(loop):
    """It counts like any other until it has left; without room, held, or taken already there is nothing to take."""
    core, held = Category(1, None, loop), Lane("held")
    first, second, kept = core.wait(), core.wait(), core.wait(held)
    held.held = True
    core.backlog.settle(kept)
    assert core.steal(kept) is None
    seat = core.steal(second)
    assert seat is not None
    assert (seat.job, core.figures, core.lane.running) == (second, (1, 0, 0), 1)
    assert core.steal(first) is None
    core.left(seat)
    assert core.steal(second) is None
    assert core.backlog.pop() is first


def test_whatever_frees_a_place_has_the_loop_look_for_who_may_take_it(loop):
    """Leaving, lending and giving up."""
    core = Category(3, None, loop)
    seats = [core.seat() for _ in range(3)]
    core.left(seats[0])
    core.lend(seats[1])
    core.abandon(seats[2], seats[2].job)
    loop.run_until_complete(asyncio.sleep(0))
    assert core.pumped == 3

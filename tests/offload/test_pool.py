"""Threads of a category: begun when there is work, kept while they are of use, never more than there may be."""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import Any

import pytest

from companion_async.offload.places import Abandonment
from companion_async.offload.slot import Slot
from companion_async.testing.clock import settle, until
from tests.offload.rig import Gate, Job, ground

pytestmark = pytest.mark.feature("U-2", "X-01")


async def test_a_thread_begins_with_work_and_the_warmest_gets_the_next():
    """No work, no thread; three at once, three threads; then one after the other, always the same."""
    async with ground() as one:
        core, gate = one.pool(5), Gate()
        assert (core.slots, one.house.live) == (0, 0)
        for _ in range(3):
            one.put(core, gate)
        await gate.holds(3)
        assert (core.slots, core.working) == (3, 3)
        gate.open()
        await until(lambda: core.parked == 3)
        for count in range(4, 14):
            one.put(core, threading.get_ident)
            await one.ran(count)
            await until(lambda: core.parked == 3)
        assert len({outcome[1] for outcome in one.outcomes[3:]}) == 1
        assert one.house.created == 3


async def test_with_nothing_else_to_do_the_sleeper_is_handed_the_job_as_it_is_woken():
    """It is counted at once, and waits nowhere: not for the thread either, which is only told to open its eyes."""
    async with ground() as one:
        core = one.pool(2)
        asleep = Slot("no thread, so it never wakes")
        core.slots, core._parked = 1, deque([asleep])
        job = one.put(core, int, light=True)
        assert asleep.job is job
        assert asleep.gate.acquire(blocking=False)  # it has been released, once
        assert not asleep.gate.acquire(blocking=False)
        assert (core.working, core.parked, core.runs, core.backlog.ready) == (1, 0, 1, 0)
        another = one.put(core, int, light=True)  # it is behind the one who is on his way
        assert (another.ticket > 0, core.backlog.ready) == (True, 1)
        assert core.take(asleep) is another
        assert (core.working, core.backlog.ready) == (1, 0)
        core.slots = 0


async def test_a_sleeper_who_was_handed_a_light_job_claims_those_that_came_behind_it_meanwhile():
    """As it would have, had it found the first in the queue."""
    async with ground() as one:
        core = one.pool(1)
        asleep = Slot("no thread")
        core.slots, core._parked = 1, deque()

        def parked() -> bool:
            return bool(core._parked)

        taken: list[Any] = []
        thread = threading.Thread(target=lambda: taken.append(core.take(asleep)))
        asleep.searching = False
        thread.start()
        await until(parked)
        jobs = [Job(int, lane=one.lane, light=True) for _ in range(3)]
        with core.lock:  # so that the thread finds all three
            assert core.backlog.pass_through(jobs[0])
            slot = core._hand_over(jobs[0])
            for job in jobs[1:]:
                core.backlog.push(job)
        slot.gate.release()
        await until(lambda: not thread.is_alive())
        assert taken == jobs[:1]
        assert list(asleep.batch) == jobs[1:]
        core.slots = 0


async def test_a_job_that_is_handed_over_and_given_up_leaves_the_place_to_the_next():
    """Its thread has not opened its eyes: it goes home when it does, and says that it has ended nothing."""

    class Drowsy:
        """A gate that is open for a while before the thread goes through."""

        def __init__(self) -> None:
            self._lock = threading.Lock()
            self._lock.acquire()
            self.eyes = threading.Event()

        def acquire(self) -> None:
            self._lock.acquire()
            self.eyes.wait(30)

        def release(self) -> None:
            self._lock.release()

    async with ground() as one:
        core, gate, drowsy = one.pool(1, budget=1), Gate(), Drowsy()
        core.on_thread = lambda slot: setattr(slot, "gate", drowsy)
        one.put(core, int)
        await until(lambda: core.parked == 1)
        core.on_thread = None
        (slot,) = core.alive
        job = one.put(core, gate)
        job.signalled = True
        assert core.abandon(slot, job) is Abandonment.REPLACED
        following = one.put(core, int)
        await one.ran(2)
        assert (core.abandoned, one.house.live) == (1, 2)
        drowsy.eyes.set()
        await until(lambda: core.abandoned == 0 and one.house.live == 1)
        assert [outcome[0] for outcome in one.outcomes[1:]] == [following, job]
        assert gate.inside == 0
        assert job.started < 0


async def test_no_more_work_than_the_limit():
    """What is too much waits, and is taken as soon as one comes back."""
    async with ground() as one:
        core, gate = one.pool(2), Gate()
        for _ in range(5):
            one.put(core, gate)
        await gate.holds(2)
        await settle()
        assert (core.working, core.slots, core.backlog.ready) == (2, 2, 3)
        gate.open()
        await one.ran(5)
        assert one.house.created == 2


async def test_the_house_caps_all_pools_together():
    """One that finds it full gets its thread when another's has ended, and idle ones end for it."""
    async with ground(max_threads=2) as one:
        core, phase1, gate = one.pool(2), one.pool(2, name="phase1"), Gate()
        for _ in range(2):
            one.put(core, gate)
        await gate.holds(2)
        one.put(phase1, int)
        await settle()
        assert (one.house.live, phase1.slots) == (2, 0)
        gate.open()
        await one.ran(3)
        assert one.house.created == 3
        await until(lambda: one.house.live <= 2)


async def test_a_given_up_thread_is_replaced_and_goes_home_when_it_comes_back():
    """Meanwhile it is counted in the house; its late outcome is handed over like any other."""
    async with ground() as one:
        core, gate = one.pool(1, budget=1), Gate()
        stuck = one.put(core, gate)
        following = one.put(core, int)
        await gate.holds(1)
        slot = one.slot_of(core, stuck)
        assert core.abandon(slot, stuck) is Abandonment.REPLACED
        await one.ran(1)
        assert one.outcomes[0][0] is following
        assert (core.abandoned, core.slots, one.house.live) == (1, 1, 2)
        gate.open()
        await until(lambda: core.abandoned == 0 and one.house.live == 1)
        assert [outcome[0] for outcome in one.outcomes] == [following, stuck]


async def test_a_lent_place_is_taken_by_a_stand_in():
    """There may be as many threads more as wait, and when they are back the surplus goes home."""
    async with ground() as one:
        core, gate = one.pool(1), Gate()
        waiting = one.put(core, gate)
        await gate.holds(1)
        slot = one.slot_of(core, waiting)
        core.lend(slot)
        one.put(core, int)
        await one.ran(1)
        assert (core.slots, core.waiting) == (2, 1)
        assert core.reclaim(slot, lambda: None)
        gate.open()
        await one.ran(2)
        await until(lambda: core.slots == 1)


async def test_a_smaller_limit_sends_the_idle_home_and_leaves_the_running_alone():
    """Those beyond it go as they come back; a larger one takes in what waits at once."""
    async with ground() as one:
        core, gate, later = one.pool(4), Gate(), Gate()
        for _ in range(4):
            one.put(core, gate)
        await gate.holds(4)
        core.resize(1)
        assert core.working == 4
        one.put(core, later)
        gate.open()
        await later.holds(1)
        await until(lambda: core.slots == 1)
        for _ in range(2):
            one.put(core, later)
        await settle()
        assert later.inside == 1
        core.resize(3)
        await later.holds(3)
        later.open()


async def test_idle_threads_go_home_on_request_the_coldest_first():
    """Down to as many as are to be kept; with a moment given, only those that have slept since before it."""
    async with ground() as one:
        core, gate = one.pool(4), Gate()
        for _ in range(4):
            one.put(core, gate)
        await gate.holds(4)
        gate.open()
        await until(lambda: core.parked == 4)
        assert core.retire(keep=0, idle_since=0.0) == 0
        coldest = core.sleepers()[:2]
        assert core.retire(keep=2) == 2
        await until(lambda: one.house.live == 2)
        assert not set(coldest) & core.alive
        assert core.give_up_idle()
        assert core.retire(keep=0, idle_since=time.monotonic()) == 1
        assert not core.give_up_idle()
        one.put(core, int)
        await one.ran(5)


async def test_closed_it_sends_all_home_and_begins_none():
    """The busy as they come back; what still waits is left waiting."""
    async with ground() as one:
        core, gate = one.pool(1), Gate()
        one.put(core, gate)
        await gate.holds(1)
        one.put(core, int)
        core.close()
        gate.open()
        await until(lambda: one.house.live == 0)
        one.put(core, int)
        await settle()
        assert (core.slots, len(one.outcomes)) == (0, 1)


async def test_a_coroutines_turn_is_called_on_the_loop_within_the_limit():
    """It takes a place like any other; it is begun by the loop, whoever found that it is its turn."""
    async with ground() as one:
        core, gate = one.pool(1), Gate()
        job = one.put(core, int, on_loop=True)
        assert (one.on_loop, core.working) == ([job], 1)
        waiting = one.put(core, gate)
        behind = one.put(core, int, on_loop=True)
        await settle()
        assert gate.inside == 0
        core.working -= 1
        core.backlog.left(job.lane)
        core.pump()
        await gate.holds(1)
        assert one.on_loop == [job]
        gate.open()
        await until(lambda: one.on_loop == [job, behind])
        assert one.outcomes[0][0] is waiting


async def test_a_light_job_that_is_not_light_after_all_holds_up_nobody_for_long():
    """What its thread had claimed is given back at the second look, and another thread takes it."""
    async with ground() as one:
        core, gate = one.pool(2), Gate()
        warm = Gate()
        for _ in range(2):
            one.put(core, warm)
        await warm.holds(2)
        warm.open()
        await until(lambda: core.parked == 2)
        first = one.put(core, gate, light=True)
        others = [one.put(core, int, light=True) for _ in range(5)]
        await gate.holds(1)
        assert core.kick()
        assert core.kick()
        await one.ran(2 + len(others))
        assert {outcome[0] for outcome in one.outcomes[2:]} == set(others)
        gate.open()
        await one.ran(8)
        assert one.outcomes[-1][0] is first
        assert not core.kick()


async def test_a_resize_below_what_runs_lets_it_end_and_nothing_else_begin():
    """What works is more than the limit until it has ended: nobody is taken from a thread, nobody takes its place."""
    async with ground() as one:
        core, gate = one.pool(4), Gate()
        for _ in range(6):
            one.put(core, gate)
        await gate.holds(4)
        core.resize(2)
        assert (core.working, core.limit) == (4, 2)
        gate.open()
        await one.ran(6)
        begun = sorted(outcome[0].started for outcome in one.outcomes)
        ends = sorted(outcome[3] for outcome in one.outcomes)
        assert begun[4] >= ends[2], "two of the four had to be gone, and a third's place free, before the fifth began"

"""The place that a category keeps for urgent work: what it is worth, what it costs, and when it is given back."""

from __future__ import annotations

import random

import pytest

from companion_async.offload.pool import Pool
from companion_async.scheduling.lane import Lane
from companion_async.scheduling.policies import ORDERINGS, SchedulingPolicy
from companion_async.testing.clock import settle, until
from tests.offload.rig import Gate, Ground, ground

pytestmark = pytest.mark.feature("X-17")


def keeping(one: Ground, limit: int) -> Pool:
    """A pool that may keep a place."""
    pool = one.pool(limit)
    pool.on_kept = lambda: None
    pool.backlog.use(ORDERINGS[SchedulingPolicy.WEIGHTED_PRIORITY], [one.lane])  # type: ignore[attr-defined]
    return pool


async def test_after_urgent_work_the_others_leave_one_place():
    """Before any has come they have all places; from then on one fewer, and urgent work begins at once."""
    async with ground() as one:
        core, first, gate, urgent = keeping(one, 4), Gate(), Gate(), Gate()
        one.put(core, first)
        for _ in range(3):
            one.put(core, gate)
        await first.holds(1)
        await gate.holds(3)
        one.put(core, urgent, level=1)
        assert core.kept == 1
        for _ in range(6):
            one.put(core, gate)
        first.open()
        await urgent.holds(1)
        assert core.backlog.ready == 6
        gate.open()
        urgent.open()
        await one.ran(11)

        await until(lambda: core.working == 0)
        second = Gate()
        for _ in range(9):
            one.put(core, second)
        await second.holds(3)
        await settle()
        assert (core.working, core.backlog.ready) == (3, 6)
        hurried = Gate()
        one.put(core, hurried, level=2)
        await hurried.holds(1)
        one.put(core, hurried, level=2)  # the place is taken: it waits for the next, before all that wait already
        hurried.open()
        await one.ran(13)
        second.open()
        await one.ran(22)


async def test_what_is_older_does_not_take_the_kept_place():
    """Work that by its age would come before urgent work waits for a place of its own all the same."""
    async with ground() as one:
        core, gate = keeping(one, 4), Gate()
        one.put(core, int, level=1)
        for _ in range(3):
            one.put(core, gate)
        await gate.holds(3)
        aged = one.put(core, int, level=5, submitted=-1000.0)
        late = one.put(core, int, level=1)
        await one.ran(2)
        assert late.started > 0 > aged.started
        gate.open()
        await one.ran(6)


async def test_urgent_work_in_every_place_does_not_starve_what_has_aged():
    """A place is kept only while no urgent work is at work: an overload of it takes its turns by age like any other."""
    async with ground() as one:
        core, gate, following = keeping(one, 4), Gate(), Gate()
        urgent = [one.put(core, gate, level=1) for _ in range(4)]
        await gate.holds(4)
        assert (core.kept, core.reserved, core.hurried) == (1, 0, 4)
        old = [one.put(core, following, level=5) for _ in range(2)]
        for _ in range(4):
            one.put(core, following, level=1, submitted=1000.0)
        gate.open()
        await following.holds(4)
        assert [job.started > 0 for job in (*urgent, *old)] == [True] * 6
        following.open()
        await one.ran(10)
        await until(lambda: core.hurried == core.working == 0)


async def test_jobs_that_a_thread_claims_along_do_not_change_whose_place_it_is():
    """The place was given for the first of a batch; what the last of it is says nothing of what is to be given back."""
    async with ground() as one:
        core, gate = keeping(one, 4), Gate()
        for _ in range(4):
            one.put(core, gate)
        await gate.holds(4)
        for number in range(60):
            one.put(core, int, level=(1, 3, 2, 4)[number % 4], light=True)
        gate.open()
        await one.ran(64)
        await until(lambda: core.working == 0)
        assert core.hurried == 0


async def test_the_place_is_given_back_when_no_urgent_work_comes_any_more():
    """Two looks without any, and what waits has it: nobody has to come for that."""
    async with ground() as one:
        core, gate = keeping(one, 4), Gate()
        one.put(core, int, level=1)
        await one.ran(1)
        for _ in range(5):
            one.put(core, gate)
        await gate.holds(3)
        assert core.relax()
        assert (core.kept, core.working) == (1, 3)
        assert not core.relax()
        await gate.holds(4)
        assert (core.kept, core.working) == (0, 4)
        gate.open()
        await one.ran(6)


async def test_of_few_places_none_is_kept():
    """Of three it would be a third; a limit that sinks below four gives it back."""
    async with ground() as one:
        few, gate = keeping(one, 3), Gate()
        one.put(few, gate, level=1)
        for _ in range(2):
            one.put(few, gate)
        await gate.holds(3)
        assert few.kept == 0
        sinking = keeping(one, 4)
        one.put(sinking, gate, level=1)
        assert sinking.kept == 1
        sinking.resize(1)
        assert sinking.kept == 0
        gate.open()
        await one.ran(4)


async def test_none_is_kept_where_priority_does_not_decide():
    """Under fair shares nobody jumps the queue, so nobody leaves a place for it."""
    async with ground() as one:
        core, gate = keeping(one, 4), Gate()
        core.backlog.use(ORDERINGS[SchedulingPolicy.FAIR_SHARE], [one.lane])  # type: ignore[attr-defined]
        for level in (1, 3, 3, 3):
            one.put(core, gate, level=level)
        await gate.holds(4)
        assert core.kept == 0
        gate.open()
        await one.ran(4)


async def test_threads_are_not_woken_for_work_that_may_not_have_the_place():
    """An overload of other work passes the sleeping thread of the kept place by."""
    async with ground() as one:
        core, gate, first = keeping(one, 4), Gate(), Gate()
        for _ in range(4):
            one.put(core, first, level=1)
        await first.holds(4)
        first.open()
        await until(lambda: core.parked == 4)
        for _ in range(3):
            one.put(core, gate)
        await gate.holds(3)
        (asleep,) = core.sleepers()
        since = asleep.parked_at
        for _ in range(20):
            one.put(core, gate)
        core.ensure()
        await settle()
        assert core.sleepers() == (asleep,)
        assert asleep.parked_at == since
        gate.open()
        await one.ran(27)
        assert one.house.created == 4


@pytest.mark.parametrize("seed", range(6))
async def test_whatever_comes_all_of_it_is_run(seed):
    """Levels, lanes, coroutines apart and looks in any order: nothing is left waiting beside a free place."""
    chance = random.Random(seed)
    async with ground() as one:
        core = keeping(one, 4)
        lanes = [Lane(f"lane {number}") for number in range(3)]
        count = 400
        for number in range(count):
            level = chance.choice((1, 2, 3, 4, 5))
            one.put(core, sum, range(chance.choice((1, 2000))), level=level, lane=chance.choice(lanes))
            if number % 50 == 0:
                core.relax()
            if number % 20 == 0:
                await settle()
        core.relax()
        core.relax()
        await one.ran(count)
        await until(lambda: core.working == core.backlog.ready == 0)

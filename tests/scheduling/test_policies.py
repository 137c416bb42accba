"""The six policies, as tables and as promises about long runs."""

from __future__ import annotations

import math
import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from companion_async.scheduling.lane import Lane
from companion_async.scheduling.policies import ORDERINGS, SchedulingPolicy
from tests.scheduling.lanes import SPAN, Item, drained, pushed, queue

_INF = math.inf

# policy, what waits as (level, submitted, deadline, expected) in order of submission, the order in which it comes
TABLE = [
    (
        SchedulingPolicy.PRIORITY_FIRST,
        [(5, 0, _INF, 0), (1, 1, _INF, 0), (3, 2, _INF, 0), (1, 3, _INF, 0)],
        [1, 3, 2, 0],
    ),
    (SchedulingPolicy.PRIORITY_FIRST, [(2, 0, 9, 9), (2, 1, 1, 1), (2, 2, 5, 5)], [0, 1, 2]),
    # One level is worth SPAN seconds of waiting: less does not overtake, more does.
    (SchedulingPolicy.WEIGHTED_PRIORITY, [(3, 0, _INF, 0), (2, SPAN - 1, _INF, 0)], [1, 0]),
    (SchedulingPolicy.WEIGHTED_PRIORITY, [(3, 0, _INF, 0), (2, SPAN + 1, _INF, 0)], [0, 1]),
    (SchedulingPolicy.WEIGHTED_PRIORITY, [(3, 0, _INF, 0), (2, SPAN, _INF, 0)], [0, 1]),
    (SchedulingPolicy.WEIGHTED_PRIORITY, [(5, 0, _INF, 0), (1, 4 * SPAN + 1, _INF, 0), (1, 1, _INF, 0)], [2, 0, 1]),
    (SchedulingPolicy.SHORTEST_JOB_FIRST, [(1, 0, 1, 3.0), (5, 1, 1, 0.1), (3, 2, 1, 0.2)], [1, 2, 0]),
    # One that was never measured goes first, and so is measured.
    (SchedulingPolicy.SHORTEST_JOB_FIRST, [(1, 0, 1, 0.1), (5, 1, 1, 0.0)], [1, 0]),
    (SchedulingPolicy.EARLIEST_DEADLINE_FIRST, [(1, 0, _INF, 0), (5, 1, 30, 0), (5, 2, 20, 0)], [2, 1, 0]),
    # An overdue task is the most urgent, and is not dropped.
    (SchedulingPolicy.EARLIEST_DEADLINE_FIRST, [(3, 90, 100, 0), (3, 91, -5, 0)], [1, 0]),
]


@pytest.mark.feature("CB-03", "PS-01", "PS-04", "PS-05", "PS-09", "PF-3")
@pytest.mark.parametrize(("policy", "waiting", "order"), TABLE)
def test_each_policy_orders_the_tasks_of_a_module(policy, waiting, order):
    """The table says in which order each policy takes the tasks of one module."""
    lane, heap = Lane("m"), queue(policy)
    items = pushed(
        heap,
        *(
            Item(lane, level=level, submitted=submitted, deadline=deadline, expected=expected)
            for level, submitted, deadline, expected in waiting
        ),
    )
    assert [items.index(item) for item in drained(heap)] == order


@pytest.mark.feature("CB-03", "PS-01", "PS-04", "PS-05", "PS-09", "PF-3")
@pytest.mark.parametrize(("policy", "waiting", "order"), [row for row in TABLE if not ORDERINGS[row[0]].turns])
def test_a_policy_without_turns_orders_across_modules_as_inside_one(policy, waiting, order):
    """The same table holds when every task belongs to another module."""
    heap = queue(policy)
    items = pushed(
        heap,
        *(
            Item(Lane(f"m{number}"), level=level, submitted=submitted, deadline=deadline, expected=expected)
            for number, (level, submitted, deadline, expected) in enumerate(waiting)
        ),
    )
    assert [items.index(item) for item in drained(heap)] == order


@pytest.mark.feature("PS-01", "CB-03")
@given(levels=st.lists(st.integers(1, 5), max_size=60))
def test_priority_first_is_a_total_order_with_fifo_inside_a_level(levels):
    """For any submission, what comes out is the stable sort by level, IDLE and LOW included."""
    lane, heap = Lane("m"), queue(SchedulingPolicy.PRIORITY_FIRST)
    items = pushed(heap, *(Item(lane, level=level) for level in levels))
    assert drained(heap) == sorted(items, key=lambda item: item.level)


@pytest.mark.feature("PS-02")
def test_round_robin_takes_one_of_each_module_and_the_best_inside_it():
    """Modules take turns however much one has submitted, and inside a module the most urgent goes first."""
    many, few = Lane("many"), Lane("few")
    heap = queue(SchedulingPolicy.ROUND_ROBIN)
    flood = pushed(heap, *(Item(many, level=1) for _ in range(6)))
    low, critical = pushed(heap, Item(few, level=4), Item(few, level=1))
    assert drained(heap) == [flood[0], critical, flood[1], low, *flood[2:]]


@pytest.mark.feature("PS-02")
def test_round_robin_gives_no_credit_for_idleness():
    """A module that had nothing to do for a while takes turns from now on; it does not catch up on what it missed."""
    busy, quiet = Lane("busy"), Lane("quiet")
    heap = queue(SchedulingPolicy.ROUND_ROBIN)
    pushed(heap, *(Item(busy) for _ in range(150)))
    for _ in range(100):
        assert heap.pop() is not None
    pushed(heap, *(Item(quiet) for _ in range(10)))
    taken = [item.lane.name for item in drained(heap)[:20]]
    assert Counter(taken) == {"busy": 10, "quiet": 10}


@pytest.mark.feature("PS-03")
@pytest.mark.parametrize("quotas", [(3, 2, 1), (1, 1, 1, 1), (10, 1), (7, 5, 3, 2, 1)])
def test_fair_share_keeps_to_the_quotas_over_any_thousand_dispatches(quotas):
    """With every module backlogged, each window of 1,000 dispatches gives each its share of quota within 10 %, although
    one submitted everything first.
    """
    lanes = [Lane(f"m{number}", quota=quota) for number, quota in enumerate(quotas)]
    heap = queue(SchedulingPolicy.FAIR_SHARE)
    for lane in lanes:
        pushed(heap, *(Item(lane) for _ in range(4000)))
    taken: list[Lane] = []
    while all(lane.size for lane in lanes) and len(taken) < 4000:
        item = heap.pop()
        assert item is not None
        taken.append(item.lane)
        heap.left(item.lane)
    windows = [taken[start : start + 1000] for start in range(0, len(taken) - 999, 250)]
    assert windows
    for window in windows:
        for lane in lanes:
            share = 1000 * lane.quota / sum(quotas)
            assert abs(window.count(lane) - share) <= 0.1 * share


@pytest.mark.feature("PS-03")
def test_a_quota_that_changes_holds_from_the_next_dispatches_on():
    """Raised from 1 to 3 while both are backlogged, a module gets three of four dispatches."""
    raised, other = Lane("raised"), Lane("other")
    heap = queue(SchedulingPolicy.FAIR_SHARE)
    pushed(heap, *(Item(lane) for _ in range(1000) for lane in (raised, other)))
    first = [heap.pop() for _ in range(100)]
    raised.quota = 3
    second = [heap.pop() for _ in range(400)]
    assert sum(item is not None and item.lane is raised for item in first) == 50
    assert abs(sum(item is not None and item.lane is raised for item in second) - 300) <= 2


@pytest.mark.feature("PS-03")
def test_one_task_among_a_million_goes_next_under_fair_share():
    """However deep a module's backlog, another module's first task is among the next two."""
    flood, one = Lane("flood"), Lane("one")
    heap = queue(SchedulingPolicy.FAIR_SHARE)
    pushed(heap, *(Item(flood) for _ in range(20_000)))
    assert heap.pop() is not None
    (single,) = pushed(heap, Item(one))
    assert single in [heap.pop(), heap.pop()]


@pytest.mark.feature("X-06", "PS-04")
@pytest.mark.parametrize("seed", range(5))
def test_ageing_bounds_the_wait_of_every_priority(seed):
    """Under an endless overload of more urgent work, a task of level l waits no longer than (l - k) ageing spans for
    those of level k, plus the backlog that it met.
    """
    draw = random.Random(seed)
    heap, now, worst = queue(SchedulingPolicy.WEIGHTED_PRIORITY), 0.0, dict.fromkeys(range(1, 6), 0.0)
    lanes = [Lane(f"m{number}") for number in range(3)]
    service = 0.1
    backlog = 20
    pushed(heap, *(Item(draw.choice(lanes), level=1, submitted=0.0) for _ in range(backlog)))
    for step in range(4000):
        now = step * service
        # CRITICAL work alone arrives as fast as it can be served; the rest comes on top, rarely.
        heap.push(Item(draw.choice(lanes), level=1, submitted=now))
        if step % 40 == 0:
            heap.push(Item(draw.choice(lanes), level=draw.randint(2, 5), submitted=now))
        item = heap.pop()
        assert isinstance(item, Item)
        heap.left(item.lane)
        worst[item.level] = max(worst[item.level], now - item.submitted)
    for level in range(2, 6):
        # Those that may pass it: of level k, submitted within (l - k) spans after it; and the backlog it met.
        assert 0 < worst[level] <= (level - 1) * SPAN + (backlog + 4000 / 40) * service
    assert worst[5] > worst[2]


@pytest.mark.feature("X-06")
@given(
    first=st.tuples(st.integers(1, 5), st.floats(0, 1000)),
    second=st.tuples(st.integers(1, 5), st.floats(0, 1000)),
    later=st.floats(1000, 1e6),
)
def test_the_static_key_orders_as_priorities_that_age_would_at_any_instant(first, second, later):
    """Comparing the constants equals comparing level minus age over span, at every moment: so the heap stays true."""

    def key(level: int, submitted: float) -> float:
        item = Item(Lane("m"), level=level, submitted=submitted)
        return ORDERINGS[SchedulingPolicy.WEIGHTED_PRIORITY].key(item, SPAN)

    def aged(level: int, submitted: float) -> float:
        return float(level - (later - submitted) / SPAN)

    difference = aged(*first) - aged(*second)
    if abs(difference) > 1e-6:
        assert (key(*first) < key(*second)) is (difference < 0)


@pytest.mark.feature("X-06", "PS-04", "PF-3")
@given(
    arrivals=st.lists(
        st.tuples(st.integers(1, 5), st.floats(0, 30), st.booleans(), st.integers(0, 2), st.integers(0, 3)), max_size=60
    )
)
def test_nobody_is_overtaken_by_more_than_the_bound_allows(arrivals):
    """However tasks of all levels and modules arrive and are taken, alone or as a batch of light ones: of those that
    came after it, a task of level l is passed only by tasks of level k < l submitted within (l - k) spans after it.
    """
    lanes = [Lane(f"m{number}") for number in range(3)]
    heap, now, taken = queue(SchedulingPolicy.WEIGHTED_PRIORITY), 0.0, list[Item]()

    def take() -> bool:
        first = heap.pop()
        if first is None:
            return False
        assert isinstance(first, Item)
        taken.append(first)
        if first.light:
            heap.claim(first.lane, 4, taken.append)  # type: ignore[arg-type]
        heap.left(first.lane)
        return True

    for level, pause, light, lane, takes in arrivals:
        now += pause
        heap.push(Item(lanes[lane], level=level, submitted=now, light=light))
        for _ in range(takes):
            take()
    while take():
        pass
    assert len(taken) == len(arrivals)
    for place, passed in enumerate(taken):
        for other in taken[:place]:
            if other.name > passed.name:
                assert other.level < passed.level
                assert other.submitted - passed.submitted <= (passed.level - other.level) * SPAN + 1e-9

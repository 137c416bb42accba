"""What a queue costs, and what its lanes hold back; the order itself is the model's matter."""

from __future__ import annotations

import math

import pytest

from companion_async.scheduling.lane import Lane
from companion_async.scheduling.policies import ORDERINGS, Ordering, SchedulingPolicy
from companion_async.scheduling.queue import Queue
from tests.scheduling.lanes import Item, drained, pushed, queue

POLICIES = list(SchedulingPolicy)


class Counted(float):
    """A key that counts how often it is compared."""

    comparisons = 0

    def __lt__(self, other: object) -> bool:
        Counted.comparisons += 1
        return float.__lt__(self, other)  # type: ignore[operator]

    def __eq__(self, other: object) -> bool:
        Counted.comparisons += 1
        return float.__eq__(self, other)

    __hash__ = float.__hash__


def comparisons_for(size: int, operations: int = 200) -> float:
    """Comparisons for one pop and one push, on average, with ``size`` tasks waiting in ten modules."""
    lanes = [Lane(f"m{number}") for number in range(10)]
    waiting = Queue(Ordering(lambda item, span: Counted(item.submitted)), 1.0)
    for number in range(size):
        waiting.push(Item(lanes[number % 10], submitted=(number * 7919) % size))
    Counted.comparisons = 0
    for number in range(operations):
        item = waiting.pop()
        assert item is not None
        waiting.left(item.lane)
        waiting.push(Item(item.lane, submitted=(number * 104_729) % size))
    return Counted.comparisons / operations


@pytest.mark.feature("PS-11")
def test_a_queue_of_ten_thousand_costs_a_few_comparisons_more():
    """Push and pop are O(log n): a hundred times the tasks cost less than three times the comparisons."""
    few, many = comparisons_for(100), comparisons_for(10_000)
    assert many < 3 * few
    assert many < 20 * math.log2(10_000)


@pytest.mark.feature("PM-05", "PS-11")
@pytest.mark.parametrize("policy", POLICIES)
def test_cancelled_tasks_leave_no_garbage_that_grows(policy):
    """Ten thousand cancels behind one task that stays leave a heap of that task and a bounded rest."""
    waiting, lane = queue(policy), Lane("m")
    (stays,) = pushed(waiting, Item(lane, level=1))
    for number in range(10_000):
        (item,) = pushed(waiting, Item(lane, level=1 + number % 5, submitted=number))
        assert waiting.discard(item)
    assert len(lane._heap) + sum(map(len, lane._lines.values())) < 200
    assert len(waiting._heads) < 200
    assert (waiting.size, lane.size) == (1, 1)
    assert drained(waiting) == [stays]


@pytest.mark.feature("PM-07", "PS-11")
def test_pausing_and_resuming_leaves_no_garbage_that_grows():
    """A module that is paused and resumed ten thousand times has one place in the order, not ten thousand."""
    waiting, lane, other = queue(SchedulingPolicy.WEIGHTED_PRIORITY), Lane("m"), Lane("other")
    pushed(waiting, Item(lane), Item(other))
    for _ in range(10_000):
        for held in (True, False):
            lane.held = held
            waiting.refresh(lane)
    assert len(waiting._heads) < 200
    assert len(drained(waiting)) == 2


@pytest.mark.feature("CB-12", "PM-07", "PE-06")
def test_a_held_module_keeps_its_tasks_and_their_order():
    """While one module is held the others go on; then its tasks come in the order they would have had."""
    waiting, held, other = queue(SchedulingPolicy.PRIORITY_FIRST), Lane("held"), Lane("other")
    low, high = pushed(waiting, Item(held, level=4), Item(held, level=2))
    held.held = True
    waiting.refresh(held)
    (passed,) = pushed(waiting, Item(other, level=5))
    assert drained(waiting) == [passed]
    assert (waiting.size, waiting.ready) == (2, 0)
    held.held = False
    waiting.refresh(held)
    assert drained(waiting) == [high, low]


def test_a_module_at_its_cap_waits_beside_the_heap():
    """A module runs no more at once than its cap; its next task comes as soon as one of them leaves."""
    waiting, capped, other = queue(SchedulingPolicy.PRIORITY_FIRST), Lane("capped", cap=2), Lane("other")
    first, second, third = pushed(waiting, *(Item(capped, level=1) for _ in range(3)))
    (less,) = pushed(waiting, Item(other, level=5))
    assert [waiting.pop() for _ in range(4)] == [first, second, less, None]
    waiting.left(capped)
    assert waiting.pop() is third


def test_a_task_for_a_thread_is_left_where_it_is_when_the_loop_asks():
    """The loop takes only what runs on the loop, and does not reach past a thread's task to get it."""
    waiting, lane = queue(SchedulingPolicy.PRIORITY_FIRST), Lane("m")
    threaded, coroutine = pushed(waiting, Item(lane), Item(lane, on_loop=True))
    assert waiting.pop(on_loop=True) is None
    assert waiting.pop() is threaded
    assert waiting.pop(on_loop=True) is coroutine


@pytest.mark.feature("PS-03", "PS-01")
@pytest.mark.parametrize("before", POLICIES)
@pytest.mark.parametrize("after", POLICIES)
def test_a_switch_of_policy_loses_nothing_and_orders_as_if_it_had_always_been(before, after):
    """Whatever the policy was, after the switch what waits comes in the new policy's order, equals as submitted."""

    def fill(policy: SchedulingPolicy) -> tuple[Queue, list[Lane], list[Item]]:
        lanes, waiting = [Lane("a", quota=3), Lane("b")], queue(policy)
        items = pushed(
            waiting,
            *(
                Item(
                    lanes[number % 2],
                    level=1 + number % 4,
                    submitted=float(number // 3),
                    deadline=100.0 - number % 5,
                    expected=float(number % 6),
                )
                for number in range(40)
            ),
        )
        return waiting, lanes, items

    switched, lanes, items = fill(before)
    switched.use(ORDERINGS[after], lanes)
    straight, _, others = fill(after)
    assert [items.index(item) for item in drained(switched)] == [others.index(item) for item in drained(straight)]


def test_a_task_that_was_taken_or_cancelled_cannot_be_cancelled_again():
    """Discarding tells whether the task waited here."""
    waiting, lane = queue(SchedulingPolicy.PRIORITY_FIRST), Lane("m")
    first, second = pushed(waiting, Item(lane), Item(lane))
    assert waiting.pop() is first
    assert not waiting.discard(first)
    assert waiting.discard(second)
    assert not waiting.discard(second)
    assert waiting.pop() is None


@pytest.mark.feature("PM-12")
def test_a_thread_that_claims_the_rest_of_a_module_pushes_no_other_out_of_the_order():
    """A module whose last tasks were cancelled has nothing more to claim, and the others keep their places."""
    waiting, claiming, other = queue(SchedulingPolicy.PRIORITY_FIRST), Lane("claiming"), Lane("other")
    first, cancelled = pushed(waiting, Item(claiming, level=1, light=True), Item(claiming, level=3, light=True))
    second, third = pushed(waiting, *(Item(other, level=2, light=True) for _ in range(2)))
    assert [waiting.pop(), waiting.pop()] == [first, second]
    assert waiting.discard(cancelled)
    claimed: list[object] = []
    assert waiting.claim(claiming, 4, claimed.append) == 0
    assert waiting.pop() is third


@pytest.mark.feature("CB-03", "PS-11")
def test_a_thread_claims_only_what_would_come_next_anyway():
    """What a thread takes along are the next light tasks of the same module, up to a better one of another."""
    waiting, mine, other = queue(SchedulingPolicy.PRIORITY_FIRST), Lane("mine"), Lane("other")
    light = pushed(waiting, *(Item(mine, level=2, light=True) for _ in range(3)))
    (urgent,) = pushed(waiting, Item(other, level=1, light=True))
    heavy, last = pushed(waiting, Item(mine, level=3), Item(mine, level=3, light=True))
    claimed: list[object] = []
    assert waiting.claim(mine, 9, claimed.append) == 0
    assert waiting.pop() is urgent
    assert waiting.pop() is light[0]
    assert waiting.claim(mine, 1, claimed.append) == 1
    assert waiting.claim(mine, 9, claimed.append) == 1
    assert claimed == light[1:]
    assert waiting.pop() is heavy
    assert waiting.pop() is last

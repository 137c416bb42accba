"""The queue against a plain list: whatever is done to both, the same comes out."""

from __future__ import annotations

import math

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from companion_async.scheduling.lane import Lane
from companion_async.scheduling.policies import ORDERINGS, SchedulingPolicy
from tests.scheduling.lanes import SPAN, Item, queue

_LANES = st.sampled_from(range(4))
_CAPS = st.sampled_from([None, None, None, 0, 1, 3])
_SPECS = st.fixed_dictionaries(
    {
        "lane": _LANES,
        "level": st.integers(1, 5),
        "deadline": st.sampled_from([1.0, 2.0, math.inf]),
        "expected": st.sampled_from([0.0, 0.1, 3.0]),
        "kind": st.sampled_from(["light", "light", "plain", "coroutine"]),
    }
)


class QueueAgainstList(RuleBasedStateMachine):
    """Four modules in one category. The model is a list of what waits; the best of it is found by looking at all."""

    def __init__(self) -> None:
        super().__init__()
        self.policy = SchedulingPolicy.WEIGHTED_PRIORITY
        self.queue = queue(self.policy)
        self.lanes = [Lane(f"m{number}") for number in range(4)]
        self.waiting: list[Item] = []  # in the order in which the queue took them
        self.running: list[Item] = []
        self.gone: list[Item] = []
        self.now = 0.0

    # -- what is done --------------------------------------------------------------------------------------------

    @rule(pause=st.sampled_from([0.0, 0.5, 10.0, 25.0]), specs=st.lists(_SPECS, min_size=1, max_size=8))
    def push(self, pause, specs):
        self.now += pause
        for spec in specs:
            item = Item(
                self.lanes[spec["lane"]],
                level=spec["level"],
                submitted=self.now,
                deadline=self.now + spec["deadline"],
                expected=spec["expected"],
                on_loop=spec["kind"] == "coroutine",
                light=spec["kind"] == "light",
            )
            if not self.appended(item):
                self.queue.push(item)
            self.waiting.append(item)

    @rule(spec=_SPECS)
    def pass_through(self, spec):
        """Nobody who could start is passed by, and no cap or hold; a lane that has lost its entry lets it through."""
        lane = self.lanes[spec["lane"]]
        item = Item(lane, level=spec["level"], submitted=self.now)
        alone = not any(self.open(other.lane) for other in self.waiting)
        passed = self.queue.pass_through(item)
        assert not passed or (alone and self.open(lane))
        assert passed or not (alone and self.open(lane) and lane._entry is None)
        if passed:
            self.running.append(item)

    def appended(self, item: Item) -> bool:
        """Half of them come without the lock."""
        if item.name % 2:
            return False
        added = self.queue.append(item)
        if added is False:
            self.queue.settle(item)
        return added is not None

    @rule(count=st.integers(1, 6))
    def pop(self, count):
        for _ in range(count):
            best = self.best()
            item = self.queue.pop()
            if not best:
                assert item is None
                return
            assert item in best
            self.start(item)

    @rule()
    def pop_for_the_loop(self):
        """The loop gets the best task if that runs on the loop, and nothing else."""
        best = self.best()
        item = self.queue.pop(on_loop=True)
        if item is None:
            assert self.turns or not (best and best[0].on_loop)
            return
        assert item in best
        assert item.on_loop
        self.start(item)

    @rule(on_loop=st.booleans())
    def pop_urgent(self, on_loop):
        """Of the upper levels, the one whose turn it is among them; only what stands in a heap may be passed over."""
        able = [item for item in self.waiting if self.open(item.lane) and item.level <= 2]
        key = ORDERINGS[self.policy].key
        lined = [item for item in able if not any(item is other for _, _, other in item.lane._heap)]
        item = self.queue.pop_urgent(on_loop=on_loop)
        if item is None:
            assert not lined or on_loop or not ORDERINGS[self.policy].levelled
            return
        assert ORDERINGS[self.policy].levelled
        assert item in able
        assert item.on_loop or not on_loop
        assert all(key(item, SPAN) <= key(other, SPAN) for other in lined)
        self.start(item)

    @precondition(lambda self: self.running)
    @rule(data=st.data(), most=st.integers(0, 4), back=st.integers(0, 2))
    def claim(self, data, most, back):
        """What a thread takes along with a job it has: never past a better task, a cap or a turn. What it gives back is
        where it was.
        """
        lane = data.draw(st.sampled_from(self.running)).lane
        claimed: list[Item] = []
        count = self.queue.claim(lane, most, claimed.append)  # type: ignore[arg-type]
        assert count == len(claimed) <= most
        assert not (claimed and self.turns)
        for item in claimed:
            assert item is self.best()[0]
            assert item.light
            assert item.lane is lane
            self.waiting.remove(item)
        keep = max(0, len(claimed) - back)
        for item in claimed[:keep]:
            self.gone.append(item)  # it runs in the place of the one before it, so it takes no room
        for item in reversed(claimed[keep:]):
            self.queue.restore(item)
            self.waiting.append(item)
            self.waiting.sort(key=lambda item: item.ticket)

    @precondition(lambda self: self.running)
    @rule(data=st.data(), count=st.integers(1, 4))
    def left(self, data, count):
        for item in data.draw(st.permutations(self.running))[:count]:
            self.running.remove(item)
            self.gone.append(item)
            self.queue.left(item.lane)

    @rule(lane=_LANES)
    def returned(self, lane):
        """One that had lent its place comes back: only its module's cap keeps it out."""
        back = self.lanes[lane]
        had = sum(item.lane is back for item in self.running)
        most = min(math.inf if cap is None else cap for cap in (back.cap, back.throttle))
        assert self.queue.returned(back) is (had < most)
        if had < most:
            self.running.append(Item(back))

    @precondition(lambda self: self.waiting or self.gone)
    @rule(data=st.data())
    def discard(self, data):
        item = data.draw(st.sampled_from(self.waiting + self.gone))
        assert self.queue.discard(item) is (item in self.waiting)
        if item in self.waiting:
            self.waiting.remove(item)
            self.gone.append(item)

    @precondition(lambda self: any(item.level > 1 for item in self.waiting))
    @rule(data=st.data())
    def reorder(self, data):
        """A level only ever rises. One that came back to its old level would be where it was in the line of that."""
        item = data.draw(st.sampled_from([item for item in self.waiting if item.level > 1]))
        item.level = data.draw(st.integers(1, item.level - 1))
        self.queue.reorder(item)
        self.waiting.remove(item)
        self.waiting.append(item)

    @rule(lane=_LANES, held=st.booleans(), cap=_CAPS, throttle=_CAPS, quota=st.integers(1, 5))
    def change(self, lane, held, cap, throttle, quota):
        changed = self.lanes[lane]
        changed.held, changed.cap, changed.throttle, changed.quota = held, cap, throttle, quota
        self.queue.refresh(changed)

    @rule(policy=st.sampled_from(list(SchedulingPolicy)))
    def switch(self, policy):
        self.policy = policy
        self.queue.use(ORDERINGS[policy], self.lanes)

    # -- the model -----------------------------------------------------------------------------------------------

    @property
    def turns(self) -> bool:
        return ORDERINGS[self.policy].turns

    def open(self, lane: Lane) -> bool:
        runs = sum(item.lane is lane for item in self.running)
        return not lane.held and all(cap is None or runs < cap for cap in (lane.cap, lane.throttle))

    def best(self) -> list[Item]:
        """The one that may come next; under a policy of turns, the one of each module."""
        key = ORDERINGS[self.policy].key
        able = [item for item in self.waiting if self.open(item.lane)]
        lanes = [[item for item in able if item.lane is lane] for lane in self.lanes] if self.turns else [able]
        # min keeps the first of equals, and the list is in order of submission.
        return [min(items, key=lambda item: key(item, SPAN)) for items in lanes if items]

    def start(self, item: Item) -> None:
        self.waiting.remove(item)
        self.running.append(item)

    # -- what holds at every moment --------------------------------------------------------------------------------

    @invariant()
    def nothing_is_lost_or_doubled(self):
        assert self.queue.size == len(self.waiting)
        for lane in self.lanes:
            mine = [item for item in self.waiting if item.lane is lane]
            assert lane.size == len(mine)
            assert sorted(map(id, lane.tasks())) == sorted(map(id, mine))
            assert lane.running == sum(item.lane is lane for item in self.running)

    @invariant()
    def what_is_ready_is_known(self):
        assert self.queue.ready == sum(self.open(item.lane) for item in self.waiting)

    def teardown(self):
        """At the end everything that waits can be had, each once."""
        for lane in self.lanes:
            lane.held, lane.cap, lane.throttle = False, None, None
            self.queue.refresh(lane)
        while (item := self.queue.pop()) is not None:
            assert isinstance(item, Item)
            self.start(item)
        assert not self.waiting
        assert self.queue.size == self.queue.ready == 0


TestQueueAgainstList = pytest.mark.feature("PS-11", "CB-03", "PS-01", "PS-04", "CB-12", "PE-06")(
    QueueAgainstList.TestCase
)
# Shrinking takes longer than a test may; the steps of a failure are few enough to be read as they are.
TestQueueAgainstList.settings = settings(max_examples=120, stateful_step_count=40, phases=[Phase.generate])
TestQueueAgainstList.__doc__ = (
    "Push, pop, urgent ones first, batches, cancel, pause, cap, throttle, re-prioritise and policy switches in any "
    "order lose nothing, double nothing and let nothing overtake."
)

"""The order in which a brain runs what waits: the six policies, a switch between them, and the line before the door."""

from __future__ import annotations

from typing import Any

import pytest

from companion_async import Brain, ModuleUnavailableError, QueueFullError, SchedulingPolicy, Task, TaskState
from companion_async.testing.clock import VirtualClock, settle, until
from tests.work.house import Gate, ends, running


class Scene:
    """A category with one slot, which a gate holds while the test lines up what is to wait."""

    def __init__(self, brain: Brain, gate: Gate) -> None:
        self.brain, self.gate = brain, gate
        self.order: list[Any] = []
        self.tasks: list[Task[Any]] = []

    def line_up(self, name: Any, module: str = "category:core", **options: Any) -> Task[Any]:
        """Have work wait that notes its name as it runs."""
        self.tasks.append(self.brain.submit(module, self.order.append, name, **options))
        return self.tasks[-1]

    async def ran(self) -> list[Any]:
        """Let everything run; the names in their order."""
        self.gate.open()
        for task in self.tasks:
            await task
        return self.order


async def scene(brain: Brain) -> Scene:
    gate = Gate()
    brain.submit("category:core", gate, timeout=None)
    await gate.holds(1)
    return Scene(brain, gate)


ONE_SLOT: dict[str, Any] = {"categories": {"core": 1}}


@pytest.mark.feature("PS-01", "CB-03")
async def test_priority_first_runs_levels_in_order_and_each_first_come_first_served():
    """However long the others have waited."""
    clock = VirtualClock()
    async with running(clock, policy="priority_first", **ONE_SLOT) as brain:
        one = await scene(brain)
        for level in ("idle", "low", "medium"):
            one.line_up(f"{level} 1", priority=level, timeout=None)
        await clock.advance(1000)
        for level in ("medium", "high", "critical", "critical"):
            one.line_up(f"{level} 2", priority=level, timeout=None)
        assert await one.ran() == ["critical 2", "critical 2", "high 2", "medium 1", "medium 2", "low 1", "idle 1"]


@pytest.mark.feature("PS-04", "X-06")
async def test_weighted_priority_lets_what_has_waited_long_overtake_the_urgent():
    """A level is worth one ageing span: before it the urgent go first, after it the old."""
    clock = VirtualClock()
    async with running(clock, policy="weighted_priority", ageing_span=10.0, **ONE_SLOT) as brain:
        one = await scene(brain)
        one.line_up("idle", priority="idle", timeout=None)
        await clock.advance(39)
        one.line_up("early", priority="critical", timeout=None)
        await clock.advance(2)
        one.line_up("late", priority="critical", timeout=None)
        assert await one.ran() == ["early", "idle", "late"]


async def three_each(brain: Brain, **quotas: int) -> list[str]:
    for name in ("a", "b"):
        await brain.register(name, lambda: None, quota=quotas.get(name, 1))
    one = await scene(brain)
    for name in ("a", "b"):
        for _ in range(6):
            one.line_up(name, module=name)
    return await one.ran()


@pytest.mark.feature("PS-02")
async def test_round_robin_takes_turns_among_modules():
    """One of each, though all of the one came first."""
    async with running(policy="round_robin", **ONE_SLOT) as brain:
        assert await three_each(brain, a=5) == ["a", "b"] * 6


@pytest.mark.feature("PS-03")
async def test_fair_share_goes_by_quota():
    """Of any three runs two are of the module with twice the quota, as long as both have work."""
    async with running(policy="fair_share", **ONE_SLOT) as brain:
        order = await three_each(brain, a=2)
        assert all(order[at : at + 3].count("a") == 2 for at in (0, 3, 6))


@pytest.mark.feature("PS-05", "PF-3")
async def test_shortest_job_first_goes_by_what_runs_have_taken():
    """A target that has taken seconds waits for one that has taken less."""
    clock = VirtualClock()
    async with running(clock, policy="shortest_job_first", **ONE_SLOT) as brain:
        gate, order = Gate(), list[str]()

        def work(name: str, hold: bool = False) -> None:
            order.append(name)
            if hold:
                gate(name)

        await brain.register("long", lambda hold=False: work("long", hold))
        await brain.register("short", lambda hold=False: work("short", hold))
        for name, takes in (("long", 9.0), ("short", 1.0)):
            run = brain.submit(name, "run", True, timeout=None)
            await gate.holds(1)
            await clock.advance(takes)
            gate.let(1)
            await run
        order.clear()
        one = await scene(brain)
        one.tasks = [brain.submit(name) for name in ("long", "short", "long", "short")]
        await one.ran()
        assert order == ["short", "short", "long", "long"]


@pytest.mark.feature("PS-09", "PF-3")
async def test_earliest_deadline_first_goes_by_the_time_that_is_left():
    """Whoever must be done first goes first; what has no limit goes last."""
    clock = VirtualClock()
    async with running(clock, policy="earliest_deadline_first", **ONE_SLOT) as brain:
        one = await scene(brain)
        for name, limit in (("never", None), ("30", 30.0), ("10", 10.0)):
            one.line_up(name, timeout=limit)
        await clock.advance(5)
        one.line_up("4 later", timeout=4.0)
        assert await one.ran() == ["4 later", "10", "30", "never"]


@pytest.mark.feature("PS-11")
@pytest.mark.parametrize("policy", list(SchedulingPolicy))
async def test_a_switch_loses_nothing_and_orders_what_waits_anew(policy):
    """Everything runs once; among what is equal otherwise, what came first stays first."""
    async with running(policy="priority_first", **ONE_SLOT) as brain:
        one = await scene(brain)
        for number in range(50):
            one.line_up(number, timeout=30.0)
        brain.set_policy(policy)
        for number in range(50, 100):
            one.line_up(number, timeout=30.0)
        assert await one.ran() == list(range(100))


@pytest.mark.feature("PS-11")
async def test_after_a_switch_the_new_policy_decides():
    """What waited under the old one is taken by the new one's rule."""
    async with running(policy="priority_first", **ONE_SLOT) as brain:
        one = await scene(brain)
        one.line_up("urgent, much time", priority="critical", timeout=30.0)
        one.line_up("idle, no time", priority="idle", timeout=3.0)
        brain.set_policy("earliest_deadline_first")
        assert await one.ran() == ["idle, no time", "urgent, much time"]


@pytest.mark.feature("PS-12")
async def test_a_full_queue_lets_in_those_who_wait_in_the_order_in_which_they_came():
    """`on_full="wait"`: blocked until there is room, and none overtakes, not even one that comes as room is made."""
    async with running(queue_capacity=2, policy="priority_first", **ONE_SLOT) as brain:
        one = await scene(brain)
        for number in range(8):
            one.line_up(number, on_full="wait", timeout=None)
        assert [task.state for task in one.tasks] == [TaskState.QUEUED] * 2 + [TaskState.BLOCKED] * 6
        with pytest.raises(QueueFullError):
            one.line_up("refused", on_full="reject")
        one.gate.let(1)
        await until(lambda: one.tasks[0].done())
        one.line_up("last", on_full="wait", timeout=None)
        assert await one.ran() == [*range(8), "last"]


@pytest.mark.feature("PS-12")
async def test_the_config_says_what_happens_at_a_full_queue_unless_the_submission_does():
    """``BrainConfig(on_full="wait")`` is the rule for all that say nothing."""
    async with running(queue_capacity=1, on_full="wait", **ONE_SLOT) as brain:
        one = await scene(brain)
        for number in range(3):
            one.line_up(number, timeout=None)
        with pytest.raises(QueueFullError) as caught:
            one.line_up("refused", on_full="reject")
        assert caught.value.retry_after > 0
        assert await one.ran() == [0, 1, 2]


@pytest.mark.feature("CB-06")
@pytest.mark.parametrize("how", ["waits", "runs", "completed", "failed", "cancelled"])
async def test_a_key_gives_the_same_task_whatever_has_become_of_it(how):
    """Nothing runs again, and what the second submission asks for otherwise is not looked at."""
    async with running(**ONE_SLOT) as brain:
        gate, ran = Gate(), list[str]()

        def work(name: str) -> None:
            ran.append(name)
            if how == "failed":
                raise OSError
            if how == "runs":
                gate()

        if how in ("waits", "cancelled"):
            brain.submit("category:core", gate, timeout=None)
            await gate.holds(1)
        first = brain.submit("category:core", work, "first", key="k")
        if how == "runs":
            await gate.holds(1)
        elif how == "cancelled":
            first.cancel()
        elif how != "waits":
            await until(first.done)
        assert brain.submit("category:core", work, "second", key="k", priority="critical") is first
        other = brain.submit("category:core", work, "other", key="another")
        assert other is not first
        gate.open()
        await until(lambda: first.done() and other.done())
        assert ran == (["other"] if how == "cancelled" else ["first", "other"])


@pytest.mark.feature("CB-06")
async def test_a_key_is_free_again_when_its_task_is_forgotten():
    """It holds for as long as the task is in the history, and not while that is alive for ever."""
    clock = VirtualClock()
    async with running(clock, history_seconds=60.0) as brain:
        first = brain.submit("category:core", int, key="k")
        await first
        await clock.advance(59)
        assert brain.submit("category:core", int, key="k") is first
        await clock.advance(2)
        second = brain.submit("category:core", int, key="k")
        assert second is not first
        assert await second == 0


@pytest.mark.feature("CB-06")
async def test_a_key_gives_its_task_also_while_the_module_takes_no_work():
    """Who asks again for what has been done gets it, quarantine or not; who asks for more is refused."""
    async with running() as brain:
        await brain.register("m", lambda: 0)
        first = brain.submit("m", key="k")
        assert await first == 0
        await brain._assembly("test").controls.quarantine("m", "broken")
        assert brain.submit("m", key="k") is first
        bad: Any = 7
        for key in ("another", None, bad):
            with pytest.raises(ModuleUnavailableError):
                brain.submit("m", key=key)


@pytest.mark.feature("CB-03")
async def test_a_module_at_its_cap_holds_up_no_other():
    """Its work stays where it is, and what stands behind it of others goes on."""
    async with running(categories={"core": 2}) as brain:
        gate, order = Gate(), list[int]()

        def work(number: int) -> None:
            order.append(number)
            if not number:
                gate()

        await brain.register("capped", work, max_concurrency=1)
        held = [brain.submit("capped", "run", number, timeout=None) for number in range(3)]
        await gate.holds(1)
        others = [brain.submit("category:core", order.append, number) for number in (10, 11, 12)]
        for task in others:
            await task
        await settle()
        assert not held[1].done()
        assert order == [0, 10, 11, 12]
        gate.open()
        for task in held:
            await task
        assert order[-2:] == [1, 2]
        assert set(ends(*held)) == {"completed"}

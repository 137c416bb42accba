"""Pause, resume, stop and start again: the states as a user sees them, and the work that waits meanwhile."""

from __future__ import annotations

import asyncio
import functools
import os
from collections.abc import Iterator

import pytest

from companion_async import BaseModule, InvalidArgumentError, ModuleState, ModuleUnavailableError, TaskState
from companion_async.events.kinds import ModuleEvent
from companion_async.testing.clock import VirtualClock, settle, until
from tests.brain.rig import Gate, brain_on, diary


@pytest.mark.feature("CB-04")
async def test_every_state_is_seen_from_outside() -> None:
    """Initializing, running, paused, error, stopping and stopped, each in `module_status` and `status` alike."""
    clock, begin, end = VirtualClock(), asyncio.Event(), asyncio.Event()

    class Slow:
        async def start(self) -> None:
            await begin.wait()

        async def stop(self) -> None:
            await end.wait()

        def run(self) -> None: ...

    async with brain_on(clock) as brain:

        def state() -> str:
            seen = brain.module_status("m").state
            assert brain.status().module_threads["m"].state == seen
            assert seen in {known.value for known in ModuleState}
            return seen

        registering = asyncio.create_task(brain.register("m", Slow))
        await until(lambda: "m" in brain.status().module_threads)
        assert state() == "initializing"
        begin.set()
        await registering
        assert state() == "running"
        brain.pause("m")
        assert state() == "paused"
        brain.resume("m")
        assert state() == "running"
        leaving = asyncio.create_task(brain.unregister("m"))
        await settle()
        assert state() == "stopping"
        end.set()
        await leaving
        assert "m" not in brain.status().module_threads


@pytest.mark.feature("CB-12", "CB-13", "PM-07", "PE-06")
async def test_a_pause_lets_the_running_end_and_holds_the_rest() -> None:
    """What runs completes, what waits waits without a thread, and a resume loses nothing and keeps the order."""
    gate, seen = Gate(), list[int]()
    async with brain_on() as brain:
        await brain.register("m", diary(), max_concurrency=1)
        running = brain.submit("m", "call", gate)
        await gate.holds(1)
        brain.pause("m")
        waiting = [brain.submit("m", "call", seen.append, number) for number in range(5)]
        gate.open()
        assert await running == (1, None)
        await until(lambda: brain.module_status("m").running == 0)
        assert [task.state for task in waiting] == [TaskState.QUEUED] * 5
        status = brain.status()
        assert status.active_threads == 0
        assert brain.module_status("m").queue_size == 5
        brain.resume("m")
        await asyncio.gather(*waiting)
        assert seen == [0, 1, 2, 3, 4]


@pytest.mark.feature("CB-12", "CB-F3")
async def test_a_paused_module_holds_up_no_other() -> None:
    """Others of its category go on, though its work came first."""
    async with brain_on(categories={"core": 1}) as brain:
        await brain.register("paused", diary())
        await brain.register("other", diary())
        brain.pause("paused")
        waiting = [brain.submit("paused", priority="critical") for _ in range(50)]
        assert await brain.submit("other", priority="idle") == (1, None)
        brain.resume("paused")
        assert await asyncio.gather(*waiting) == [(1, None)] * 50


async def test_what_waits_in_a_paused_module_can_be_cancelled() -> None:
    """It never runs, and the rest does."""
    fresh = diary()
    async with brain_on() as brain:
        await brain.register("m", fresh)
        brain.pause("m")
        first, second = brain.submit("m", "run", 1), brain.submit("m", "run", 2)
        assert first.cancel()
        brain.resume("m")
        assert await second == (1, 2)
        assert first.cancelled()


async def test_paused_twice_and_resumed_twice_is_as_once() -> None:
    """Neither adds up."""
    async with brain_on() as brain:
        await brain.register("m", diary())
        brain.pause("m")
        brain.pause("m")
        brain.resume("m")
        brain.resume("m")
        assert await brain.submit("m") == (1, None)


async def test_a_reason_stands_in_the_decision_log() -> None:
    """A person's word is told apart from the brain's own."""
    async with brain_on() as brain:
        await brain.register("m", diary())
        brain.pause("m", "maintenance at noon")
        brain.resume("m", "done")
        await brain.restart("m", "new weights")
        found = [(d.type, d.context, d.reason, d.rule) for d in brain.decisions()]
        assert found == [
            ("pause", "m", "maintenance at noon", "person"),
            ("resume", "m", "done", "person"),
            ("restart", "m", "new weights", "person"),
        ]


async def test_a_stopped_module_refuses_work_and_says_why() -> None:
    """`ModuleUnavailableError` names the state; what waited is cancelled, and a person's resume opens it again."""
    clock, fresh, gate = VirtualClock(), diary(), Gate()
    async with brain_on(clock) as brain:
        await brain.register("m", fresh, max_concurrency=1)
        running = brain.submit("m", "call", gate, timeout=None)
        await gate.holds(1)
        waiting = brain.submit("m")
        parts = brain._assembly("test")
        await parts.controls.quarantine("m", "it broke everything")
        assert waiting.cancelled()
        with pytest.raises(ModuleUnavailableError, match=r"quarantined.*it broke everything"):
            brain.submit("m")
        gate.open()
        assert await running == (1, None)
        brain.resume("m")
        await until(lambda: brain.module_status("m").state == "running")
        assert await brain.submit("m") == (2, None)


@pytest.mark.feature("PM-09")
async def test_each_move_is_an_event() -> None:
    """Started, paused, resumed, restarted and completed, in order, each with module and category."""
    async with brain_on() as brain:
        told = []
        async with brain.events.subscribe("module.*") as stream:
            await brain.register("m", diary(), category="phase2")
            brain.pause("m")
            brain.resume("m")
            await brain.restart("m")
            await brain.unregister("m")
            async for event in stream:
                told.append(event.kind)
                assert isinstance(event, ModuleEvent)
                assert (event.module, event.category) == ("m", "phase2")
                if event.kind == "module.completed":
                    break
        assert told == [
            "module.started",
            "module.paused",
            "module.resumed",
            "module.started",
            "module.restarted",
            "module.completed",
        ]


async def test_unregistering_cancels_what_waits_and_lets_the_running_end() -> None:
    """Every task of it ends: the waiting as cancelled, the running with its result."""
    gate, fresh = Gate(), diary()
    async with brain_on() as brain:
        await brain.register("m", fresh, max_concurrency=1)
        running = brain.submit("m", "call", gate, 5)
        await gate.holds(1)
        waiting = [brain.submit("m") for _ in range(3)]
        leaving = asyncio.create_task(brain.unregister("m"))
        await settle()
        assert all(task.cancelled() for task in waiting)
        with pytest.raises(ModuleUnavailableError):
            brain.submit("m")
        assert not leaving.done()
        gate.open()
        assert await running == (1, 5)
        await leaving
        assert fresh.notes == ["start 1", "stop 1"]


@pytest.mark.feature("PM-01")
async def test_unregistering_waits_no_longer_than_the_grace_for_a_run() -> None:
    """Then the run is cancelled like any other, and the module is gone."""
    clock, gate = VirtualClock(), Gate()
    async with brain_on(clock, cancel_grace=5.0) as brain:
        await brain.register("m", diary())
        running = brain.submit("m", "call", gate, timeout=None)
        await gate.holds(1)
        leaving = asyncio.create_task(brain.unregister("m"))
        await clock.advance(4.9)
        assert not leaving.done()
        await clock.advance(0.2)
        await leaving
        assert running.cancelled()
        gate.open()


async def test_drain_returns_when_all_that_was_accepted_has_ended() -> None:
    """Of one module or of all; what comes later is not waited for."""
    gate, other = Gate(), Gate()
    async with brain_on() as brain:
        await brain.register("m", diary())
        await brain.register("n", diary())
        brain.submit("m", "call", gate)
        brain.submit("n", "call", other)
        one, all_of_them = asyncio.create_task(brain.drain("m")), asyncio.create_task(brain.drain())
        await gate.holds(1)
        assert not one.done()
        gate.open()
        await one
        assert not all_of_them.done()
        other.open()
        await all_of_them
        await brain.drain()


async def test_a_drain_that_is_given_up_leaves_the_tasks_alone() -> None:
    """Cancelling the wait cancels no task."""
    gate = Gate()
    async with brain_on() as brain:
        await brain.register("m", diary())
        task = brain.submit("m", "call", gate, 3)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(brain.drain("m"), 0.01)
        gate.open()
        assert await task == (1, 3)


@pytest.mark.parametrize("quota", [0, -1, 2.5, True, "3", None, 10**9])
async def test_a_quota_that_could_not_be_meant_is_refused(quota: object) -> None:
    """The old one stays."""
    async with brain_on() as brain:
        await brain.register("m", diary(), quota=3)
        with pytest.raises(InvalidArgumentError, match="quota"):
            brain.set_quota("m", quota)  # type: ignore[arg-type]
        assert brain.module_status("m").quota == 3


async def test_a_quota_changes_the_shares_from_then_on() -> None:
    """With fair shares, one slot and quotas 3 to 1, three of four runs are the first module's."""
    order: list[str] = []
    gate = Gate()
    async with brain_on(categories={"core": 1}, policy="fair_share") as brain:
        await brain.register("a", diary())
        await brain.register("b", diary())
        brain.set_quota("a", 3)
        blocker = brain.submit("category:core", gate)
        await gate.holds(1)
        tasks = [brain.submit(name, "call", order.append, name) for name in ("a", "b") for _ in range(40)]
        gate.open()
        await asyncio.gather(blocker, *tasks)
        assert order[:40].count("a") == 30
        assert brain.module_status("a").quota == 3


@pytest.mark.feature("CB-04")
async def test_work_may_follow_a_resume_at_once() -> None:
    """The module that a person has just resumed starts in the loop's next turn: work for it waits, as in a restart."""
    async with brain_on() as brain:
        await brain.register("m", lambda: 7)
        await brain._assembly("test").controls.quarantine("m", "for the test")
        brain.resume("m")
        task = brain.submit("m")
        assert task.state is TaskState.QUEUED
        assert await task == 7
        assert brain.module_status("m").state == "running"


@pytest.mark.feature("CB-04")
async def test_work_for_a_module_that_is_resumed_and_fails_again_waits_while_that_is_healed() -> None:
    """It is held and not lost, however the start goes."""
    works = False

    class Moody:
        def start(self) -> None:
            if not works:
                raise OSError("not yet")

        def run(self) -> int:
            return 7

    async with brain_on() as brain:
        await brain.register("m", Moody)
        await brain._assembly("test").controls.quarantine("m", "for the test")
        brain.resume("m")
        task = brain.submit("m")
        await until(lambda: brain.module_status("m").state == "error")
        assert task.state is TaskState.QUEUED
        works = True
        assert await brain.restart("m")
        assert await task == 7


@pytest.mark.feature("CB-F1")
@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="this system has no thread affinity")
async def test_pinned_threads_run_on_their_processors() -> None:
    """A category's threads, and the runs of a module; none lifts it, and others are left alone."""
    own = os.sched_getaffinity(0)
    first = min(own)
    async with brain_on() as brain:
        await brain.register("m", lambda: os.sched_getaffinity(0), category="phase1")
        await brain.to_thread(int)
        brain.pin("core", [first])
        assert await brain.to_thread(os.sched_getaffinity, 0) == {first}
        brain.pin("core", [])
        assert await brain.to_thread(os.sched_getaffinity, 0) == own
        brain.pin("m", [first])
        assert await brain.submit("m") == {first}
        assert await brain.to_thread(os.sched_getaffinity, 0, category="phase1") == own
        brain.pin("m", [])
        assert await brain.submit("m") == own
        for wrong in ([10_000], ["0"], 3, [True]):
            with pytest.raises(InvalidArgumentError, match="cpus"):
                brain.pin("core", wrong)  # type: ignore[arg-type]
        with pytest.raises(ValueError, match="nobody"):
            brain.pin("nobody", [first])


@pytest.mark.feature("CB-F1")
@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="this system has no thread affinity")
async def test_whatever_runs_in_a_pinned_modules_threads_is_pinned() -> None:
    """A generator to its last item, and a callable in the module's place; what runs on the loop leaves that alone."""
    own = os.sched_getaffinity(0)
    first = min(own)

    def cpus() -> set[int]:
        return os.sched_getaffinity(0)

    class Where(BaseModule):
        def items(self) -> Iterator[set[int]]:
            yield cpus()
            yield cpus()

        async def on_the_loop(self) -> set[int]:
            return cpus()

    async with brain_on() as brain:
        await brain.register("m", Where)
        for pinned, expected in (([first], {first}), ([], own)):
            brain.pin("m", pinned)
            assert await brain.submit("m", "items") == [expected, expected]
            assert await brain.submit("m", cpus) == expected
            assert await brain.submit("m", functools.partial(cpus)) == expected
            assert await brain.submit("m", "on_the_loop") == own
            assert await brain.to_thread(cpus) == own

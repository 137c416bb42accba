"""A run that does not end: found, signalled, raised in, abandoned in its place, replaced, quarantined, explained."""

from __future__ import annotations

import asyncio
import threading
from functools import partial
from typing import Any

import pytest

from companion_async import BaseModule, Task, TaskTimeoutError, Timeout, current_task
from companion_async.events.kinds import DecisionMade, SystemOverload, SystemRecovered
from companion_async.testing.clock import VirtualClock, settle, until
from tests.brain.rig import Gate, brain_on, diary, told, types


async def hang(brain, clock: VirtualClock, gate: Gate, count: int, **options) -> list[Task[Any]]:
    """``count`` runs of module m that hang until the gate opens, each past its limit by now."""
    tasks = [brain.submit("m", "call", gate, timeout=5, **options) for _ in range(count)]
    await gate.holds(gate.inside + count)
    await clock.advance(5)
    for task in tasks:
        with pytest.raises(TaskTimeoutError):
            task.result()
    return tasks


@pytest.mark.feature("X-18", "CB-18")
async def test_a_run_past_its_limit_loses_its_slot_and_keeps_its_place() -> None:
    """Its caller is told on time, the slot is replaced, the thread is counted as abandoned until it has ended."""
    clock, gate = VirtualClock(), Gate()
    async with brain_on(clock, categories={"core": 1}) as brain:
        await brain.register("m", diary())
        (task,) = await hang(brain, clock, gate, 1)
        assert isinstance(task.error, TaskTimeoutError)
        assert task.error.span == "run"
        assert await brain.submit("m") == (1, None)
        core = brain.status().categories["core"]
        assert (core.abandoned, core.total, core.max) == (1, 1, 1)
        assert brain.status().total_threads == 2 + brain.status().categories["monitoring"].total
        abandoned = [worker for worker in core.workers if worker.state == "abandoned"]
        assert [worker.task_id for worker in abandoned] == [task.id]
        gate.open()
        await until(lambda: brain.status().categories["core"].abandoned == 0)
        assert brain.status().abandoned_threads == 0


@pytest.mark.feature("X-18", "CB-18", "CB-26")
async def test_the_replacement_is_a_decision_with_the_stack() -> None:
    """It names the task, the budget and where the thread stands, the innermost call last."""
    clock, gate = VirtualClock(), Gate()
    async with brain_on(clock, categories={"core": 1}) as brain, brain.events.subscribe("decision.made") as stream:
        await brain.register("m", diary())
        (task,) = await hang(brain, clock, gate, 1)
        (decision,) = types(brain, "replace_worker")
        assert (decision.context, decision.applied) == ("m", True)
        assert decision.data["task_id"] == task.id
        assert (decision.data["abandoned"], decision.data["budget"]) == (1, 1)
        stack = decision.data["stack"]
        assert any("Gate.__call__" in line for line in stack)
        assert any("Diary.call" in line for line in stack)
        assert "Event.wait" in " ".join(stack[-3:])
        assert (await told(stream, DecisionMade)).type == "replace_worker"
        assert brain.status().stats.threads_restarted == 1
        gate.open()


@pytest.mark.feature("X-18", "PM-06")
async def test_it_is_signalled_before_anything_else() -> None:
    """Work that asks `current_task` ends by itself, and its thread goes."""
    clock, gate = VirtualClock(), Gate()
    async with brain_on(clock, categories={"core": 1}) as brain:
        await brain.register("m", diary())
        task = brain.submit("m", "call", gate.heed, timeout=5)
        await gate.holds(1)
        await clock.advance(5)
        with pytest.raises(TaskTimeoutError):
            task.result()
        await until(lambda: gate.inside == 0)
        await until(lambda: brain.status().abandoned_threads == 0)


class Interruptible(BaseModule):
    interruptible = True

    def __init__(self) -> None:
        self.inside = threading.Event()
        self.shielded = threading.Event()
        self.leave = threading.Event()
        self.ended: list[str] = []

    def spin(self) -> None:
        """Python code that heeds no signal."""
        self.inside.set()
        try:
            while True:
                sum(range(100))
        except BaseException as error:
            self.ended.append(type(error).__name__)
            raise

    def guarded(self) -> None:
        """The same with a section that must not be torn apart."""
        with current_task().shield():
            self.shielded.set()
            while not self.leave.wait(0.001):
                sum(range(100))
            self.ended.append("section finished")
        self.spin()


@pytest.mark.feature("X-18")
async def test_where_the_module_allows_it_the_run_is_ended_from_outside() -> None:
    """An exception is raised inside its thread, which is free again."""
    clock, module = VirtualClock(), Interruptible()
    async with brain_on(clock, categories={"core": 1}) as brain:
        await brain.register("m", module)
        task = brain.submit("m", "spin", timeout=5)
        await until(module.inside.is_set)
        await clock.advance(5)
        with pytest.raises(TaskTimeoutError):
            task.result()
        await until(lambda: module.ended == ["Interrupted"])
        await until(lambda: brain.status().abandoned_threads == 0)
        assert await brain.to_thread(int) == 0


@pytest.mark.feature("X-18")
async def test_a_shielded_section_is_finished_first() -> None:
    """The exception strikes when the section ends, not in it."""
    clock, module = VirtualClock(), Interruptible()
    async with brain_on(clock, categories={"core": 1}) as brain:
        await brain.register("m", module)
        brain.submit("m", "guarded", timeout=5)
        await until(module.shielded.is_set)
        await clock.advance(5)
        assert module.ended == []
        assert brain.status().abandoned_threads == 1
        module.leave.set()
        await until(lambda: brain.status().abandoned_threads == 0)
        assert module.ended[0] == "section finished"


@pytest.mark.feature("X-18")
async def test_a_module_that_does_not_allow_it_is_left_alone() -> None:
    """The default: its code is never torn apart."""
    clock, ended, leave = VirtualClock(), list[str](), threading.Event()

    def spin() -> None:
        try:
            while not leave.wait(0.001):
                sum(range(100))
        except BaseException as error:
            ended.append(type(error).__name__)
            raise
        ended.append("by itself")

    async with brain_on(clock) as brain:
        await brain.register("m", spin)
        brain.submit("m", timeout=5)
        await settle()
        await until(lambda: brain.status().active_threads == 1)
        await clock.advance(5)
        assert brain.status().abandoned_threads == 1
        leave.set()
        await until(lambda: ended == ["by itself"])


@pytest.mark.feature("X-18", "PM-12")
async def test_with_the_budget_spent_nothing_is_replaced_and_the_category_says_so() -> None:
    """`system.overload`, work waits, the held run keeps its slot, and all is well again when the threads have ended."""
    clock, gate = VirtualClock(), Gate()
    async with (
        brain_on(clock, categories={"core": 1}, abandoned_budget=1) as brain,
        brain.events.subscribe("system.*") as stream,
    ):
        await brain.register("m", diary())
        await brain.register("other", diary())
        await hang(brain, clock, gate, 1)
        await hang(brain, clock, gate, 1)
        core = brain.status().categories["core"]
        assert (core.abandoned, core.active, core.overloaded) == (1, 1, True)
        waiting = brain.submit("other", timeout=None)
        overload = await told(stream, SystemOverload)
        assert (overload.category, overload.reason) == ("core", "abandoned_budget")
        await clock.advance(1)
        assert waiting.state == "queued"
        assert len(brain.status().categories["core"].workers) == 2
        (held,) = [decision for decision in types(brain, "replace_worker") if not decision.applied]
        assert "all that its budget allows" in held.reason
        gate.open()
        assert await waiting == (1, None)
        assert (await told(stream, SystemRecovered)).category == "core"
        assert not brain.status().categories["core"].overloaded


@pytest.mark.feature("X-18")
async def test_the_module_that_spent_the_budget_is_quarantined() -> None:
    """Not at once, for its threads may come back, and its work waits for them. After half a minute that is cancelled,
    the decision says why, and others of the category get what is left.
    """
    clock, gate, other = VirtualClock(), Gate(), Gate()
    settings = {"categories": {"core": 2}, "abandoned_budget": 2, "failure_threshold": 100, "auto_scaling": False}
    async with brain_on(clock, **settings) as brain:
        await brain.register("m", diary())
        await brain.register("other", diary())
        await hang(brain, clock, gate, 2)
        third = brain.submit("m", "call", gate, timeout=4)
        await gate.holds(3)
        busy = brain.submit("other", "call", other, timeout=None)
        await other.holds(1)
        waiting = [brain.submit("m") for _ in range(3)]
        await clock.advance(4)
        assert third.done()
        await clock.advance(25)
        assert brain.module_status("m").state == "running"
        assert not any(task.done() for task in waiting)
        await clock.advance(15)
        await settle()
        assert brain.module_status("m").state == "stopped"
        assert all(task.done() for task in waiting)
        (decision,) = types(brain, "quarantine")
        assert decision.context == "m"
        assert "2 of its runs never ended" in decision.reason
        other.open()
        await busy
        assert await brain.submit("other") == (1, None)
        gate.open()
        await until(lambda: brain.status().abandoned_threads == 0)
        brain.resume("m", "the disk answers again")
        await until(lambda: brain.module_status("m").state == "running")
        assert (await brain.submit("m"))[1] is None


@pytest.mark.feature("X-18")
async def test_a_held_run_gives_up_its_slot_as_soon_as_the_budget_allows() -> None:
    """When an abandoned thread has ended, the one that was held is replaced."""
    clock, first, second = VirtualClock(), Gate(), Gate()
    async with brain_on(clock, categories={"core": 1}, abandoned_budget=1) as brain:
        await brain.register("m", diary())
        await brain.register("n", diary())
        await brain.register("other", diary())
        await hang(brain, clock, first, 1)
        task = brain.submit("n", "call", second, timeout=5)
        await second.holds(1)
        await clock.advance(5)
        assert task.done()
        waiting = brain.submit("other", timeout=None)
        await settle()
        assert waiting.state == "queued"
        first.open()
        assert await waiting == (1, None)
        second.open()


@pytest.mark.feature("X-18", "CB-18")
async def test_a_run_that_stands_still_is_found_and_replaced_when_others_wait() -> None:
    """CB-18: with no limit of its own, after 300 s without a sign of life, and never because the module is idle."""
    clock, gate = VirtualClock(), Gate()
    async with brain_on(clock, categories={"core": 1}, abandoned_budget=3) as brain:
        await brain.register("m", diary())
        stuck = brain.submit("m", "call", gate, timeout=None)
        await gate.holds(1)
        while not any("stood still" in finding for finding in brain.status().findings):
            await clock.advance(100)  # its thread may still be on its way into the wait, and moves
        assert clock.monotonic() >= 300
        assert not types(brain, "replace_worker")
        waiting = brain.submit("m", timeout=None)
        await clock.advance(20)
        assert await waiting == (1, None)
        decided = [decision for decision in types(brain, "replace_worker") if decision.rule == "heal.replace"]
        assert [decision.data["task_id"] for decision in decided] == [stuck.id]
        assert any("Gate.__call__" in line for line in decided[0].data["stack"])
        with pytest.raises(TaskTimeoutError):
            stuck.result()
        gate.open()


@pytest.mark.feature("CB-18")
async def test_a_run_that_tells_of_progress_is_not_stuck() -> None:
    """However long it goes on, and however long others wait."""
    clock = VirtualClock()
    beats, done = threading.Semaphore(0), threading.Event()

    def told_of(task: Task[Any], beat: int) -> bool:
        return task.progress.fraction * 1000 >= beat - 0.5

    def long() -> int:
        count = 0
        while not done.is_set():
            if beats.acquire(timeout=0.01):
                count += 1
                current_task().progress(min(1.0, count / 1000))
        return count

    async with brain_on(clock, categories={"core": 1}, auto_scaling=False) as brain:
        await brain.register("m", long)
        task = brain.submit("m", timeout=None)
        waiting = brain.submit("category:core", int, timeout=None)
        for beat in range(1, 11):
            beats.release()
            await until(partial(told_of, task, beat))
            await clock.advance(90)
        assert not types(brain, "replace_worker")
        done.set()
        assert await task == 10
        assert await waiting == 0


async def test_the_idle_limit_finds_it_too() -> None:
    """``Timeout(idle=...)``: since the last progress, and the error names it."""
    clock, gate = VirtualClock(), Gate()
    async with brain_on(clock) as brain:
        await brain.register("m", diary())
        task = brain.submit("m", "call", gate, timeout=Timeout(run=100, idle=5))
        await gate.holds(1)
        await clock.advance(5.1)
        with pytest.raises(TaskTimeoutError, match="idle"):
            await task
        assert len(types(brain, "replace_worker")) == 1
        gate.open()


async def test_a_coroutine_that_does_not_end_is_abandoned_as_a_thread_is() -> None:
    """It swallows its cancellation: its place is counted until it ends, and the category goes on."""
    clock, leave = VirtualClock(), asyncio.Event()

    async def stubborn() -> None:
        while not leave.is_set():
            try:
                await leave.wait()
            except asyncio.CancelledError:
                continue

    async with brain_on(clock, categories={"core": 1}) as brain:
        await brain.register("m", stubborn)
        task = brain.submit("m", timeout=5)
        await settle()
        await clock.advance(5)
        assert task.done()
        assert brain.status().categories["core"].abandoned == 1
        assert await brain.to_thread(int) == 0
        leave.set()
        await until(lambda: brain.status().categories["core"].abandoned == 0)


async def test_all_slots_hung_and_deadlines_still_fire() -> None:
    """TIM-02: the limits need neither a thread nor a slot."""
    clock, gate = VirtualClock(), Gate()
    async with brain_on(
        clock, categories={"core": 2}, abandoned_budget=0, failure_threshold=100, auto_scaling=False
    ) as brain:
        await brain.register("m", diary())
        hung = [brain.submit("m", "call", gate, timeout=5) for _ in range(2)]
        await gate.holds(2)
        waiting = brain.submit("m", timeout=Timeout(queue=3, run=5))
        await clock.advance(3)
        with pytest.raises(TaskTimeoutError, match="queue"):
            waiting.result()
        await clock.advance(2)
        assert all(task.done() for task in hung)
        assert brain.status().categories["core"].abandoned == 0
        gate.open()
        assert await brain.to_thread(int) == 0

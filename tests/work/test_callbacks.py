"""Callbacks: told once at the end, on the loop, and whatever they do touches nothing of the task."""

from __future__ import annotations

import asyncio
import threading
from contextvars import ContextVar
from functools import partial
from typing import Any

import pytest

from companion_async import RetryPolicy, Task, TaskState
from companion_async.testing.clock import VirtualClock, settle, until
from tests.work.house import Gate, ends, running


class Work:
    """A module that counts its runs."""

    def __init__(self) -> None:
        self.runs = 0

    def well(self, value: Any = None) -> Any:
        self.runs += 1
        return value

    def badly(self) -> None:
        self.runs += 1
        raise LookupError("not here")

    async def on_the_loop(self, value: Any = None) -> Any:
        self.runs += 1
        return value


def errors_of_callbacks(brain: Any) -> int:
    """How many callbacks have failed, which no picture shows."""
    return brain._parts.scheduler.endings.callback_errors  # type: ignore[no-any-return]


@pytest.mark.feature("CB-10", "PM-10")
@pytest.mark.parametrize(
    ("target", "state"), [("well", "completed"), ("on_the_loop", "completed"), ("badly", "failed")]
)
async def test_the_callback_is_told_once_of_success_and_of_failure(target, state):
    """It gets the task itself, ended, with its result or its error, on the loop's thread, and is called once."""
    async with running() as brain:
        await brain.register("work", Work)
        told: list[tuple[Task[Any], str, bool, int]] = []

        def callback(task: Task[Any]) -> None:
            told.append((task, task.state.value, task.done(), threading.get_ident()))

        task = brain.submit("work", target, callback=callback)
        await task.wait() if state == "completed" else await until(task.done)
        await settle()
        assert told == [(task, state, True, threading.get_ident())]
        assert isinstance(task.exception(), LookupError) is (state == "failed")
        await brain.drain()
        await settle()
        assert len(told) == 1


@pytest.mark.feature("CB-10", "PM-10")
async def test_every_kind_of_end_is_told():
    """Success, failure, a limit, a cancellation in line or under way, an upstream's failure: each is told once."""
    clock, gate = VirtualClock(), Gate()
    told: list[Task[Any]] = []
    async with running(clock, categories={"core": 2}) as brain:
        await brain.register("work", Work)
        options: dict[str, Any] = {"callback": told.append}
        well, badly = brain.submit("work", "well", **options), brain.submit("work", "badly", **options)
        after = brain.submit("work", "well", after=badly, **options)
        await brain.drain()
        late = brain.submit("work", gate, timeout=5.0, **options)
        dropped = brain.submit("work", gate, timeout=None, **options)
        await gate.holds(2)
        queued = brain.submit("work", gate, timeout=None, **options)
        assert queued.cancel()
        assert dropped.cancel()
        await clock.advance(5)
        tasks = [well, badly, after, late, dropped, queued]
        assert ends(*tasks) == ["completed", "failed", "failed", "timed_out", "cancelled", "cancelled"]
        assert sorted(task.id for task in told) == sorted(task.id for task in tasks)
        gate.open()
        await brain.drain()
        await settle()
        assert len(told) == len(tasks)


@pytest.mark.feature("CB-10")
async def test_a_run_that_ends_after_its_task_is_not_told_again():
    """A thread that comes back from a run that had timed out or was cancelled calls nothing a second time."""
    clock, gate = VirtualClock(), Gate()
    told: list[Task[Any]] = []
    async with running(clock) as brain:
        late = brain.submit("category:core", gate, timeout=5.0, callback=told.append)
        await gate.holds(1)
        await clock.advance(5)
        assert told == [late]
        gate.open()
        await until(lambda: brain.status().abandoned_threads == 0)
        await settle()
        assert told == [late]


@pytest.mark.feature("CB-10", "PM-10")
@pytest.mark.parametrize("raised", [ValueError("no"), SystemExit(2), KeyboardInterrupt()], ids=repr)
async def test_a_failing_callback_is_isolated_and_counted(raised):
    """What it raises ends neither the loop nor the task nor the callbacks behind it, and is counted."""
    told: list[Task[Any]] = []

    def fail(task: Task[Any]) -> None:
        raise raised

    async with running() as brain:
        await brain.register("work", Work)
        task = brain.submit("work", "well", 5, callback=fail)
        task.add_done_callback(fail)
        task.add_done_callback(told.append)
        assert await task == 5
        await settle()
        assert task.state is TaskState.COMPLETED
        assert told == [task]
        assert errors_of_callbacks(brain) == 2
        assert brain.status().stats.total_tasks_failed == 0
        assert await brain.submit("work", "well", 6) == 6


@pytest.mark.feature("CB-10", "PM-10")
@pytest.mark.parametrize("target", ["well", "on_the_loop"])
async def test_a_failing_callback_never_runs_the_work_again(target):
    """Although the work may be retried: only its own errors count for that."""

    def fail(task: Task[Any]) -> None:
        raise ValueError("no")

    clock, work = VirtualClock(), Work()
    async with running(clock) as brain:
        await brain.register("work", work)
        task = brain.submit("work", target, callback=fail, retry=RetryPolicy(attempts=5, on=(Exception,)))
        await task
        await clock.advance(600)
        assert (work.runs, task.attempt, task.state) == (1, 1, TaskState.COMPLETED)
        assert errors_of_callbacks(brain) == 1


@pytest.mark.feature("CB-10", "PM-10")
async def test_runs_that_are_retried_are_told_at_their_last():
    """A callback hears of the task's end, not of each attempt."""
    clock, work = VirtualClock(), Work()
    told: list[tuple[int, int]] = []
    async with running(clock) as brain:
        await brain.register("work", work)
        task = brain.submit("work", "badly", retry=3, callback=lambda task: told.append((task.attempt, work.runs)))
        while not task.done():
            await until(lambda: task.done() or task.state is TaskState.BLOCKED)
            await clock.advance(600)
        await settle()
        assert task.state is TaskState.FAILED
        assert told == [(3, 3)]


@pytest.mark.feature("CB-10")
async def test_an_async_callback_is_awaited():
    """An ``async def`` goes on beside everything else, to its end, once, with the task."""
    asked, answer = asyncio.Event(), asyncio.Event()
    told: list[Task[Any]] = []

    async def callback(task: Task[Any]) -> None:
        asked.set()
        await answer.wait()
        told.append(task)

    async with running() as brain:
        await brain.register("work", Work)
        task = brain.submit("work", "well", 5, callback=callback)
        assert await task == 5
        await asked.wait()
        assert told == []
        answer.set()
        await settle()
        assert told == [task]
        assert errors_of_callbacks(brain) == 0


@pytest.mark.feature("CB-10")
@pytest.mark.parametrize("raised", [ValueError("no"), SystemExit(2), asyncio.CancelledError()], ids=repr)
async def test_a_failing_async_callback_is_isolated_and_counted(raised):
    """What it raises after its first wait touches nothing either."""

    async def fail(task: Task[Any]) -> None:
        await asyncio.sleep(0)
        raise raised

    async with running() as brain:
        await brain.register("work", Work)
        task = brain.submit("work", "well", 5, callback=fail)
        assert await task == 5
        await settle()
        assert errors_of_callbacks(brain) == 1
        assert task.result() == 5


@pytest.mark.feature("CB-10")
async def test_an_async_callback_that_hangs_does_not_hold_up_the_end():
    """The brain cancels what its callbacks still do when it ends."""
    cancelled: list[bool] = []

    async def hang(task: Task[Any]) -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.append(True)
            raise

    async with running() as brain:
        await brain.register("work", Work)
        await brain.submit("work", "well", callback=hang)
        await settle()
    assert cancelled == [True]


@pytest.mark.feature("CB-10", "PM-10")
async def test_added_after_the_end_it_is_called_soon():
    """`add_done_callback` on a task that has ended calls in a later turn of the loop, never within the call."""
    told: list[Task[Any]] = []
    async with running() as brain:
        await brain.register("work", Work)
        task = brain.submit("work", "well", 5)
        await task
        task.add_done_callback(told.append)
        assert told == []
        await settle()
        assert told == [task]

        async def later(task: Task[Any]) -> None:
            told.append(task)

        def fail(task: Task[Any]) -> None:
            raise ValueError("no")

        task.add_done_callback(fail)
        task.add_done_callback(later)
        await settle()
        assert told == [task, task]
        assert errors_of_callbacks(brain) == 1


@pytest.mark.feature("CB-10")
async def test_callbacks_come_in_the_order_they_were_added():
    """Those added to the task first, in order, and the submission's own behind them; the waiter sees them all told."""
    told: list[str] = []
    async with running() as brain:
        gate = Gate()
        task = brain.submit("category:core", gate, callback=lambda _: told.append("submitted"))

        def tell(name: str, _: Task[Any]) -> None:
            told.append(name)

        for name in ("first", "second", "third"):
            task.add_done_callback(partial(tell, name))
        gate.open()
        await task
        await settle()
        assert told == ["first", "second", "third", "submitted"]


@pytest.mark.feature("CB-10", "CB-06")
async def test_a_callback_may_submit_and_add_more():
    """It runs on the loop outside of all work: the brain's whole surface is open to it."""
    async with running() as brain:
        await brain.register("work", Work)
        next_ones: list[Task[Any]] = []
        again: list[Task[Any]] = []

        def go_on(task: Task[Any]) -> None:
            task.add_done_callback(again.append)
            next_ones.append(brain.submit("work", "well", task.result() + 1))

        task = brain.submit("work", "well", 1, callback=go_on)
        await task
        await settle()
        assert again == [task]
        assert await next_ones[0] == 2


@pytest.mark.feature("CB-10")
async def test_each_callback_runs_in_the_context_of_who_gave_it():
    """As with an `asyncio.Future`: not in that of whoever happens to end the task, nor in that of the work itself."""
    whose, told = ContextVar("whose", default="nobody"), list[str]()
    gate = Gate()
    async with running() as brain:

        def tell(task: Task[Any]) -> None:
            told.append(whose.get())

        async def tell_later(task: Task[Any]) -> None:
            await asyncio.sleep(0)
            told.append(whose.get())

        def work() -> None:
            whose.set("work")
            gate()

        whose.set("submitter")
        task = brain.submit("category:core", work, callback=tell_later, timeout=None)
        task.add_done_callback(tell)
        whose.set("another")
        task.add_done_callback(tell)
        await gate.holds(1)
        whose.set("canceller")
        task.cancel()
        task.add_done_callback(tell)
        await settle()
        assert sorted(told) == ["another", "canceller", "submitter", "submitter"]
        gate.open()
        await brain.drain()

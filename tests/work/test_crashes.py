"""Whatever work raises, it ends that task alone."""

from __future__ import annotations

import asyncio
import dataclasses
import gc
import os
import traceback
import weakref
from collections.abc import Iterator
from typing import Any, ClassVar

import pytest

from companion_async import Brain, BrainConfig, TaskCrashedError
from companion_async.testing.clock import settle, until
from tests.work.house import Gate, ends, pool, running

LETHAL = [
    SystemExit(3),
    KeyboardInterrupt(),
    GeneratorExit(),
    asyncio.CancelledError(),
    StopIteration(7),
    BaseExceptionGroup("several", [SystemExit(1), ValueError("and this")]),
]
HARMLESS = [
    StopAsyncIteration(),
    TimeoutError("my own"),
    ValueError("plain"),
    asyncio.InvalidStateError(),
    RecursionError(),
]


@pytest.fixture(autouse=True)
def little_to_collect() -> Iterator[None]:
    """What other tests have left is no concern of the collector's here, and there may be much of it."""
    gc.freeze()
    yield
    gc.unfreeze()


def raiser(error: BaseException, kind: str) -> Any:
    """Work of a kind that raises it."""

    def in_thread() -> None:
        raise error

    async def on_loop() -> None:
        await asyncio.sleep(0)
        raise error

    def generator() -> Any:
        yield 1
        raise error

    async def async_generator() -> Any:
        yield 1
        raise error

    return {"thread": in_thread, "loop": on_loop, "generator": generator, "async_generator": async_generator}[kind]


KINDS = ["thread", "loop", "generator", "async_generator"]


@pytest.mark.feature("PE-03", "CB-11")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("error", LETHAL, ids=lambda error: type(error).__name__)
async def test_what_would_end_a_thread_or_a_loop_ends_that_task_alone(error, kind):
    """sys.exit(), a KeyboardInterrupt, a cancellation nobody asked for and their like are `TaskCrashedError` with their
    name and cause; the sibling, the thread and the loop go on.
    """
    async with running(categories={"core": 2}) as brain:
        gate = Gate()
        sibling = brain.submit("category:core", gate, "sibling")
        await gate.holds(1)
        task = brain.submit("category:core", raiser(error, kind))
        with pytest.raises(TaskCrashedError) as caught:
            await task
        assert caught.value.raised == type(error).__name__
        assert caught.value.__cause__ is not None
        assert task.state == "failed"
        gate.open()
        assert await sibling == "sibling"
        assert await brain.to_thread(lambda: "alive") == "alive"
        await until(lambda: pool(brain).working == 0)  # a thread hands over before it gives its place back


@pytest.mark.feature("PE-03")
@pytest.mark.parametrize("kind", ["thread", "loop"])
@pytest.mark.parametrize("error", HARMLESS, ids=lambda error: type(error).__name__)
async def test_an_ordinary_error_reaches_the_waiter_as_it_is(error: Exception, kind: str) -> None:
    """The error the work raised is raised to whoever awaits, the same object, with a note naming task and module."""
    async with running() as brain:
        await brain.register("m", raiser(error, kind))
        task = brain.submit("m")
        caught = None
        try:
            await task
        except Exception as raised:
            caught = raised
        assert caught is error
        assert task.exception() is error
        assert any(task.id in note and "m." in note for note in error.__notes__)


@pytest.mark.feature("PE-03")
async def test_an_error_that_cannot_be_shown_is_still_an_end():
    """An error whose text, note or length is a trap is counted and delivered; the picture of it stays small."""

    class Unshown(Exception):
        def __str__(self) -> str:
            raise ZeroDivisionError("no text")

        __repr__ = __str__

    @dataclasses.dataclass(frozen=True)
    class Frozen(Exception):
        code: int = 0

    async with running() as brain:
        for number, error in enumerate([Unshown(), Frozen(7), ValueError("x" * 10_000_000)]):
            name = f"m{number}"
            await brain.register(name, raiser(error, "thread"))
            task = brain.submit(name)
            with pytest.raises(type(error)):
                await task
            status = brain.module_status(name)
            assert status.tasks_failed == 1
            assert len(status.errors[-1].message) < 2000
            brain.status().to_dict()


@pytest.mark.feature("PE-03")
async def test_one_error_object_raised_by_many_runs_does_not_grow():
    """A module that keeps its error in a constant gets no note for each of a thousand runs."""
    error = ValueError("a constant")
    async with running() as brain:
        await brain.register("m", raiser(error, "thread"))
        for _ in range(100):
            with pytest.raises(ValueError, match="a constant"):
                await brain.submit("m")
        assert len(error.__notes__) < 20


@pytest.mark.feature("CB-11")
async def test_awaiting_a_failed_task_again_and_again_adds_nothing_to_its_traceback():
    """The frames of those who awaited it before are not in the traceback of those who await it later."""

    def depth(error: BaseException) -> int:
        trace, frames = error.__traceback__, 0
        while trace is not None:
            trace, frames = trace.tb_next, frames + 1
        return frames

    async with running() as brain:
        task = brain.submit("category:core", raiser(ValueError("once"), "thread"))
        depths = []
        for _ in range(50):
            with pytest.raises(ValueError, match="once") as caught:
                await task
            depths.append(depth(caught.value))
            with pytest.raises(ValueError, match="once"):
                task.result()
        assert len(set(depths)) == 1
        assert "in_thread" in str(caught.traceback[-1])


class Thing:
    """Something whose end can be seen."""

    alive: ClassVar[weakref.WeakSet[Thing]] = weakref.WeakSet()

    def __init__(self) -> None:
        Thing.alive.add(self)


@pytest.mark.feature("PM-15")
@pytest.mark.parametrize("kind", ["thread", "loop"])
async def test_arguments_and_results_are_let_go(kind):
    """An ended task keeps its result and nothing it was made from; without its task the result goes too, although
    threads sleep on.
    """

    def thing(*given: Thing) -> Thing:
        return Thing()

    async def thing_async(*given: Thing) -> Thing:
        return Thing()

    async with running(history_size=1) as brain:
        task = brain.submit("category:core", thing if kind == "thread" else thing_async, Thing(), kwargs=None)
        await task
        await settle()
        gc.collect()
        assert len(Thing.alive) == 1
        assert task.value is not None
        del task
        await brain.to_thread(int)
        await brain.to_thread(int)
        gc.collect()
        assert len(Thing.alive) == 0


@pytest.mark.feature("PE-03")
async def test_a_failure_in_a_cycle_with_its_frame_dies_with_its_task():
    """An error that refers to its own frame is collected once the task has left the history."""

    def fail() -> None:
        thing = Thing()
        try:
            raise ValueError(thing)
        except ValueError as error:
            thing.error = error  # type: ignore[attr-defined]
            raise

    async with running(history_size=1) as brain:
        task = brain.submit("category:core", fail)
        with pytest.raises(ValueError, match="Thing"):
            await task
        del task
        for _ in range(2):
            await brain.to_thread(int)
        gc.collect()
        assert len(Thing.alive) == 0


@pytest.mark.feature("PE-03")
async def test_a_failing_task_that_nobody_awaits_is_reported_by_nobody_and_counted():
    """Fire and forget: no "never retrieved" from the loop, but a count and an entry in the module's errors."""
    async with running() as brain:
        await brain.register("m", raiser(ValueError("unseen"), "thread"))
        tasks = [brain.submit("m") for _ in range(10)]
        await brain.drain()
        assert set(ends(*tasks)) == {"failed"}
        del tasks
        gc.collect()
        assert brain.module_status("m").tasks_failed == 10
        assert brain.status().stats.total_tasks_failed == 10


async def test_tasks_nobody_holds_are_not_collected_before_they_end():
    """Work that was submitted and forgotten runs, however often the collector comes."""
    async with running() as brain:
        done: list[int] = []

        async def late(number: int) -> None:
            for _ in range(2):
                await asyncio.sleep(0)
                gc.collect()
            done.append(number)

        for number in range(3):
            brain.submit("category:core", late, number)
        await brain.drain()
        assert sorted(done) == list(range(3))


@pytest.mark.parametrize("watched", [False, True])
@pytest.mark.parametrize("kind", ["thread", "loop", "generator", "async generator", "pinned"])
async def test_a_traceback_begins_with_the_work(kind, watched):
    """No frame of ours stands above it, whatever it is, and whether its beginning is announced to anybody or not."""

    def fails():
        raise LookupError

    async def fails_on_loop():
        raise LookupError

    def generates():
        yield 1
        raise LookupError

    async def generates_on_loop():
        yield 1
        raise LookupError

    work = {"loop": fails_on_loop, "generator": generates, "async generator": generates_on_loop}.get(kind, fails)
    async with Brain(BrainConfig(plugins=False)) as brain:
        await brain.register("m", work)
        if kind == "pinned" and hasattr(os, "sched_getaffinity"):
            brain.pin("m", [min(os.sched_getaffinity(0))])
        if watched:
            brain.events.add_handler("task.started", lambda event: None)
        task = brain.submit("m")
        with pytest.raises(LookupError):
            await task
    assert task.more is not None
    frames = [frame.name for frame in traceback.extract_tb(task.more.trace)]
    assert frames == [work.__name__]

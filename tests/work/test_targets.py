"""What may be a target, and on which side of the loop each kind runs."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import gc
import threading
from typing import Any

import pytest

from companion_async import BaseModule, InvalidArgumentError, RetryPolicy, Task, current_task
from companion_async.clock import SystemClock
from companion_async.testing.clock import settle, until
from tests.work.house import Gate, pool, running, running_state

_LOOP, _THREAD = "loop", "thread"


def where() -> str:
    """On which side of the loop the caller runs."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return _THREAD
    return _LOOP


async def where_async() -> str:
    await asyncio.sleep(0)
    return where()


class Callable_:
    """An object that can be called."""

    def __call__(self) -> str:
        return where()


class AsyncCallable:
    """An object whose call is a coroutine."""

    async def __call__(self) -> str:
        return await where_async()


class Methods(BaseModule):
    def sync(self) -> str:
        return where()

    async def on_loop(self) -> str:
        return await where_async()

    @staticmethod
    async def static() -> str:
        return where()

    @classmethod
    def of_class(cls) -> str:
        return where()


@functools.wraps(where_async)
def wrapper() -> Any:
    return where_async()


TARGETS = [
    (where, _THREAD),
    (where_async, _LOOP),
    (lambda: where(), _THREAD),
    (functools.partial(where), _THREAD),
    (functools.partial(where_async), _LOOP),
    (Callable_(), _THREAD),
    (AsyncCallable(), _LOOP),
    (functools.cache(where), _THREAD),
    (Methods().sync, _THREAD),
    (Methods().on_loop, _LOOP),
    # What it is cannot be seen from outside: it is called in a thread, and what it returns goes on on the loop.
    (lambda: where_async(), _LOOP),
    (wrapper, _LOOP),
]


@pytest.mark.feature("PM-14", "U-2")
@pytest.mark.parametrize(("target", "side"), TARGETS)
async def test_def_runs_in_a_thread_and_async_def_on_the_loop(target, side):
    """Partials, callable objects, cached functions, methods and wrappers are seen through; no coroutine is left
    un-awaited.
    """
    async with running() as brain:
        await brain.register("m", where)
        assert await brain.submit("m", target) == side
    gc.collect()


@pytest.mark.feature("PM-14")
@pytest.mark.parametrize("name", ["sync", "on_loop", "static", "of_class"])
async def test_handlers_of_every_kind_of_method_run_on_their_side(name):
    """Methods, static and class methods, def and async def, are handlers by name."""
    async with running() as brain:
        await brain.register("m", Methods)
        assert await brain.submit("m", name) == (_LOOP if name in ("on_loop", "static") else _THREAD)


@pytest.mark.feature("PM-14")
async def test_a_module_may_be_kept_on_the_loop():
    """With offload="loop" a plain def runs on the loop's thread, by name or as a callable, under the same limits."""
    async with running() as brain:
        await brain.register("m", Methods, offload="loop", max_concurrency=1)
        assert await brain.submit("m", "sync") == _LOOP
        assert await brain.submit("m", where) == _LOOP
        with pytest.raises(ZeroDivisionError):
            await brain.submit("m", lambda: 1 // 0)
        assert await brain.submit("m", lambda: current_task().module) == "m"
        assert pool(brain).working == 0


@pytest.mark.feature("PM-14", "U-2", "CB-F3")
async def test_coroutines_count_among_those_that_work_in_their_category():
    """An async def takes one of the category's places while it runs, so limits hold for both kinds together."""
    async with running(categories={"core": 2}) as brain:
        await brain.register("m", where)
        gate, leave = Gate(), asyncio.Event()

        async def wait() -> None:
            await leave.wait()

        first, second = brain.submit("m", wait), brain.submit("m", gate)
        await gate.holds(1)
        third, fourth = brain.submit("m", wait), brain.submit("m", gate)
        await settle()
        assert (first.state, second.state, third.state, fourth.state) == ("running", "running", "queued", "queued")
        assert brain.status().categories["core"].active == 2
        gate.open()
        await until(lambda: third.state == "running")
        leave.set()
        await brain.drain()


@pytest.mark.feature("CB-06")
async def test_a_callable_runs_in_the_modules_place():
    """A callable counts as the module's run: its category, its cap, its pause and its figures are the module's."""
    async with running() as brain:
        await brain.register("m", where, category="agi", max_concurrency=1)
        gate = Gate()
        first, second = brain.submit("m", gate, "a"), brain.submit("m", gate, "b")
        await gate.holds(1)
        assert brain.status().categories["agi"].active == 1
        assert second.state == "queued"
        brain.pause("m")
        gate.open()
        await first
        await settle()
        assert second.state == "queued"
        brain.resume("m")
        assert await second == "b"
        assert brain.module_status("m").tasks_completed == 2


async def test_a_type_and_an_instance_that_cannot_be_called():
    """A class is a callable as any other; an instance without __call__ is refused at the door."""
    async with running() as brain:
        await brain.register("m", where)
        assert await brain.submit("m", dict, [("a", 1)]) == {"a": 1}
        with pytest.raises(InvalidArgumentError):
            brain.submit("m", object())  # type: ignore[arg-type]


async def test_a_coroutine_that_a_thread_returned_is_closed_with_its_task():
    """Cancelled while or after its plain part ran, the rest is closed unbegun: nothing is reported as never awaited."""
    async with running() as brain:
        await brain.register("m", where)
        gate, begun = Gate(), []

        async def rest() -> None:
            begun.append("rest")

        def both() -> Any:
            gate()
            return rest()

        task = brain.submit("m", both)
        await gate.holds(1)
        task.cancel()
        gate.open()
        await until(lambda: pool(brain).working == 0)
        await settle()
        gc.collect()
        assert begun == []


async def test_a_coroutine_that_waits_for_its_place_can_be_cancelled():
    """The second part of such work queues like any other: cancelled there it is closed, and its place is not lost."""
    async with running(categories={"core": 1}) as brain:
        await brain.register("m", where)
        gate, blocker = Gate(), Gate()

        async def rest() -> None:
            raise AssertionError("never begun")

        def both() -> Any:
            gate()
            return rest()

        task = brain.submit("m", both)
        await gate.holds(1)
        other = brain.submit("m", blocker, priority="critical")
        gate.open()
        await blocker.holds(1)
        await settle()
        assert task.state == "queued"
        assert task.cancel()
        blocker.open()
        await other
        gc.collect()
        assert await brain.submit("m", where) == _THREAD


@pytest.mark.feature("CB-09")
async def test_a_retry_runs_both_parts_again():
    """Work that returns a coroutine is retried from its beginning."""
    async with running(SystemClock()) as brain:
        await brain.register("m", where)
        calls: list[str] = []

        async def rest() -> int:
            calls.append("rest")
            if len(calls) < 5:
                raise ValueError("not yet")
            return len(calls)

        def both() -> Any:
            calls.append("first")
            return rest()

        assert await brain.submit("m", both, retry=RetryPolicy(5, wait_initial=0)) == 6
        assert calls == ["first", "rest"] * 3


@pytest.mark.feature("CB-08")
async def test_both_parts_share_one_limit(virtual_clock):
    """The run's limit counts from the beginning of its plain part."""
    async with running(virtual_clock) as brain:
        await brain.register("m", where)
        gate, never = Gate(), asyncio.Event()

        async def rest() -> None:
            await never.wait()

        def both() -> Any:
            gate()
            return rest()

        task = brain.submit("m", both, timeout=10)
        await gate.holds(1)
        await virtual_clock.advance(6)
        gate.open()
        await until(lambda: pool(brain).parked == 1 and task.state == "running")
        await virtual_clock.advance(3.9)
        assert task.state == "running"
        await virtual_clock.advance(0.2)
        assert task.state == "timed_out"


_TENANT: contextvars.ContextVar[str] = contextvars.ContextVar("tenant", default="nobody")
_LOCAL = threading.local()


@pytest.mark.feature("U-2")
async def test_the_submitters_context_is_seen_and_never_anothers():
    """Context variables as they were at submit are visible to threads and coroutines; what work sets stays its own."""
    async with running(categories={"core": 1}) as brain:
        await brain.register("m", where)

        def read_and_set() -> str:
            seen = _TENANT.get()
            _TENANT.set("set by work")
            return seen

        async def read_and_set_async() -> str:
            return read_and_set()

        seen: list[Task[Any]] = []
        for tenant in ("a", "b", "c"):
            _TENANT.set(tenant)
            seen += [brain.submit("m", read_and_set), brain.submit("m", read_and_set_async)]
        _TENANT.set("afterwards")
        assert [await task for task in seen] == ["a", "a", "b", "b", "c", "c"]
        assert _TENANT.get() == "afterwards"


@pytest.mark.feature("U-2")
async def test_the_context_follows_work_that_submits_from_a_thread():
    """What a thread submits, waits for and hands to an executor sees the context of the work that did it."""
    async with running() as brain:
        await brain.register("m", where)
        executor = brain.executor("agi")

        async def on_loop() -> str:
            return _TENANT.get()

        def work() -> list[str]:
            _TENANT.set("of the work")
            task = current_task()
            return [
                task.wait(task.submit("m", _TENANT.get)),
                task.wait(task.submit("m", on_loop)),
                executor.submit(_TENANT.get).result(),
            ]

        _TENANT.set("of the test")
        assert await brain.submit("m", work) == ["of the work"] * 3
        assert await brain.to_thread(executor.submit, _TENANT.get) is not None
        assert await asyncio.wrap_future(executor.submit(_TENANT.get)) == "of the test"


async def test_a_threads_name_and_locals_are_its_own():
    """A worker is named after its category while it works there; thread-locals belong to the thread, not to a task."""
    async with running(categories={"core": 1}) as brain:
        name = await brain.to_thread(lambda: threading.current_thread().name)
        assert name.startswith("companion-core-")


@pytest.mark.feature("PM-14")
async def test_a_coroutine_that_never_awaits_and_one_that_does_end_alike():
    """Whether or not it gives way to the loop, a coroutine's place is free when it has ended."""
    async with running(categories={"core": 1}) as brain:

        async def quick() -> int:
            return 1

        async def slow() -> int:
            for _ in range(5):
                await asyncio.sleep(0)
            return 2

        tasks = [brain.submit("category:core", target) for target in (quick, slow) * 5]
        await running_state(tasks[0])
        assert [await task for task in tasks] == [1, 2] * 5
        assert pool(brain).working == 0

"""What a module's author wrote besides work, contained and bounded."""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref
from contextlib import suppress

import anyio
import pytest

from companion_async.modules.hooks import HookCalls, Interrupted
from companion_async.testing.clock import VirtualClock, settle, until

LIMIT = 10.0
LINGER = 1.0


async def on_the_loop(work):
    return work()


async def in_a_thread(work):
    """As the runtime does it: cancelling the await returns at once, the thread goes on by itself."""
    loop = asyncio.get_running_loop()
    result = loop.create_future()

    def deliver(value):
        if not result.done():
            result.set_result(value)

    def run():
        value = work()
        with suppress(RuntimeError):  # the test is over, and its loop closed
            loop.call_soon_threadsafe(deliver, value)

    threading.Thread(target=run, name="hook").start()
    return await result


@pytest.fixture
def calls(virtual_clock):
    return HookCalls(virtual_clock, on_the_loop, LINGER)


RAISED = [
    ValueError,
    SystemExit,
    KeyboardInterrupt,
    GeneratorExit,
    StopIteration,
    StopAsyncIteration,
    asyncio.CancelledError,
    type("Own", (BaseException,), {}),
]


@pytest.mark.parametrize("kind", RAISED)
@pytest.mark.parametrize("thread", [on_the_loop, in_a_thread], ids=["loop", "thread"])
async def test_nothing_raw_leaves_a_plain_hook(virtual_clock, kind, thread):
    """Whatever a def raises, in a thread or not, comes back as a value."""

    def hook():
        raise kind("text")

    outcome = await HookCalls(virtual_clock, thread, LINGER).call("start", hook, LIMIT)
    assert type(outcome.error) is kind


@pytest.mark.parametrize("kind", RAISED)
async def test_nothing_raw_leaves_an_async_hook(calls, kind):
    """Whatever an async def raises comes back as a value, and the one who waits is not cancelled by it."""

    async def hook():
        await asyncio.sleep(0)
        raise kind("text")

    outcome = await calls.call("start", hook, LIMIT)
    assert type(outcome.error) is (RuntimeError if kind is StopIteration else kind)
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0
    assert calls.left == 0


async def test_a_def_runs_in_a_thread_and_an_async_def_on_the_loop(virtual_clock):
    """A plain def never runs on the loop's thread, an async def, behind a partial too, always does."""
    calls = HookCalls(virtual_clock, in_a_thread, LINGER)

    async def coroutine():
        return threading.get_ident()

    here = threading.get_ident()
    assert (await calls.call("start", threading.get_ident, LIMIT)).value != here
    assert (await calls.call("start", coroutine, LIMIT)).value == here
    assert (await calls.call("start", lambda: coroutine(), LIMIT)).value == here


async def test_what_is_constructed_is_not_awaited(calls):
    """An instance that happens to be awaitable is an instance; the coroutine of an async factory is not."""

    class Awaitable:
        def __await__(self):
            raise AssertionError
            yield

    async def factory():
        return 3

    made = await calls.call("constructor", Awaitable, LIMIT, construct=True)
    assert isinstance(made.value, Awaitable)
    assert (await calls.call("constructor", factory, LIMIT, construct=True)).value == 3
    assert (await calls.call("constructor", lambda: factory(), LIMIT, construct=True)).value == 3


async def test_a_hook_that_takes_too_long_is_cancelled(calls, virtual_clock):
    """After its limit, and not before, the hook is cancelled and the outcome names hook and limit."""
    events = []

    async def hook():
        try:
            await asyncio.Event().wait()
        finally:
            events.append("cancelled")

    waiting = asyncio.create_task(calls.call("start", hook, LIMIT))
    await virtual_clock.advance(LIMIT - 0.1)
    assert not events
    assert not waiting.done()
    await virtual_clock.advance(0.1)
    assert events == ["cancelled"]
    assert isinstance(waiting.result().error, TimeoutError)
    assert str(waiting.result().error) == "start did not end within 10 s"
    assert calls.left == 0


async def test_a_hook_that_ignores_its_cancellation_is_left_behind(calls, virtual_clock):
    """It costs the caller its limit and the linger, stays visible until it ends, and is then gone."""
    release = asyncio.Event()

    async def hook():
        while not release.is_set():
            try:
                await release.wait()
            except asyncio.CancelledError:
                continue

    waiting = asyncio.create_task(calls.call("stop", hook, LIMIT))
    await virtual_clock.advance(LIMIT)
    assert not waiting.done()
    await virtual_clock.advance(LINGER)
    assert isinstance(waiting.result().error, TimeoutError)
    assert calls.is_under_way("stop")
    assert calls.left == 1
    release.set()
    await settle()
    assert not calls.is_under_way("stop")
    assert calls.left == 0


async def test_a_thread_that_hangs_does_not_hold_the_caller(virtual_clock):
    """A plain hook stuck in its thread is given up after its limit."""
    calls = HookCalls(virtual_clock, in_a_thread, LINGER)
    entered, release = threading.Event(), threading.Event()

    def hook():
        entered.set()
        release.wait(30)

    waiting = asyncio.create_task(calls.call("start", hook, LIMIT))
    try:
        await until(entered.is_set)
        await virtual_clock.advance(LIMIT)
        assert isinstance(waiting.result().error, TimeoutError)
    finally:
        release.set()


@pytest.mark.parametrize("scoped", [False, True], ids=["native", "scope"])
async def test_cancelling_the_caller_cancels_the_hook_and_still_cancels(calls, virtual_clock, scoped):
    """The caller's own cancellation reaches the hook, waits for it to end, and is not swallowed."""
    events = []

    async def hook():
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            events.append("ended")

    scope = anyio.CancelScope()

    async def caller():
        if not scoped:
            await calls.call("start", hook, LIMIT)
        with scope:
            await calls.call("start", hook, LIMIT)
        events.append("left the scope")

    task = asyncio.create_task(caller())
    await settle()
    if scoped:
        scope.cancel()
    else:
        task.cancel()
    await settle()
    assert task.done()
    assert task.cancelled() is not scoped
    assert events == (["ended", "left the scope"] if scoped else ["ended"])
    assert virtual_clock.pending == 0


async def test_a_cancelled_caller_waits_no_longer_than_the_linger(calls, virtual_clock):
    """A hook that ignores cancellation holds a cancelled caller for the linger only."""
    release = asyncio.Event()

    async def hook():
        while not release.is_set():
            try:
                await release.wait()
            except asyncio.CancelledError:
                continue

    task = asyncio.create_task(calls.call("start", hook, LIMIT))
    await settle()
    task.cancel()
    await settle()
    assert not task.done()
    await virtual_clock.advance(LINGER)
    assert task.cancelled()
    release.set()
    await settle()
    assert calls.left == 0


async def test_halting_cuts_short_what_may_be_and_lets_the_rest_go_on(calls):
    """Inside ``halted`` interruptible calls end and none begins; others are not touched."""
    free = asyncio.Event()
    short = asyncio.create_task(calls.call("start", asyncio.Event().wait, LIMIT, interruptible=True))
    long = asyncio.create_task(calls.call("stop", free.wait, LIMIT))
    await settle()
    with calls.halted():
        await settle()
        assert isinstance(short.result().error, Interrupted)
        assert isinstance((await calls.call("start", free.wait, LIMIT, interruptible=True)).error, Interrupted)
        free.set()
        assert (await long).value is True
    assert (await calls.call("start", free.wait, LIMIT, interruptible=True)).value is True


async def test_a_late_end_of_an_abandoned_thread_disturbs_nothing(virtual_clock):
    """A hook's thread that ends after it was given up changes no outcome and leaves nothing behind."""
    calls = HookCalls(virtual_clock, in_a_thread, LINGER)
    release = threading.Event()
    waiting = asyncio.create_task(calls.call("start", lambda: release.wait(30), LIMIT))
    await virtual_clock.advance(LIMIT)
    outcome = waiting.result()
    release.set()
    await until(lambda: not any(thread.name == "hook" for thread in threading.enumerate()))
    await settle()
    assert isinstance(outcome.error, TimeoutError)
    assert calls.left == 0


async def test_errors_are_not_kept_alive(calls):
    """Once its outcome is dropped, an error and its frames are freed."""

    class Big(Exception):
        pass

    refs = []

    async def hook():
        error = Big()
        refs.append(weakref.ref(error))
        raise error

    await calls.call("start", hook, LIMIT)
    await settle()
    gc.collect()
    assert refs[0]() is None


async def test_no_timer_outlives_its_call(virtual_clock):
    """A call that ended in time leaves no timer."""
    calls = HookCalls(virtual_clock, on_the_loop, LINGER)
    await calls.call("start", lambda: 1, LIMIT)
    assert isinstance(virtual_clock, VirtualClock)
    assert virtual_clock.pending == 0

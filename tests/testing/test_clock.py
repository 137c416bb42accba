"""The clock that tests own."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import threading

import pytest

from companion_async.clock import Clock, TimerHandle
from companion_async.errors import InvalidArgumentError
from companion_async.testing.clock import VirtualClock, settle, until


async def test_time_stands_still_until_it_is_moved(virtual_clock: VirtualClock) -> None:
    """Time moves by exactly what `advance` is given, for both readings, and not by itself."""
    clock: Clock = virtual_clock
    before, date = clock.monotonic(), clock.time()
    await settle()
    assert (clock.monotonic(), clock.time()) == (before, date)
    await virtual_clock.advance(2.5)
    assert (clock.monotonic() - before, clock.time() - date) == (2.5, 2.5)


async def test_timers_fire_in_order_at_their_own_instant(virtual_clock: VirtualClock) -> None:
    """Each timer sees its own instant, those of one instant fire in the order they were set, later ones stay."""
    seen: list[tuple[str, float]] = []

    def note(name: str) -> None:
        seen.append((name, virtual_clock.monotonic()))

    for name, delay in [("c", 3.0), ("a", 1.0), ("b1", 2.0), ("b2", 2.0), ("late", 3.5)]:
        virtual_clock.call_later(delay, functools.partial(note, name))
    await virtual_clock.advance(3.0)
    assert seen == [("a", 1.0), ("b1", 2.0), ("b2", 2.0), ("c", 3.0)]
    assert virtual_clock.pending == 1


async def test_the_loop_settles_between_instants(virtual_clock: VirtualClock) -> None:
    """A coroutine that a timer wakes has run, and its next timer is set, before time goes on."""
    ticks: list[float] = []

    async def ticker() -> None:
        for _ in range(5):
            await virtual_clock.sleep(0.5)
            ticks.append(virtual_clock.monotonic())

    task = asyncio.create_task(ticker())
    await virtual_clock.advance(10)
    assert ticks == [0.5, 1.0, 1.5, 2.0, 2.5]
    assert task.done()


async def test_sums_of_floats_that_mean_one_instant_meet(virtual_clock: VirtualClock) -> None:
    """Ten steps of 0.1 reach a timer set for 1.0, whatever the last bit says, and time never goes back."""
    fired = asyncio.Event()
    virtual_clock.call_later(1.0, fired.set)
    for _ in range(10):
        before = virtual_clock.monotonic()
        await virtual_clock.advance(0.1)
        assert virtual_clock.monotonic() >= before
    assert fired.is_set()
    assert virtual_clock.monotonic() >= 1.0


async def test_a_cancelled_timer_never_fires(virtual_clock: VirtualClock) -> None:
    """Cancelling works before the instant and, by another timer, at the instant itself."""
    fired: list[str] = []
    early = virtual_clock.call_later(1.0, lambda: fired.append("early"))
    early.cancel()
    early.cancel()
    timers: list[TimerHandle] = []
    virtual_clock.call_later(2.0, lambda: timers[0].cancel())
    timers.append(virtual_clock.call_later(2.0, lambda: fired.append("same instant")))
    await virtual_clock.advance(5)
    assert fired == []
    assert virtual_clock.pending == 0


async def test_a_cancelled_sleep_leaves_nothing_behind(virtual_clock: VirtualClock) -> None:
    """Cancelling a sleeper ends it at once and takes its timer along."""
    sleeper = asyncio.create_task(virtual_clock.sleep(60))
    await settle()
    assert virtual_clock.pending == 1
    sleeper.cancel()
    await asyncio.wait([sleeper])
    assert sleeper.cancelled()
    assert virtual_clock.pending == 0


async def test_a_callback_runs_in_the_context_that_set_it(virtual_clock: VirtualClock) -> None:
    """Context variables are those of `call_later`, as on a loop."""
    name: contextvars.ContextVar[str] = contextvars.ContextVar("name")
    name.set("setter")
    seen: list[str] = []
    virtual_clock.call_later(1, lambda: seen.append(name.get()))
    name.set("advancer")
    await virtual_clock.advance(1)
    assert seen == ["setter"]


async def test_a_failing_callback_stops_neither_time_nor_the_others(virtual_clock: VirtualClock) -> None:
    """An error in a callback goes to the loop's exception handler, as with a loop's own timers."""
    reports: list[dict[str, object]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, report: reports.append(report))
    fired: list[str] = []
    virtual_clock.call_later(1, lambda: 1 / 0)  # type: ignore[arg-type]
    virtual_clock.call_later(1, lambda: fired.append("next"))
    await virtual_clock.advance(1)
    assert fired == ["next"]
    assert isinstance(reports[0]["exception"], ZeroDivisionError)


@pytest.mark.parametrize("delay", [float("nan"), float("inf")])
async def test_no_timer_for_a_time_that_never_comes(virtual_clock: VirtualClock, delay: float) -> None:
    """NaN and infinity are refused where they enter, for timers and for steps."""
    with pytest.raises(InvalidArgumentError):
        virtual_clock.call_later(delay, lambda: None)
    with pytest.raises(InvalidArgumentError):
        await virtual_clock.advance(delay)
    with pytest.raises(InvalidArgumentError):
        await virtual_clock.advance(-1)
    assert virtual_clock.pending == 0


def test_timers_belong_to_the_loop(virtual_clock: VirtualClock) -> None:
    """Without a running loop in this thread a timer is refused, as on the real clock."""
    with pytest.raises(RuntimeError, match="no running event loop"):
        virtual_clock.call_later(1, lambda: None)


async def test_settle_deals_with_what_a_thread_handed_over(virtual_clock: VirtualClock) -> None:
    """What a thread has put on the loop before `settle` is done after it, the tasks that it woke included."""
    loop = asyncio.get_running_loop()
    arrived: asyncio.Future[str] = loop.create_future()
    seen: list[str] = []

    async def consumer() -> None:
        seen.append(await arrived)
        await asyncio.sleep(0)
        seen.append("after a turn")

    task = asyncio.create_task(consumer())
    await settle()
    thread = threading.Thread(target=loop.call_soon_threadsafe, args=(arrived.set_result, "from a thread"))
    thread.start()
    thread.join()
    await settle()
    assert seen == ["from a thread", "after a turn"]
    assert task.done()


async def test_settle_says_who_never_rests(monkeypatch: pytest.MonkeyPatch) -> None:
    """A task that spins is named in an error; the test does not hang."""
    monkeypatch.setattr("companion_async.testing.clock._MOST_PASSES", 50)

    async def spinner() -> None:
        while True:  # noqa: ASYNC110  that is the fault that the test is about
            await asyncio.sleep(0)

    task = asyncio.create_task(spinner(), name="spinner")
    with pytest.raises(RuntimeError, match="spinner"):
        await settle()
    task.cancel()


async def test_a_hold_in_a_thread_stops_time(virtual_clock: VirtualClock) -> None:
    """While work is held, a due timer waits for it; the result arrives at the instant at which the work began."""
    gate, held = threading.Event(), threading.Event()
    loop = asyncio.get_running_loop()
    seen: list[tuple[str, float]] = []

    def note(name: str) -> None:
        seen.append((name, virtual_clock.monotonic()))

    def work() -> None:
        with virtual_clock.hold():
            held.set()
            gate.wait(30)
            loop.call_soon_threadsafe(note, "work")

    thread = threading.Thread(target=work)
    thread.start()
    await until(held.is_set)
    virtual_clock.call_later(1, lambda: note("timer"))
    stepping = asyncio.create_task(virtual_clock.advance(1))
    await settle()
    assert seen == []
    gate.set()
    await stepping
    thread.join()
    assert seen == [("work", 0.0), ("timer", 1.0)]


async def test_held_work_that_ends_at_the_last_moment_is_not_late(
    virtual_clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hold that ends just after the loop has settled has its result dealt with before time moves all the same."""
    gate, held = threading.Event(), threading.Event()
    loop = asyncio.get_running_loop()
    arrived: list[float] = []

    def work() -> None:
        with virtual_clock.hold():
            held.set()
            gate.wait(30)
            loop.call_soon_threadsafe(lambda: arrived.append(virtual_clock.monotonic()))

    thread = threading.Thread(target=work)

    async def settle_and_end() -> None:
        if not held.is_set():
            thread.start()
            held.wait(30)
        await settle()
        gate.set()
        thread.join()

    monkeypatch.setattr("companion_async.testing.clock.settle", settle_and_end)
    virtual_clock.call_later(1, lambda: None)
    await virtual_clock.advance(1)
    assert arrived == [0.0]


async def test_a_hold_that_is_never_released_is_an_error(
    virtual_clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`advance` gives up on a hold with the reason, and time has not moved."""
    monkeypatch.setattr("companion_async.testing.clock._HOLD_LIMIT", 0.01)
    with virtual_clock.hold(), pytest.raises(TimeoutError, match="held the clock"):
        await virtual_clock.advance(1)
    assert virtual_clock.monotonic() == 0.0


async def test_time_passes_work_that_is_not_held(virtual_clock: VirtualClock) -> None:
    """A thread that the test keeps waiting does not stop time: that is how a hung run is tested."""
    gate = threading.Event()
    future = asyncio.get_running_loop().run_in_executor(None, gate.wait, 30)
    await virtual_clock.advance(3600)
    assert virtual_clock.monotonic() == 3600
    assert not future.done()
    gate.set()
    assert await future


async def test_until_waits_for_a_thread_and_gives_up() -> None:
    """`until` returns when a thread has made it true, and raises `TimeoutError` when nobody does."""
    done = threading.Event()
    thread = threading.Thread(target=done.set)
    thread.start()
    await until(done.is_set)
    thread.join()
    with pytest.raises(TimeoutError):
        await until(lambda: False, timeout=0.01)


async def test_runs_repeat_exactly(virtual_clock: VirtualClock) -> None:
    """Two hundred tickers of different periods tick in the same order, run after run."""

    async def run(clock: VirtualClock) -> list[tuple[int, float]]:
        log: list[tuple[int, float]] = []

        async def ticker(number: int) -> None:
            for _ in range(3):
                await clock.sleep(0.1 + number % 7 / 10)
                log.append((number, clock.monotonic()))

        tasks = [asyncio.create_task(ticker(number)) for number in range(200)]
        await clock.advance(5)
        assert all(task.done() for task in tasks)
        return log

    assert await run(VirtualClock()) == await run(VirtualClock())

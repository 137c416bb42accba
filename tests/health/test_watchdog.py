"""The watchdog: a blocked loop is seen from outside, measured, and its stack is kept."""

from __future__ import annotations

import asyncio
import sys
import threading
from types import FrameType

import pytest

from companion_async.health.settings import HealthSettings
from companion_async.health.stack import DEEPEST, read_stack
from companion_async.health.watchdog import BlockedLoop, LoopLag, LoopWatchdog
from companion_async.testing.clock import until

QUICK = HealthSettings(watchdog_interval=0.001, blocked_after=0.01, lag_samples=50, blocks_kept=3)


def is_ours(block: BlockedLoop) -> bool:
    """A machine under load holds up a loop as well; those blocks are true, but not the ones that a test made."""
    return any("hold_the_loop_until" in line and "test_watchdog.py" in line for line in block.stack[-5:])


def hold_the_loop_until(event: threading.Event) -> None:
    """What no coroutine should do."""
    assert event.wait(30)


async def signs(dog: LoopWatchdog, count: int) -> None:
    """Until the dog has had so many signs more."""
    seen = dog.signs
    await until(lambda: dog.signs >= seen + count)


@pytest.mark.feature("X-20")
async def test_a_blocked_loop_is_seen_while_it_is_blocked_and_the_stack_names_the_culprit() -> None:
    """THR-16: the call that blocks stands in the stack, innermost last; nothing of it needs the loop's help."""
    seen, told = threading.Event(), list[BlockedLoop]()

    def on_blocked(block: BlockedLoop) -> None:
        if is_ours(block):
            told.append(block)
            during.append(dog.blocked()[-1])
            overdue.append(dog.overdue())
            seen.set()

    during, overdue = list[BlockedLoop](), list[float]()
    async with LoopWatchdog(QUICK, on_blocked=on_blocked) as dog:
        await signs(dog, 2)
        hold_the_loop_until(seen)
        await signs(dog, 2)
    (block,) = [block for block in dog.blocked() if is_ours(block)]
    assert block.stack == told[0].stack == during[0].stack
    assert block.seconds >= told[0].seconds >= 0.01
    assert overdue[0] > 0.01
    lag = dog.lag
    assert lag.max is not None
    assert lag.max >= block.seconds


@pytest.mark.feature("X-20")
async def test_a_prompt_loop_is_never_blamed() -> None:
    """Lateness is measured all the time; without a block no stack is read."""

    def no_frames() -> dict[int, FrameType]:
        raise AssertionError("no reason to look")

    patient = HealthSettings(watchdog_interval=0.001, blocked_after=5.0, lag_samples=50)
    async with LoopWatchdog(patient, frames=no_frames) as dog:
        assert dog.lag == LoopLag()
        assert dog.recent_max(1.0) is None
        await signs(dog, 20)
        lag = dog.lag
        recent = dog.recent_max(0.01)
    assert dog.blocked() == ()
    assert lag.last is not None
    assert lag.p50 is not None
    assert lag.p99 is not None
    assert lag.max is not None
    assert 0 <= lag.p50 <= lag.p99 <= lag.max < 5.0
    assert recent is not None


async def test_only_the_last_blocks_are_kept_and_all_are_counted() -> None:
    """The list is bounded; the count goes on."""
    seen = threading.Event()
    async with LoopWatchdog(QUICK, on_blocked=lambda block: seen.set()) as dog:
        for _ in range(5):
            hold_the_loop_until(seen)
            seen.clear()
            await signs(dog, 1)
    assert len(dog.blocked()) == 3
    assert dog.blocks >= 5


async def test_a_long_block_is_measured_to_its_end_and_the_watch_goes_on() -> None:
    """Many intervals without a sign are one block; while it lasts it grows, and the next sign is asked for after it."""
    async with LoopWatchdog(QUICK) as dog:
        await signs(dog, 1)
        nobody, lasting = threading.Event(), list[float]()
        while dog.overdue() < 0.05:
            nobody.wait(0.002)
            lasting.extend(block.seconds for block in dog.blocked()[-1:])
        await signs(dog, 3)
        assert max(block.seconds for block in dog.blocked()) >= 0.05
    assert lasting[-1] > lasting[0]


async def test_it_starts_and_ends_with_its_block_and_can_be_entered_again() -> None:
    """One daemon thread, gone at the end of the block, whatever state the loop is in."""
    dog = LoopWatchdog(QUICK)
    for _ in range(3):
        before = threading.active_count()
        async with dog:
            (thread,) = [t for t in threading.enumerate() if t.name == "companion-watchdog"]
            assert thread.daemon
            await signs(dog, 1)
        assert not thread.is_alive()
        assert threading.active_count() == before


def test_it_ends_by_itself_with_the_loop() -> None:
    """A loop that was closed without leaving the block leaves no thread behind."""
    loop = asyncio.new_event_loop()
    dog = LoopWatchdog(QUICK)
    loop.run_until_complete(dog.__aenter__())
    (thread,) = [t for t in threading.enumerate() if t.name == "companion-watchdog"]
    loop.close()
    thread.join(30)
    assert not thread.is_alive()


async def test_a_callback_that_fails_does_not_end_the_watch() -> None:
    """The next block is seen all the same."""
    seen = threading.Event()

    def fail(block: BlockedLoop) -> None:
        seen.set()
        raise RuntimeError

    async with LoopWatchdog(QUICK, on_blocked=fail) as dog:
        for _ in range(2):
            hold_the_loop_until(seen)
            seen.clear()
            await signs(dog, 1)
    assert dog.blocks >= 2


def test_a_stack_is_short_lines_innermost_last_and_its_mark_moves_with_it() -> None:
    """File, line, function; no source is read. A thread that has ended has none."""
    here = threading.get_ident()
    first, second = read_stack(here), read_stack(here)
    assert first is not None
    assert second is not None
    own = next(line for line in reversed(first[0]) if "test_watchdog.py" in line)
    assert own.endswith("test_a_stack_is_short_lines_innermost_last_and_its_mark_moves_with_it")
    assert first[1] != second[1], "the two calls stand at different places"
    thread = threading.Thread(target=lambda: None)
    thread.start()
    thread.join()
    assert thread.ident is not None
    assert read_stack(thread.ident, dict) is None


def test_a_deep_stack_is_cut_to_its_innermost_part() -> None:
    """Forty calls say where it stands."""

    def dive(depth: int) -> tuple[tuple[str, ...], int] | None:
        return read_stack(7, lambda: {7: sys._getframe()}) if depth == 0 else dive(depth - 1)

    found = dive(100)
    assert found is not None
    assert len(found[0]) == DEEPEST
    assert "dive" in found[0][0]

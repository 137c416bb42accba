"""The bell: whoever rings it in whatever thread, the loop answers, and nothing of it is left behind."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import os
import threading

import pytest

from companion_async.offload.bell import Bell
from companion_async.testing.clock import settle, until

pytestmark = pytest.mark.feature("U-2")
LINUX = pytest.mark.skipif(not hasattr(os, "eventfd"), reason="no eventfd on this system: the loop's own way is used")
ASKED = contextvars.ContextVar("asked", default="nobody")


@pytest.fixture(params=["eventfd", "the loop's own way"])
def way(request, monkeypatch):
    """Both ways of waking a loop."""
    if request.param != "eventfd":
        monkeypatch.delattr(os, "eventfd", raising=False)
    elif not hasattr(os, "eventfd"):
        pytest.skip("no eventfd on this system: the loop's own way is used")
    return request.param


async def test_the_loop_answers_whoever_rings_in_the_context_in_which_it_was_hung(way):
    """From its own thread and from others, asleep or awake; never in theirs."""
    answers: list[tuple[int, str]] = []
    ASKED.set("the owner")
    bell = Bell(asyncio.get_running_loop(), lambda: answers.append((threading.get_ident(), ASKED.get())))
    ASKED.set("somebody else")

    def ring() -> None:
        ASKED.set("a thread")
        bell.ring()

    for count in range(1, 51):
        if count % 2:
            bell.ring()
        else:
            threading.Thread(target=ring).start()
        await until(lambda: len(answers) == count)  # noqa: B023 - waited for here
    bell.again()
    await settle()
    assert set(answers) == {(threading.get_ident(), "the owner")}
    assert len(answers) == 51
    bell.close()


@LINUX
async def test_what_has_rung_before_the_loop_looks_is_answered_once():
    """Ten thousand rings, one answer; and then none without a ring."""
    answers: list[int] = []
    bell = Bell(asyncio.get_running_loop(), lambda: answers.append(1))
    for _ in range(10_000):
        bell.ring()
    await settle()
    assert answers == [1]
    bell.close()


async def test_no_ring_is_lost_between_threads_that_ring_as_the_loop_answers(way):
    """Four threads write and ring as the mailbox does, a thousand times each: the last answer has seen all."""
    letters: list[int] = []
    seen = 0

    def answer() -> None:
        nonlocal seen
        seen = len(letters)

    bell = Bell(asyncio.get_running_loop(), answer)

    def write() -> None:
        for number in range(1000):
            letters.append(number)
            bell.ring()

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    await until(lambda: seen == 4000)
    for thread in threads:
        thread.join()
    await settle()
    bell.close()


async def test_taken_down_it_is_heard_no_more(way):
    """A thread that outlives it may ring: nobody answers, and nothing breaks."""
    answers: list[int] = []
    bell = Bell(asyncio.get_running_loop(), lambda: answers.append(1))
    bell.close()
    if way == "eventfd":
        bell.ring()
    await settle()
    assert not answers


@LINUX
@pytest.mark.asyncio(loop_factories=["asyncio"])
async def test_its_file_is_closed_when_nobody_is_left_who_could_ring():
    """Not when it is taken down: the number might be that of another's file by the time that a late thread rings."""
    bell = Bell(asyncio.get_running_loop(), lambda: None)
    file = bell._fd
    bell.close()
    assert os.get_blocking(file) is False
    del bell
    gc.collect()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.get_blocking(file)


@LINUX
def test_a_late_ring_for_a_loop_that_is_closed_is_harmless():
    """Whoever wants to know asks the mailbox, which asks the loop."""
    loop = asyncio.new_event_loop()
    bell = Bell(loop, lambda: None)
    loop.close()
    bell.ring()
    bell.close()

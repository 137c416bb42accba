"""From threads to the loop: everything arrives, in order, with one wake-up for what has gathered."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from companion_async.offload import mailbox as room
from companion_async.testing.clock import settle, until
from tests.offload.rig import mailbox

pytestmark = pytest.mark.feature("U-2")


async def test_letters_of_many_threads_all_arrive_each_threads_in_order():
    """Ten threads, a thousand letters each."""
    read: list[tuple[int, int]] = []
    box = mailbox(asyncio.get_running_loop())

    def write(writer: int) -> None:
        for number in range(1000):
            box.post(read.append, (writer, number))

    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(10)]
    for thread in threads:
        thread.start()
    await until(lambda: len(read) == 10_000)
    for thread in threads:
        thread.join()
    for writer in range(10):
        assert [number for who, number in read if who == writer] == list(range(1000))


async def test_what_gathers_wakes_the_loop_once(monkeypatch):
    """And again for the first that comes after the loop has looked."""
    woken, read = list[None](), list[int]()
    box = mailbox(asyncio.get_running_loop())
    usual = box._bell.ring

    def ring() -> None:
        woken.append(None)
        usual()

    monkeypatch.setattr(box._bell, "ring", ring)
    for number in range(100):
        box.post(read.append, number)
    assert len(woken) == 1
    await settle()
    assert read == list(range(100))
    box.post(read.append, 100)
    assert len(woken) == 2
    await settle()
    assert read[-1] == 100


async def test_a_long_reading_leaves_the_loop_its_turns(monkeypatch):
    """With the share used up the rest waits for the loop's next turn; told to read the whole it does."""
    monkeypatch.setattr(room, "SHARE", 0.0)
    turns, read = list[int](), list[int]()
    box = mailbox(asyncio.get_running_loop(), after=lambda: turns.append(len(read)))
    for number in range(300):
        box.post(read.append, number)
    await until(lambda: len(read) == 300)
    assert read == list(range(300))
    assert len(turns) > 3
    turns.clear()
    for number in range(300):
        box.post(read.append, number)
    box.deliver(whole=True)
    assert turns == [600]
    await settle()


async def test_a_letter_that_raises_keeps_none_from_those_behind_it():
    """The loop reports it."""
    loop, reports, read = asyncio.get_running_loop(), list[Any](), list[int]()
    loop.set_exception_handler(lambda _, report: reports.append(report["exception"]))
    box = mailbox(loop)

    def fail(_: Any) -> None:
        raise OSError("no")

    box.post(read.append, 1)
    box.post(fail, None)
    box.post(read.append, 2)
    await until(lambda: read == [1, 2])
    assert [type(report) for report in reports] == [OSError]


async def test_at_its_close_what_has_come_is_read_and_nothing_wakes_the_loop_any_more():
    """A thread that outlives the loop may go on posting; nobody is left to read it, and nothing breaks."""
    read: list[int] = []
    box = mailbox(asyncio.get_running_loop())
    box.post(read.append, 1)
    assert not box.closed
    box.close()
    assert (box.closed, read) == (True, [1])
    await settle()
    box.post(read.append, 2)
    await settle()
    assert read == [1]


def test_a_loop_that_is_closed_under_it_closes_it():
    """The first thread that finds out says so to nobody but the mailbox."""
    loop = asyncio.new_event_loop()
    box = mailbox(loop)
    loop.close()
    box.post(print, "never")
    assert box.closed
    box.close()

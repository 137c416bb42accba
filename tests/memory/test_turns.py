"""Turns at a lock."""

from __future__ import annotations

import threading

import pytest

from companion_async.memory.turns import Turns


def test_whoever_waits_comes_before_the_one_who_comes_back():
    """A thread that takes the lock again and again lets another in at once; that one waits for one piece of work."""
    turns, waiting, done = Turns(), threading.Event(), threading.Event()
    order = []

    def wait():
        waiting.set()
        with turns:
            order.append("other")
        done.set()

    thread = threading.Thread(target=wait)
    with turns:
        thread.start()
        waiting.wait(30)
        while not turns._door.locked():  # it stands at the door
            pass
        order.append("first")
    with turns:
        order.append("again")
    assert done.wait(30)
    thread.join()
    assert order == ["first", "other", "again"]


def test_the_holder_may_take_it_again_and_an_error_gives_it_back():
    """As often as it likes; it is free when the outermost block ends."""
    turns = Turns()
    with pytest.raises(ZeroDivisionError), turns, turns:
        raise ZeroDivisionError
    assert not turns._room.locked()
    with turns:
        with turns:
            pass
        assert turns._room.locked()


def test_of_many_threads_one_is_in():
    """None is lost and none is beside another."""
    turns, inside, count = Turns(), [], []

    def work():
        for _ in range(300):
            with turns:
                inside.append(1)
                count.append(len(inside))
                inside.pop()

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert count == [1] * 2_400

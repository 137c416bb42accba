"""The thread that makes users' calls."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from companion_async.sdk import callbacks as callbacks_file
from companion_async.sdk.callbacks import CallbackThread
from tests.sdk.actors import PATIENCE


@pytest.fixture
def thread(gate):
    thread = CallbackThread("test callbacks")
    yield thread
    gate.open()
    thread.close(PATIENCE)


def test_calls_are_made_in_order_on_one_daemon_thread(thread):
    """Whoever asks for them, the calls come one after the other, and not in the thread that asked."""
    made: list[Any] = []
    for n in range(50):
        thread.call(lambda n=n: made.append((n, threading.current_thread())))
    thread.close(PATIENCE)
    assert [n for n, _ in made] == [*range(50)]
    (serving,) = {who for _, who in made}
    assert (serving.daemon, serving.is_alive()) == (True, False)


def test_no_call_no_thread(thread):
    """Where nobody is to be called there is no thread either."""
    thread.close(PATIENCE)
    assert "test callbacks" not in {each.name for each in threading.enumerate()}


def test_what_a_call_raises_is_counted_and_ends_there(thread):
    """Not even SystemExit keeps the next call from being made."""
    made: list[Any] = []

    def leave():
        raise SystemExit(3)

    thread.call(leave)
    thread.call(made.append, 1)
    thread.close(PATIENCE)
    assert (made, thread.errors) == ([1], 1)


def test_behind_a_call_that_is_stuck_the_oldest_are_dropped(thread, gate, monkeypatch):
    """Memory is bounded: the newest are kept, and how many were dropped is known."""
    monkeypatch.setattr(callbacks_file, "_MOST_WAITING", 3)
    made: list[Any] = []
    thread.call(gate)
    gate.wait_for()
    for n in range(10):
        thread.call(made.append, n)
    gate.open()
    thread.close(PATIENCE)
    assert (made, thread.dropped) == ([7, 8, 9], 7)
    thread.call(made.append, 10)
    assert (made[-1], thread.dropped) == (9, 8)


def test_closing_does_not_wait_for_a_call_that_is_stuck(thread, gate):
    """A callback that never returns holds nobody up: the thread is a daemon."""
    thread.call(gate)
    gate.wait_for()
    thread.close(0)
    gate.open()


def test_a_call_may_close_its_own_thread(thread):
    """It does not wait for itself."""
    closed = threading.Event()

    def close():
        thread.close(PATIENCE)
        closed.set()

    thread.call(close)
    assert closed.wait(PATIENCE / 2)


def test_without_a_thread_to_be_had_the_calls_wait(thread, monkeypatch):
    """A call that found no thread is made together with the next one that finds one."""
    made: list[Any] = []

    def refuse(new):
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        thread.call(made.append, 1)
    thread.call(made.append, 2)
    thread.close(PATIENCE)
    assert made == [1, 2]

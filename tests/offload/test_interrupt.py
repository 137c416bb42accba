"""An exception raised in a thread from outside: inside the user's callable only, and not behind a shield."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any

import pytest

from companion_async.offload.interrupt import Interrupted, InterruptGate

pytestmark = pytest.mark.feature("X-18")


class Worker:
    """A thread that runs ``inside`` behind its gate; ``raised`` is what came out."""

    def __init__(self, inside: Callable[[Worker], Any]) -> None:
        self.ready, self.go_on = threading.Event(), threading.Event()
        self.raised: BaseException | None = None
        self.after = False
        self._inside = inside
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        assert self.ready.wait(30)

    def _run(self) -> None:
        self.gate = InterruptGate(threading.get_ident())
        try:
            with self.gate.opened():
                self._inside(self)
        except BaseException as error:
            self.raised = error
        for _ in range(1000):  # bytecodes at which a late exception would strike
            pass
        self.after = True

    def wait(self) -> None:
        """Give notice, and take many short steps, so that an exception can be delivered, until told to go on."""
        self.ready.set()
        while not self.go_on.wait(0.0005):
            pass

    def join(self) -> None:
        """Let it end."""
        self.go_on.set()
        self._thread.join(30)
        assert not self._thread.is_alive()


def test_it_strikes_what_runs():
    """The run ends although nobody lets it go on, and the thread goes on after it."""
    worker = Worker(Worker.wait)
    assert worker.gate.interrupt()
    worker._thread.join(30)
    assert type(worker.raised) is Interrupted
    assert worker.after
    worker.join()


def test_it_is_no_exception_that_a_run_would_catch_by_habit():
    """``except Exception`` does not hold it up."""

    def stubborn(worker: Worker) -> None:
        try:
            worker.wait()
        except Exception:
            worker.wait()

    worker = Worker(stubborn)
    worker.gate.interrupt()
    worker._thread.join(30)
    assert type(worker.raised) is Interrupted
    worker.join()


def test_a_shield_holds_it_off_to_its_end():
    """The innermost of several shields counts for nothing: it strikes when the last is left."""
    steps: list[str] = []

    def shielded(worker: Worker) -> None:
        with worker.gate.shielded():
            with worker.gate.shielded():
                worker.wait()
            steps.append("inner left")
        steps.append("never")

    worker = Worker(shielded)
    assert worker.gate.interrupt()
    worker.join()
    assert steps == ["inner left"]
    assert type(worker.raised) is Interrupted


def test_a_shield_that_nobody_tried_changes_nothing():
    """Without an interruption the run ends as it would have."""

    def shielded(worker: Worker) -> None:
        with worker.gate.shielded():
            worker.wait()

    worker = Worker(shielded)
    worker.join()
    assert worker.raised is None


def test_outside_of_the_callable_it_is_refused():
    """Before it begins and after it has ended there is nothing that may be struck."""
    gate = InterruptGate(threading.get_ident())
    assert not gate.interrupt()
    with gate.opened():
        pass
    assert not gate.interrupt()


def test_one_that_comes_too_late_is_taken_back():
    """Asked for behind a shield, and the run ends first: the next one is not struck."""
    gate = InterruptGate(threading.get_ident())
    with gate.opened():
        gate._shields = 1  # as if the run had been left inside its shield
        assert gate.interrupt()
    with gate.opened():
        for _ in range(1000):
            pass


_TRACED = """
import contextlib, sys, threading
from companion_async.offload.interrupt import Interrupted, InterruptGate

gate = InterruptGate(threading.get_ident())
for struck in (False, True):
    with contextlib.suppress(Interrupted), gate.opened():
        if struck:
            other = threading.Thread(target=gate.interrupt)
            other.start()
            other.join()
    sys.settrace(lambda *_: None)
    (lambda: None)()
    sys.settrace(None)
print("went on")
"""


def test_a_debugger_goes_on_after_runs_that_could_be_interrupted():
    """On 3.11 an exception that is taken back as the manual has it stops every traced function for ever."""
    done = subprocess.run([sys.executable, "-c", _TRACED], capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout == "went on\n", done.stderr

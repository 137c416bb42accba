"""An exception raised inside another thread, only while that runs the user's callable and has not shielded itself."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Interrupted(BaseException):
    """Ends a stuck run from outside. A ``BaseException``, so that ``except Exception`` in the run does not keep it."""


class _TakenBack(BaseException):
    """Takes the place of one that came too late."""


class InterruptGate:
    """Says when its thread may be interrupted; the raiser and the thread agree under one lock.

    CPython delivers the exception at the thread's next bytecode: a call that waits inside C code ends first.
    """

    __slots__ = (
        "_ident",
        "_interrupted",
        "_lock",
        "_open",
        "_raise_in",
        "_raised",
        "_shields",
        "_taken_back",
        "_wanted",
    )

    def __init__(self, thread: int) -> None:
        import ctypes  # in the thread that needs it: few do

        self._raise_in = ctypes.pythonapi.PyThreadState_SetAsyncExc
        self._ident = ctypes.c_ulong(thread)
        self._interrupted = ctypes.py_object(Interrupted)
        self._taken_back = ctypes.py_object(_TakenBack)
        self._lock = threading.Lock()
        self._open = False
        self._shields = 0
        self._wanted = self._raised = False

    def interrupt(self) -> bool:
        """Raise `Interrupted` in the thread, now or when its last shield ends; False if it is not in user code."""
        with self._lock:
            if not self._open:
                return False
            self._wanted = True
            if not self._shields:
                self._raise()
            return True

    @contextmanager
    def opened(self) -> Iterator[None]:
        """The user's callable is on the stack inside this block."""
        with self._lock:
            self._open, self._wanted, self._raised, self._shields = True, False, False, 0
        try:
            yield
        finally:
            with self._lock:
                self._open = False
                if self._raised:
                    self._take_back()

    @contextmanager
    def shielded(self) -> Iterator[None]:
        """No interruption inside this block; one asked for meanwhile strikes when it ends."""
        with self._lock:
            self._shields += 1
        try:
            yield
        finally:
            with self._lock:
                self._shields -= 1
                if self._wanted and not self._shields and self._open:
                    self._raise()

    def _take_back(self) -> None:
        """One that is set but not delivered yet would strike code that is not the user's: catch another in its place.

        Setting none, as CPython's manual has it, would leave the interpreter in the belief that one is to be delivered:
        until another is, every thread stops at each check, and on 3.11 whatever is traced (by a debugger, for coverage)
        stands still for ever.
        """
        try:
            self._raise_in(self._ident, self._taken_back)
            while True:
                pass
        except _TakenBack:
            self._raised = False

    def _raise(self) -> None:
        self._wanted, self._raised = False, True
        self._raise_in(self._ident, self._interrupted)

"""An exception raised inside another thread, only while that runs the user's callable and has not shielded itself."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Interrupted(BaseException):
    """Ends a stuck run from outside. A ``BaseException``, so that ``except Exception`` in the run does not keep it."""


class InterruptGate:
    """Says when its thread may be interrupted; the raiser and the thread agree under one lock.

    CPython delivers the exception at the thread's next bytecode: a call that waits inside C code ends first.
    """

    __slots__ = ("_ident", "_interrupted", "_lock", "_open", "_raise_in", "_shields", "_wanted")

    def __init__(self, thread: int) -> None:
        import ctypes  # in the thread that needs it: few do

        self._raise_in = ctypes.pythonapi.PyThreadState_SetAsyncExc
        self._ident = ctypes.c_ulong(thread)
        self._interrupted = ctypes.py_object(Interrupted)
        self._lock = threading.Lock()
        self._open = False
        self._shields = 0
        self._wanted = False

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
            self._open, self._wanted, self._shields = True, False, 0
        try:
            yield
        finally:
            with self._lock:
                self._open = False
                # One set but not delivered yet would strike code that is not the user's.
                self._raise_in(self._ident, None)

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

    def _raise(self) -> None:
        self._wanted = False
        self._raise_in(self._ident, self._interrupted)

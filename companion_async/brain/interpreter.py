"""Settings of the interpreter that a brain changes while it has to. All brains of a process share them."""

from __future__ import annotations

import gc
import math
import sys
import threading
from collections.abc import Callable, Iterable
from typing import Any, Generic, TypeVar

T = TypeVar("T", bound=float)

_TRACKED = 2
"""Objects of a waiting task that the collector looks at: itself and its context, beside what it was called with."""
_TURNS = 4


class Setting(Generic[T]):
    """One of them. Several brains may want it changed at once: the ``strongest`` wish counts, the usual value among
    them, and that is back when the last has given up its own. What somebody else sets meanwhile becomes the usual
    value. Any thread.
    """

    def __init__(
        self, read: Callable[[], T], write: Callable[[T], None], strongest: Callable[[Iterable[Any]], Any]
    ) -> None:
        self._read = read
        self._write = write
        self._strongest = strongest
        self._wishes: dict[object, T] = {}
        self._usual: T = read()
        self._ours: T = self._usual
        self._lock = threading.Lock()

    def want(self, who: object, value: T) -> T:
        """Have it changed for ``who``, instead of what they wanted before; what it is now."""
        with self._lock:
            self._wishes[who] = value
            return self._settle()

    def give_back(self, who: object) -> bool:
        """``who`` needs it no more. False if they did not."""
        with self._lock:
            if self._wishes.pop(who, None) is None:
                return False
            self._settle()
            return True

    def _settle(self) -> T:
        found = self._read()
        if found != self._ours:
            self._usual = found
        wanted: T = self._strongest([self._usual, *self._wishes.values()])
        if wanted != found:
            self._write(wanted)
        self._ours = self._read()  # it may be rounded
        return self._ours


def _set_collections(count: int) -> None:
    young, middle, _ = gc.get_threshold()
    gc.set_threshold(young, middle, count)


SWITCH_INTERVAL: Setting[float] = Setting(sys.getswitchinterval, sys.setswitchinterval, min)
"""How long a thread keeps the interpreter lock when others want it, in seconds."""

FULL_COLLECTION: Setting[int] = Setting(lambda: gc.get_threshold()[2], _set_collections, max)
"""How many collections of the middle generation lie at least between two that go through all objects."""


def collections_for(waiting: int) -> int:
    """The `FULL_COLLECTION` under which all objects are gone through once as many new ones have outlived two looks as
    belong to ``waiting`` tasks four times over, which makes it a small part of the price of each.
    """
    young, middle, _ = gc.get_threshold()
    return math.ceil(_TURNS * _TRACKED * waiting / ((young + 1) * (middle + 1)))

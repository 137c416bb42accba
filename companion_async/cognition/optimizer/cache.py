"""A cache that knows why it missed, so that its size and its time to live can be tuned."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any

from companion_async.clock import Clock, SystemClock
from companion_async.cognition.optimizer.rules import CacheFigures
from companion_async.security import check_count, check_seconds

_MISSING: Any = object()


class TunedCache:
    """The ``size`` entries used last, each for ``ttl`` seconds. Any thread.

    It remembers the keys of as many that it has put out, and when what was asked for has expired: that is what tells
    a cache that is too small from one that is too forgetful.
    """

    def __init__(self, name: str, size: int = 256, ttl: float = 300.0, *, clock: Clock | None = None) -> None:
        self.name = name
        self._clock = clock if clock is not None else SystemClock()
        self._lock = threading.Lock()
        self._entries: OrderedDict[Hashable, tuple[float, Any]] = OrderedDict()
        self._put_out: OrderedDict[Hashable, None] = OrderedDict()
        self._size = check_count(size, "size")
        self._ttl = check_seconds(ttl, "ttl")
        self._begin()

    def get(self, key: Hashable, default: Any = None) -> Any:
        """What is kept under a key, or ``default``."""
        found = self._look(key)
        return default if found is _MISSING else found

    def get_or_make(self, key: Hashable, make: Callable[[], Any]) -> Any:
        """What is kept under a key, or else what ``make`` gives, kept from now on. Two threads may both make it."""
        found = self._look(key)
        if found is _MISSING:
            found = make()
            self.put(key, found)
        return found

    def put(self, key: Hashable, value: Any) -> None:
        """Keep a value."""
        with self._lock:
            self._entries[key] = (self._clock.monotonic(), value)
            self._entries.move_to_end(key)
            self._put_out.pop(key, None)
            self._fit()

    def call_stale(self, key: Hashable) -> None:
        """Say that what was had under a key was out of date; it goes."""
        with self._lock:
            self.stale += 1
            self._entries.pop(key, None)

    def clear(self) -> None:
        """Empty it; what it has learnt of itself stays."""
        with self._lock:
            self._entries.clear()

    def tune(self, *, size: int | None = None, ttl: float | None = None) -> None:
        """Give it another size, another time to live, and count anew."""
        with self._lock:
            self._size = self._size if size is None else check_count(size, "size")
            self._ttl = self._ttl if ttl is None else check_seconds(ttl, "ttl")
            self._fit()
            self._begin()

    def figures(self) -> CacheFigures:
        """Since it was made or tuned."""
        with self._lock:
            return CacheFigures(
                name=self.name,
                size=self._size,
                entries=len(self._entries),
                ttl=self._ttl,
                hits=self.hits,
                misses=self.misses,
                ghosts=self.ghosts,
                expired=self.expired,
                stale=self.stale,
            )

    def _begin(self) -> None:
        self.hits = self.misses = self.ghosts = self.expired = self.stale = 0

    def _look(self, key: Hashable) -> Any:
        with self._lock:
            made, value = self._entries.get(key, (0.0, _MISSING))
            if value is _MISSING:
                self.misses += 1
                self.ghosts += key in self._put_out
                return _MISSING
            if self._clock.monotonic() - made > self._ttl:
                del self._entries[key]
                self.misses += 1
                self.expired += 1
                return _MISSING
            self._entries.move_to_end(key)
            self.hits += 1
            return value

    def _fit(self) -> None:
        while len(self._entries) > self._size:
            key, _ = self._entries.popitem(last=False)
            self._put_out[key] = None
        while len(self._put_out) > self._size:
            self._put_out.popitem(last=False)

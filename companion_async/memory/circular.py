"""`CircularBuffer`: what an agent has at hand just now."""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec

from companion_async.clock import Clock, SystemClock
from companion_async.memory.intake import instant
from companion_async.memory.plain import Local, Share, of_plain
from companion_async.security import SecurityValidator, check_count, check_seconds

IMPORTANT = 0.7


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """One thing at hand; ``importance`` from 0 to 1, ``timestamp`` naive and local."""

    content: str
    type: str
    importance: Share
    context: dict[str, Any]
    timestamp: Local


class _Saved(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    items: list[Item]


class CircularBuffer:
    """The last ``max_size`` things of the last ``retention_minutes``; one more, and the oldest goes. Any thread."""

    def __init__(self, max_size: int = 20, retention_minutes: float = 60, *, clock: Clock | None = None) -> None:
        self.max_size = check_count(max_size, "max_size")
        self.retention_minutes = check_seconds(retention_minutes, "retention_minutes")
        self._clock = clock if clock is not None else SystemClock()
        self._lock = threading.Lock()
        self._items: deque[Item] = deque(maxlen=max_size)
        self.changes = 0
        """How often something was put in or taken out; what only grew old does not count."""

    def __len__(self) -> int:
        return len(self._living())

    def add(
        self,
        content: str,
        type: str = "observation",
        importance: float = 0.5,
        context: Mapping[str, Any] | None = None,
        *,
        timestamp: datetime | None = None,
    ) -> Item:
        """Put something in, as of now or of another moment (naive and local)."""
        text, kind, weight, known = SecurityValidator.sanitize_memory_data(content, type, importance, context)
        item = Item(
            content=text,
            type=kind,
            importance=weight,
            context=known,
            timestamp=self._now() if timestamp is None else instant(timestamp),
        )
        with self._lock:
            self._items.append(item)
            self.changes += 1
        return item

    def get_recent(self, count: int | None = None) -> list[Item]:
        """The last ``count``, or all, the newest first."""
        return self._living()[::-1][: None if count is None else check_count(count, "count")]

    def get_by_type(self, type: str) -> list[Item]:
        """Those of one type, the newest first."""
        return [item for item in self.get_recent() if item.type == type]

    def get_important(self, threshold: float = IMPORTANT) -> list[Item]:
        """Those at least that important, the newest first."""
        return [item for item in self.get_recent() if item.importance >= threshold]

    def search(self, text: str) -> list[Item]:
        """Those in whose content the text stands, in any case, the newest first."""
        return [item for item in self.get_recent() if text.casefold() in item.content.casefold()]

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._items.clear()
            self.changes += 1

    def take(self, items: Collection[Item]) -> None:
        """Take these out, as far as they are still in."""
        if not items:
            return
        gone = set(map(id, items))
        with self._lock:
            kept = [item for item in self._items if id(item) not in gone]
            self._items.clear()
            self._items.extend(kept)
            self.changes += 1

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain JSON types, for `restore`; sets in a context become lists."""
        return {"items": msgspec.to_builtins(self._living())}

    def restore(self, data: Mapping[str, Any]) -> None:
        """Hold what `to_dict` gave, in the place of what is held now. Other data is refused (`StorageError`)."""
        items = of_plain(data, _Saved).items
        with self._lock:
            self._items.clear()
            self._items.extend(items)
            self.changes += 1

    def get_summary(self) -> dict[str, Any]:
        """``size max_size utilization types average_importance``."""
        items = self._living()
        return {
            "size": len(items),
            "max_size": self.max_size,
            "utilization": len(items) / self.max_size,
            "types": dict(Counter(item.type for item in items)),
            "average_importance": sum(item.importance for item in items) / len(items) if items else 0.0,
        }

    def _living(self) -> list[Item]:
        oldest = self._now() - timedelta(minutes=self.retention_minutes)
        with self._lock:
            while self._items and self._items[0].timestamp < oldest:
                self._items.popleft()
            return list(self._items)

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock.time())

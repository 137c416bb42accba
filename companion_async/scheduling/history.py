"""Tasks by number: the living, and for a while the ended."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any

from companion_async.scheduling.task import Task


class History:
    """Every living task, and of the ended ones the last ``size`` that ended within ``seconds``. Loop only."""

    __slots__ = ("_ended", "_keys", "_seconds", "_size", "tasks")

    def __init__(self, size: int, seconds: float) -> None:
        self._size = size
        self._seconds = seconds
        self._ended: deque[Task[Any]] = deque()
        self._keys: dict[str, Task[Any]] = {}
        self.tasks: dict[int, Task[Any]] = {}

    def __iter__(self) -> Iterator[Task[Any]]:
        return iter(tuple(self.tasks.values()))

    def find(self, number: int) -> Task[Any] | None:
        """The task of that number, while it is known."""
        return self.tasks.get(number)

    def by_key(self, key: str) -> Task[Any] | None:
        """The task submitted under that idempotency key, while it is known."""
        return self._keys.get(key)

    def keep_key(self, key: str, task: Task[Any]) -> None:
        """Remember the key for as long as the task."""
        self._keys[key] = task

    def forget(self, task: Task[Any]) -> None:
        """The task was refused after all."""
        self.tasks.pop(task.number, None)
        self._drop_key(task)

    def end(self, task: Task[Any]) -> None:
        """The task has ended: it ages from now on."""
        ended = self._ended
        ended.append(task)
        if len(ended) > self._size or ended[0].ended < task.ended - self._seconds:
            self.expire(task.ended)

    def expire(self, now: float) -> None:
        """Forget what is too old or too much."""
        ended = self._ended
        while ended and (len(ended) > self._size or ended[0].ended < now - self._seconds):
            task = ended.popleft()
            self.tasks.pop(task.number, None)
            if task.more is not None:
                self._drop_key(task)

    def _drop_key(self, task: Task[Any]) -> None:
        key = task.more.key if task.more is not None else None
        if key is not None and self._keys.get(key) is task:
            del self._keys[key]

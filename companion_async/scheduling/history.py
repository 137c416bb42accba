"""Tasks by number: the living, and for a while the ended."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

from companion_async.scheduling.task import Task


class History:
    """Every living task, and of the ended ones the last ``size`` that ended within ``seconds``.

    A task that ends is appended to ``ended``. What is too old or too much goes before anybody looks, and after each
    delivery from the threads. Loop only.
    """

    __slots__ = ("_keys", "_now", "_seconds", "_size", "ended", "tasks")

    def __init__(self, size: int, seconds: float, now: Callable[[], float]) -> None:
        self._now = now
        self._size = size
        self._seconds = seconds
        self.ended: deque[Task[Any]] = deque()
        self._keys: dict[str, Task[Any]] = {}
        self.tasks: dict[int, Task[Any]] = {}

    def __iter__(self) -> Iterator[Task[Any]]:
        self.expire()
        return iter(tuple(self.tasks.values()))

    def find(self, number: int) -> Task[Any] | None:
        """The task of that number, while it is known."""
        self.expire()
        return self.tasks.get(number)

    def by_key(self, key: str) -> Task[Any] | None:
        """The task submitted under that idempotency key, while it is known."""
        self.expire()
        return self._keys.get(key)

    def keep_key(self, key: str, task: Task[Any]) -> None:
        """Remember the key for as long as the task."""
        self._keys[key] = task

    def expire(self) -> None:
        """Forget what is too old or too much."""
        ended, tasks = self.ended, self.tasks
        oldest, old = self._now() - self._seconds, 0
        for task in ended:
            if task.ended >= oldest:
                break
            old += 1
        for _ in range(max(old, len(ended) - self._size)):
            task = ended.popleft()
            del tasks[task.number]
            if task.more is not None:
                self._drop_key(task)

    def trim(self) -> None:
        """`expire` as of the end of the last task: after each delivery, without a look at the clock."""
        ended = self.ended
        if ended and (len(ended) > self._size or ended[0].ended < ended[-1].ended - self._seconds):
            self.expire()

    def _drop_key(self, task: Task[Any]) -> None:
        key = task.more.key if task.more is not None else None
        if key is not None and self._keys.get(key) is task:
            del self._keys[key]

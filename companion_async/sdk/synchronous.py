"""What becomes of work where no brain could be started: it is done at once, in the caller's thread."""

from __future__ import annotations

import asyncio
import inspect
import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from companion_async.errors import InvalidArgumentError, UnknownTaskError
from companion_async.sdk.future import SharedFuture

_MOST_KEPT = 1000


class SynchronousWork:
    """Runs callables right where they are submitted, and keeps the last 1,000 outcomes. Any thread.

    There are no modules, so handlers cannot be named; a coroutine function is run to its end on a loop of its own.
    """

    def __init__(self, reason: str) -> None:
        self.reason = reason
        self._lock = threading.Lock()
        self._prefix = secrets.token_hex(4)
        self._number = 0
        self._ended: OrderedDict[str, SharedFuture[Any]] = OrderedDict()

    def submit(self, module: str, function: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> str:
        """Run it. What it raises is its outcome; what ends a process (``KeyboardInterrupt``) goes through."""
        if isinstance(function, str):
            raise InvalidArgumentError(
                f"Handler {function!r:.80} of {module!r:.80} cannot be had: {self.reason}. Pass a callable."
            )
        if not callable(function):
            raise InvalidArgumentError(f"function must be a callable; {function!r:.80} is not.")
        future: SharedFuture[Any] = SharedFuture()
        try:
            future.set_result(_whole(function, args, kwargs))
        except Exception as error:
            future.set_exception(error)
        with self._lock:
            self._number += 1
            task_id = f"{self._prefix}-{self._number}"
            self._ended[task_id] = future
            if len(self._ended) > _MOST_KEPT:
                self._ended.popitem(last=False)
        return task_id

    def future(self, task_id: str) -> SharedFuture[Any]:
        """The outcome; `UnknownTaskError` when it is not known any more."""
        with self._lock:
            try:
                return self._ended[task_id]
            except KeyError:
                raise UnknownTaskError(str(task_id)[:80]) from None


def _whole(function: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    result = function(*args, **kwargs)
    if inspect.iscoroutine(result):
        try:
            return asyncio.run(result)
        finally:
            result.close()
    if inspect.isgenerator(result):
        return list(result)
    return result

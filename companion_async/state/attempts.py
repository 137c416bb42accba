"""A transaction tried again until it commits."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from companion_async.clock import Clock
from companion_async.errors import ConflictError
from companion_async.security import check_count
from companion_async.state.transaction import Transaction

T = TypeVar("T")


class _Attempt:
    """One transaction: committed at the end of its block. ``lost`` if it conflicted and another one may follow."""

    def __init__(self, transaction: Transaction, last: bool) -> None:
        self.transaction = transaction
        self.lost = False
        self._last = last

    def __enter__(self) -> _Attempt:
        return self

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> bool:
        transaction = self.transaction
        try:
            if error is None and transaction.open:
                transaction.commit()
        except ConflictError:
            self.lost = not self._last
            if self._last:
                raise
        else:
            if transaction.open:
                transaction.rollback()
            elif isinstance(error, ConflictError):  # it had been committed inside
                self.lost = not self._last
        return self.lost


def _attempts(begin: Callable[[], Transaction], attempts: int) -> Iterator[_Attempt]:
    for left in range(check_count(attempts, "attempts") - 1, -1, -1):
        yield _Attempt(begin(), last=not left)


def transact(begin: Callable[[], Transaction], function: Callable[[Transaction], T], attempts: int) -> T:
    """What ``function`` returned in the transaction that committed; the last `ConflictError` if none did."""
    for attempt in _attempts(begin, attempts):
        with attempt:
            result = function(attempt.transaction)
        if not attempt.lost:
            break
    return result


async def run_transaction(
    begin: Callable[[], Transaction], function: Callable[[Transaction], Any], attempts: int, clock: Clock
) -> Any:
    """`transact`, for ``async def`` functions too. The loop turns between attempts."""
    for attempt in _attempts(begin, attempts):
        with attempt:
            result = function(attempt.transaction)
            if inspect.isawaitable(result):
                result = await result
        if not attempt.lost:
            break
        await clock.sleep(0)
    return result

"""Pure: when failed work is run again, and after how long."""

from __future__ import annotations

import msgspec

from companion_async.errors import InvalidArgumentError, TaskCrashedError
from companion_async.security import check_count, check_seconds

# 2**63 times any wait worth configuring is past any cap; beyond 2**1023 a float overflows.
_MOST_DOUBLINGS = 63


class RetryPolicy(msgspec.Struct, frozen=True):
    """``attempts`` runs in all, with waits that double from ``wait_initial`` up to ``wait_max`` seconds.

    ``jitter`` is the share of each wait, 0 to 1, that chance may take away: tasks that failed together do not come
    back together, and no wait passes ``wait_max``. ``on`` names the exceptions that are worth another run.
    Only what the work raised is retried: a run that passed its limit may still be at work, and is not.
    """

    attempts: int = 3
    wait_initial: float = 0.1
    wait_max: float = 30.0
    jitter: float = 0.1
    on: tuple[type[BaseException], ...] = (Exception,)

    def __post_init__(self) -> None:
        check_count(self.attempts, "retry.attempts (runs in all)", maximum=1_000_000)
        initial = check_seconds(self.wait_initial, "retry.wait_initial", zero=True)
        longest = check_seconds(self.wait_max, "retry.wait_max", zero=True)
        if longest < initial:
            raise InvalidArgumentError(
                f"retry.wait_max must be at least retry.wait_initial; {longest:g} s is less than {initial:g} s."
            )
        jitter: object = self.jitter
        if isinstance(jitter, bool) or not isinstance(jitter, (int, float)) or not 0 <= jitter <= 1:
            raise InvalidArgumentError(f"retry.jitter must be a share from 0 to 1 of the wait; {jitter!r:.80} is not.")
        given: object = self.on
        on = given if isinstance(given, tuple) else (given,)
        if not on or not all(isinstance(kind, type) and issubclass(kind, BaseException) for kind in on):
            raise InvalidArgumentError(
                f"retry.on must be a tuple of exception classes, such as (OSError,); {given!r:.80} is not."
            )
        settled = {"wait_initial": initial, "wait_max": longest, "jitter": float(jitter), "on": on}
        for field, value in settled.items():
            msgspec.structs.force_setattr(self, field, value)

    @classmethod
    def parse(cls, value: RetryPolicy | int | None) -> RetryPolicy | None:
        """An int is that many runs in all, ``None`` none, a `RetryPolicy` itself; anything else is refused."""
        if value is None or isinstance(value, cls):
            return value
        return cls(attempts=check_count(value, "retry (runs in all)", maximum=1_000_000))

    def delay(self, attempt: int, draw: float) -> float:
        """Seconds to wait after the run number ``attempt`` (from 1) failed; ``draw`` is a chance number in [0, 1)."""
        doubled = self.wait_initial * 2.0 ** min(attempt - 1, _MOST_DOUBLINGS)
        return min(doubled, self.wait_max) * (1.0 - self.jitter * draw)

    def wants(self, error: BaseException) -> bool:
        """Whether ``error`` is one of those worth another run.

        What is no `Exception` (``SystemExit``, a cancellation) is wanted only where ``on`` covers it by class. The same
        holds for a `TaskCrashedError`, which stands for such an exception and is judged by its ``__cause__``.
        """
        if isinstance(error, TaskCrashedError):
            return TaskCrashedError in self.on or (error.__cause__ is not None and isinstance(error.__cause__, self.on))
        return isinstance(error, self.on)

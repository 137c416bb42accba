"""Pure: whether an endpoint may be asked now: a circuit breaker (Nygard, Release It!, 2007) and a budget of tokens.

Our own because it runs on the brain's clock and holds no lock, task or callback: it is asked once before a call and
told once after it.
"""

from __future__ import annotations

from collections import deque

_HOUR = 3_600.0


class Breaker:
    """One endpoint's. After ``failures`` failures in a row it is left alone for ``seconds``, then tried with one call;
    that one decides. ``tokens_per_hour``: what it may use in any hour, None for any amount; calls under way are not
    counted yet. Moments are monotonic seconds.
    """

    def __init__(self, failures: int, seconds: float, tokens_per_hour: int | None = None) -> None:
        self._most, self._seconds, self._budget = failures, seconds, tokens_per_hour
        self._failures = 0
        self._closed_from = 0.0
        self._trying = False
        self._used: deque[tuple[float, int]] = deque()

    def refusal(self, now: float, tokens: int) -> str:
        """Why a call of about ``tokens`` may not be made. Empty where it may: then one of the others must follow."""
        if self._failures >= self._most or now < self._closed_from:
            if now < self._closed_from:
                return f"left alone for {self._closed_from - now:.0f} s after failures"
            if self._trying:
                return "being tried by another call after failures"
        if self._budget is not None and self._spent(now) + tokens > self._budget:
            return f"its budget of {self._budget} tokens an hour is used up"
        self._trying = self._failures >= self._most
        return ""

    def answered(self, now: float, tokens: int) -> None:
        """It answered, and used so many tokens."""
        self._failures, self._trying = 0, False
        if self._budget is not None:
            self._used.append((now, tokens))

    def failed(self, now: float, again_after: float = 0.0) -> None:
        """It failed; it asked to be left alone for ``again_after`` seconds, if it did."""
        self._trying = False
        self._failures += 1
        pause = self._seconds if self._failures >= self._most else 0.0
        self._closed_from = max(self._closed_from, now + max(pause, again_after))

    def left(self) -> None:
        """Nobody waits for its answer any more: nothing is known of it."""
        self._trying = False

    def _spent(self, now: float) -> int:
        while self._used and self._used[0][0] <= now - _HOUR:
            self._used.popleft()
        return sum(tokens for _, tokens in self._used)

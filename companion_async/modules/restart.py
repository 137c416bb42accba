"""Pure: how often and how soon a failing module is restarted, in the manner of Erlang's restart intensity."""

from __future__ import annotations

from collections import deque

import msgspec

from companion_async.errors import InvalidArgumentError
from companion_async.security import check_count, check_seconds

_MOST_DOUBLINGS = 63


class RestartPolicy(msgspec.Struct, frozen=True):
    """At most ``max_restarts`` in any ``within`` seconds; the wait before each doubles up to ``backoff_max`` seconds.

    ``max_restarts=0`` never restarts.
    """

    max_restarts: int = 5
    within: float = 60.0
    backoff_initial: float = 0.1
    backoff_max: float = 30.0

    def __post_init__(self) -> None:
        check_count(self.max_restarts, "restart.max_restarts", minimum=0, maximum=10_000)
        within = check_seconds(self.within, "restart.within")
        initial = check_seconds(self.backoff_initial, "restart.backoff_initial", zero=True)
        longest = check_seconds(self.backoff_max, "restart.backoff_max", zero=True)
        if longest < initial:
            raise InvalidArgumentError(
                f"restart.backoff_max must be at least restart.backoff_initial; {longest:g} is less than {initial:g}."
            )
        for field, value in (("within", within), ("backoff_initial", initial), ("backoff_max", longest)):
            msgspec.structs.force_setattr(self, field, value)


class RestartHistory:
    """The restarts one module was granted. Holds ``max_restarts`` times at the most."""

    __slots__ = ("_granted", "_streak", "exceeded", "policy", "total")

    def __init__(self, policy: RestartPolicy) -> None:
        self.policy = policy
        self.exceeded = False
        self.total = 0
        self._granted: deque[float] = deque(maxlen=policy.max_restarts)
        self._streak = 0

    def next_delay(self, now: float) -> float | None:
        """Grant and count one restart at ``now`` (monotonic seconds): the seconds to wait before it.

        ``None`` means that the module has used up its restarts and belongs in quarantine; that stays so until `clear`,
        since the passing of time alone mends nothing. After ``within`` seconds without a restart the wait begins at
        ``backoff_initial`` again.
        """
        policy, granted = self.policy, self._granted
        if granted and now - granted[-1] > policy.within:
            self._streak = 0
        while granted and now - granted[0] > policy.within:
            granted.popleft()
        if self.exceeded or len(granted) >= policy.max_restarts:
            self.exceeded = True
            return None
        delay = min(policy.backoff_initial * 2.0 ** min(self._streak, _MOST_DOUBLINGS), policy.backoff_max)
        # The moment it comes into effect: a long backoff must not count as the stable period that ends it.
        granted.append(now + delay)
        self._streak += 1
        self.total += 1
        return delay

    def left(self, now: float) -> bool:
        """Whether `next_delay` would grant one at ``now``; counts nothing."""
        recent = sum(now - granted <= self.policy.within for granted in self._granted)
        return not self.exceeded and recent < self.policy.max_restarts

    def clear(self) -> None:
        """Forget what was granted, as when a person starts the module again. ``total`` stays."""
        self._granted.clear()
        self._streak = 0
        self.exceeded = False

"""What a contender is: one way of having eight threads run a function and awaiting it, at its best configuration.

It is opened for its turn alone, so that nobody's threads and timers disturb another's figures. Open, it gives for each
client a call without arguments to be awaited, which costs the client one `functools.partial`.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, Literal

import msgspec

THREADS = 8

Work = Callable[[], Any]
Call = Callable[[], Awaitable[Any]]
CallOfClient = Callable[[int], Call]
Feature = Literal["priorities", "bounds", "timeouts", "fairness"]
"""``timeouts`` reach who waits; ``bounds`` hold through them: no more threads than asked for, whatever hangs."""


class Contender(msgspec.Struct, frozen=True, kw_only=True):
    """``configuration`` says what was found to be its best. ``module`` is what must be importable for it, and
    ``install`` how to get that.

    A slow one takes part in every ``every``-th round only, so that it does not take most of the time of a run.
    """

    opens: Callable[[Work], AbstractAsyncContextManager[CallOfClient]]
    configuration: str
    has: frozenset[Feature] = frozenset()
    module: str = ""
    install: str = ""
    every: int = 1

    def __call__(self, work: Work | None = None) -> AbstractAsyncContextManager[CallOfClient]:
        """Open it, to run ``work`` for whoever calls."""
        return self.opens(nothing if work is None else work)

    @property
    def installed(self) -> bool:
        """Whether it can be measured here."""
        return not self.module or importlib.util.find_spec(self.module) is not None


def nothing() -> None:
    """The work: whatever time is measured is overhead."""

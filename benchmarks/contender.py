"""What a contender is: one way of having eight threads run a function and awaiting it, at its best configuration.

It is opened for its turn alone, so that nobody's threads and timers disturb another's figures. Open, it gives for each
client a call without arguments to be awaited, which costs the client one `functools.partial`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Literal

import msgspec

THREADS = 8

Work = Callable[[], Any]
Call = Callable[[], Awaitable[Any]]
CallOfClient = Callable[[int], Call]
Feature = Literal["priorities", "bounds", "timeouts", "fairness"]
"""What somebody does on his own, without code around him.

``priorities``: waiting work is ordered. ``fairness``: kinds of work share the threads. ``bounds``: never more threads
than asked for, whatever is given up. ``timeouts``: a run that passes its limit is given up, and its thread replaced.
"""


class Contender(msgspec.Struct, frozen=True, kw_only=True):
    """``configuration`` says what was found to be its best. ``package`` is what has to be installed for it, if
    anything, in exactly that ``release`` where one is named.

    A slow one takes part in every ``every``-th round only, so that it does not take most of the time of a run.
    """

    opens: Callable[[Work], AbstractAsyncContextManager[CallOfClient]]
    configuration: str
    has: frozenset[Feature] = frozenset()
    package: str = ""
    release: str = ""
    every: int = 1

    def __call__(self, work: Work | None = None) -> AbstractAsyncContextManager[CallOfClient]:
        """Open it, to run ``work`` for whoever calls."""
        return self.opens(nothing if work is None else work)

    @property
    def installed(self) -> bool:
        """Whether it can be measured here."""
        if not self.package:
            return True
        try:
            return version(self.package) == self.release or not self.release
        except PackageNotFoundError:
            return False

    @property
    def requirement(self) -> str:
        """What to tell pip."""
        return f"{self.package}=={self.release}" if self.release else self.package


def nothing() -> None:
    """The work: whatever time is measured is overhead."""

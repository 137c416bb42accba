"""Pure: what was worked out of something, and need not be worked out again while that is the same."""

from __future__ import annotations

from typing import Generic, TypeVar

T = TypeVar("T")


class Settled(Generic[T]):
    """The last result, with the ``stamps`` of what it was made of (as of `StateCoordinator.stamps`, or numbers), taken
    before it was made: if making it changed any of that, it counts as another, and the result is made once more. Any
    thread.
    """

    __slots__ = ("_last",)

    def __init__(self) -> None:
        self._last: tuple[T, tuple[object, ...], float] | None = None

    def get(self, stamps: tuple[object, ...], now: float) -> T | None:
        """The result, if it still is that."""
        last = self._last
        if last is None or now >= last[2] or len(stamps) != len(last[1]):
            return None
        same = all(
            one is other or (type(one) is int and one == other) for one, other in zip(stamps, last[1], strict=True)
        )
        return last[0] if same else None

    def put(self, result: T, stamps: tuple[object, ...], until: float) -> None:
        """Keep it; from the instant ``until`` on time alone may make another of it."""
        self._last = (result, stamps, until)

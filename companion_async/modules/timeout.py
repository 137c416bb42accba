"""Pure: how long a task may take, span by span."""

from __future__ import annotations

import msgspec

from companion_async.security import check_seconds


class Timeout(msgspec.Struct, frozen=True):
    """Limits in seconds, each finite and above 0; ``None`` is no limit.

    ``queue``: from being ready to run until it starts. ``run``: of one run. ``total``: from submission to the end,
    waits and retries included. ``idle``: since the last progress report or streamed item.
    """

    queue: float | None = None
    run: float | None = None
    total: float | None = None
    idle: float | None = None

    def __post_init__(self) -> None:
        for span in self.__struct_fields__:
            limit = getattr(self, span)
            if limit is not None:
                msgspec.structs.force_setattr(self, span, check_seconds(limit, f"timeout.{span}"))

    @property
    def plain(self) -> bool:
        """Whether it limits nothing but the run."""
        return self.queue is None and self.total is None and self.idle is None

    @classmethod
    def parse(cls, value: Timeout | float | None) -> Timeout:
        """A number limits the run, ``None`` limits nothing, a `Timeout` is itself; anything else is refused."""
        if isinstance(value, cls):
            return value
        if value is None:
            return UNLIMITED
        return cls(run=check_seconds(value, "timeout"))


UNLIMITED = Timeout()

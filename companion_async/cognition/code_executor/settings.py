"""How much a program may use, and which sandboxes may hold it."""

from __future__ import annotations

from typing import Any

import msgspec

from companion_async.errors import InvalidArgumentError
from companion_async.security import check_count, check_seconds

TIERS = ("bubblewrap", "sandlock", "monty")
"""Every kind of sandbox there is here, the one that shuts off most first."""

_MIB = 1024 * 1024


class ExecutorSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The limits of one run. A program that passes one is ended, and its result names it.

    ``timeout``: seconds by the clock. ``cpu``: seconds of processor time, of each process. ``memory``: bytes.
    ``processes``: at once. ``open_files``: of each process. ``file_bytes``: the longest file; ``disk``: all of them
    together. ``output``: bytes of stdout and of stderr, each. ``tiers``: the sandboxes that may be used, in order of
    preference. ``python`` and ``node``: the interpreters to run, where not the usual ones. ``user``: the user id that
    programs run under where this process is root; otherwise they keep its own.
    """

    timeout: float = 10.0
    cpu: int = 10
    memory: int = 256 * _MIB
    processes: int = 16
    open_files: int = 64
    file_bytes: int = 16 * _MIB
    disk: int = 64 * _MIB
    output: int = _MIB
    tiers: tuple[str, ...] = TIERS
    python: str | None = None
    node: str | None = None
    user: int = 65534

    def __post_init__(self) -> None:
        msgspec.structs.force_setattr(self, "timeout", check_seconds(self.timeout, "timeout"))
        for name in ("cpu", "processes", "open_files", "file_bytes", "disk", "output", "user"):
            check_count(getattr(self, name), name)
        check_count(self.memory, "memory", minimum=32 * _MIB)
        tiers: Any = self.tiers
        if not isinstance(tiers, (tuple, list)) or not tiers or not all(each in TIERS for each in tiers):
            raise InvalidArgumentError(f"tiers must be some of {', '.join(TIERS)}; {tiers!r:.80} is not.")
        msgspec.structs.force_setattr(self, "tiers", tuple(dict.fromkeys(tiers)))
        for name in ("python", "node"):
            path: Any = getattr(self, name)
            if path is not None and not (isinstance(path, str) and path):
                raise InvalidArgumentError(f"{name} must be the path of an interpreter; {path!r:.80} is not.")

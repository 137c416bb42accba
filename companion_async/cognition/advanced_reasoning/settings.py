"""How long and how widely is thought."""

from __future__ import annotations

import msgspec

from companion_async.security import check_count, check_seconds


class ReasoningSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``solver_seconds``: all the time that a logic program gets, and a sum in a question. ``width``, ``depth`` bound
    the tree of thoughts, ``rounds`` the critiques of an answer, ``tool_steps`` what is done with tools, ``hops`` the
    searches of a question.
    """

    solver_seconds: float = 10.0
    width: int = 3
    depth: int = 3
    rounds: int = 3
    tool_steps: int = 6
    hops: int = 2

    def __post_init__(self) -> None:
        check_seconds(self.solver_seconds, "solver_seconds")
        for name in ("width", "depth", "rounds", "tool_steps", "hops"):
            check_count(getattr(self, name), name, maximum=20)

"""Pure: the seven states of a module and the moves between them that are legal."""

from __future__ import annotations

from enum import StrEnum

from companion_async.errors import CompanionError


class ModuleState(StrEnum):
    """Where a module stands.

    ``waiting``: registered, waits for a dependency to start. ``initializing``: an instance is being made and started,
    for the first time or again; work waits. ``paused``: running work ends, the rest is held. ``error``: it could not
    start, or was found failing; it waits to be healed. ``stopped``: it takes no work until a person starts it again.
    """

    INITIALIZING = "initializing"
    RUNNING = "running"
    PAUSED = "paused"
    STOPPING = "stopping"
    STOPPED = "stopped"
    ERROR = "error"
    WAITING = "waiting"


_S = ModuleState

# A restart goes straight back to initializing, not through stopping and stopped: in those two work is refused,
# while the work of a restarting module waits.
MOVES: dict[ModuleState, frozenset[ModuleState]] = {
    _S.WAITING: frozenset({_S.INITIALIZING, _S.STOPPING}),
    _S.INITIALIZING: frozenset({_S.RUNNING, _S.PAUSED, _S.ERROR, _S.STOPPING}),
    _S.RUNNING: frozenset({_S.PAUSED, _S.INITIALIZING, _S.ERROR, _S.STOPPING}),
    _S.PAUSED: frozenset({_S.RUNNING, _S.INITIALIZING, _S.ERROR, _S.STOPPING}),
    _S.ERROR: frozenset({_S.INITIALIZING, _S.STOPPING}),
    _S.STOPPING: frozenset({_S.STOPPED}),
    _S.STOPPED: frozenset({_S.INITIALIZING, _S.WAITING}),
}


class IllegalMoveError(CompanionError, RuntimeError):
    """The table has no such move; the state is unchanged."""

    def __init__(self, module: str, old: str, new: str) -> None:
        self.module, self.old, self.new = module, old, new
        legal = ", ".join(sorted(MOVES[ModuleState(old)])) or "none"
        super().__init__(
            f"Module {module!r} cannot go from {old} to {new}. From {old} it can go to: {legal}.", module, old, new
        )


def can_move(old: ModuleState, new: ModuleState) -> bool:
    """Whether the table allows ``old`` to become ``new``. Staying is not a move."""
    return new in MOVES[old]


def checked_move(module: str, old: ModuleState, new: ModuleState) -> ModuleState:
    """``new`` if ``module`` may go there from ``old``; else `IllegalMoveError`."""
    if can_move(old, new):
        return new
    raise IllegalMoveError(module, old.value, new.value)

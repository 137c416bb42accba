"""What only the doors of this room refuse."""

from __future__ import annotations

from companion_async.errors import CompanionError, InvalidArgumentError, UnknownTaskError


class WouldBlockError(CompanionError, RuntimeError):
    """The call waits for the brain's event loop and came from that loop's own thread."""

    def __init__(self, operation: str) -> None:
        self.operation = operation
        super().__init__(
            f"{operation} would block the event loop that it waits for. Call it from a thread (a plain def handler "
            "runs in one), or await get_task_future(...) here.",
            operation,
        )


class NotAModuleError(InvalidArgumentError, TypeError):
    """What was to be registered is no instance of `BaseModule`."""

    def __init__(self, name: str, given: str) -> None:
        self.name, self.given = name, given
        CompanionError.__init__(
            self,
            f"Module {name!r:.80} must be an instance of a class that extends BaseModule; {given} is not.",
            name,
            given,
        )


class UnknownDependencyError(UnknownTaskError, ValueError):
    """A task is to wait for one that is not known."""

    def __init__(self, task_id: str) -> None:
        self.task_id = task_id
        CompanionError.__init__(
            self,
            f"Dependency {task_id!r:.80} is no task that is known here: it was never submitted, or has left the "
            "history. Submit it first and pass the id that came back.",
            task_id,
        )


class NotHereYetError(CompanionError, ImportError):
    """The documents use the name, and this version does not have what it stands for."""

    def __init__(self, name: str, part: str) -> None:
        self.part = part
        CompanionError.__init__(
            self,
            f"companion_async.sdk has no {name} yet: it comes with {part}. Nothing stands in for it until then.",
            name,
            part,
        )
        self.name = name  # ImportError's own, and reset by its constructor

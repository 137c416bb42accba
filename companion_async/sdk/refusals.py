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


class ChangeRefusedError(InvalidArgumentError):
    """A change of the state that is impossible in the state as it is; nothing was changed."""

    def __init__(self, path: str, change_type: str, reason: str) -> None:
        self.path, self.change_type, self.reason = path, change_type, reason
        CompanionError.__init__(
            self,
            f"Cannot {change_type} {path!r}: {reason}. Look at what stands there first.",
            path,
            change_type,
            reason,
        )


class NotWrittenBackError(CompanionError, RuntimeError):
    """A change was committed, and the agent's state object did not take it."""

    def __init__(self, path: str, reason: str) -> None:
        self.path, self.reason = path, reason
        super().__init__(
            f"{path!r} is changed in the state and could not be written back into the agent's state object "
            f"({reason}). Let the object have an attribute that can be set there.",
            path,
            reason,
        )

"""Every error a user can cause, one family: a message that says what to do, facts as fields, safe to pickle."""

from __future__ import annotations

import traceback
from typing import Any


def trace_of(error: BaseException) -> str:
    """Its traceback as text for the log: files, lines and messages. A log that is given the error itself may show the
    values of all variables in its frames, and work is called with what must not be read there.
    """
    return "".join(traceback.format_exception(error)).rstrip()


class CompanionError(Exception):
    """Root of the family.

    A subclass passes its message and then, in the order of its own ``__init__``, the facts it was made from: they
    are what pickling rebuilds it with, so the text is made once and never nested in itself.
    """

    def __init__(self, message: str, *facts: Any) -> None:
        self.message = message
        self._facts = facts or (message,)
        super().__init__(message)

    def __str__(self) -> str:
        return self.message

    def __reduce__(self) -> tuple[Any, ...]:
        notes = getattr(self, "__notes__", None)
        return type(self), self._facts, {"__notes__": list(notes)} if notes else None


class InvalidArgumentError(CompanionError, ValueError):
    """An argument was refused at the door; nothing was started or registered."""


class UnknownTargetError(InvalidArgumentError):
    """The module has no handler of that name."""

    def __init__(self, module: str, target: str, handlers: tuple[str, ...] = ()) -> None:
        self.module, self.target, self.handlers = module, target, handlers
        known = ", ".join(handlers) or "none"
        CompanionError.__init__(
            self,
            f"Module {module!r} has no handler {target!r}. Its handlers are its public methods: {known}. "
            "Pass one of these, or a callable.",
            module,
            target,
            handlers,
        )


class WrongArgumentsError(InvalidArgumentError, TypeError):
    """What was to be called does not take these arguments: none of its code ran, and there is no other attempt.
    ``takes`` are its parameters, ``why`` what does not fit.
    """

    def __init__(self, module: str, target: str, takes: str, why: str) -> None:
        self.module, self.target, self.takes, self.why = module, target, takes, why
        CompanionError.__init__(
            self,
            f"{target!r} of module {module!r} takes {takes} and was given something else: {why}. Pass what it takes; "
            "keyword arguments go into kwargs={...}.",
            module,
            target,
            takes,
            why,
        )


class ModuleUnavailableError(CompanionError, RuntimeError):
    """The module is stopped, quarantined or has not started; its work is refused."""

    def __init__(self, module: str, state: str, reason: str = "") -> None:
        self.module, self.state, self.reason = module, state, reason
        why = f" ({reason})" if reason else ""
        super().__init__(
            f"Module {module!r} is {state}{why} and takes no work. Call brain.resume({module!r}) or await "
            f"brain.restart({module!r}) once its cause is mended.",
            module,
            state,
            reason,
        )


class UnknownModuleError(CompanionError, ValueError, KeyError):
    """No module is registered under that name; ``call`` would register it."""

    def __init__(self, module: str, known: tuple[str, ...] = (), call: str = "await brain.register") -> None:
        self.module, self.known, self.call = module, known, call
        listed = ", ".join(known[:20]) or "none yet"
        super().__init__(
            f"No module {module!r} is registered (known: {listed}). Call {call}({module!r}, ...) first.",
            module,
            known,
            call,
        )


class UnknownTaskError(CompanionError, KeyError):
    """No such task: never submitted here, or already aged out of the history."""

    def __init__(self, task_id: str) -> None:
        self.task_id = task_id
        super().__init__(
            f"No task {task_id!r} is known: it was never submitted to this brain, or it has left the history. "
            "Keep the Task that submit() returned, or raise history_size and history_seconds.",
            task_id,
        )


class UnknownResourceError(CompanionError, KeyError):
    """No resource is registered under that name."""

    def __init__(self, resource: str) -> None:
        self.resource = resource
        super().__init__(
            f"No resource {resource!r} is registered. Call register_resource({resource!r}, ...) first.", resource
        )


class DuplicateModuleError(CompanionError, ValueError):
    """The name is taken."""

    def __init__(self, module: str) -> None:
        self.module = module
        super().__init__(
            f"A module {module!r} is registered already. Use another name, or unregister() that one first.",
            module,
        )


class DependencyCycleError(CompanionError, ValueError):
    """Following the dependencies leads back to where they began."""

    def __init__(self, cycle: tuple[str, ...]) -> None:
        self.cycle = cycle
        super().__init__(f"The dependencies form a cycle: {' -> '.join(cycle)}. Remove one of these edges.", cycle)


class QueueFullError(CompanionError, RuntimeError):
    """The queue is at its bound, or takes nothing for another ``reason``; nothing was registered. ``retry_after``
    estimates, in seconds, when there is room; ``setting`` is what sets the bound.
    """

    def __init__(
        self, queue: str, capacity: int, retry_after: float, reason: str = "", setting: str = "queue_capacity"
    ) -> None:
        self.queue, self.capacity, self.retry_after = queue, capacity, retry_after
        self.reason, self.setting = reason, setting
        why = f"takes nothing, since {reason}" if reason else f"holds its {capacity} tasks already"
        wait = 'submit with on_full="wait", ' if setting == "queue_capacity" else ""  # what waits in line counts too
        super().__init__(
            f"The queue of {queue!r} {why}. Try again in about {retry_after:.2f} s, "
            f"{wait}or {'give the process more room' if reason else f'raise {setting}'}.",
            queue,
            capacity,
            retry_after,
            reason,
            setting,
        )


class BrainClosedError(CompanionError, RuntimeError):
    """The brain does not take work: it has not been started, or it is shutting down or shut down."""

    def __init__(self, phase: str) -> None:
        self.phase = phase
        super().__init__(
            f"The brain is {phase}. Use it inside 'async with Brain() as brain:' or between await brain.start() and "
            "await brain.shutdown().",
            phase,
        )


class ChannelClosedError(BrainClosedError):
    """Nothing can be sent to the channel any more, and there is nothing left to receive: it was closed by hand or with
    its brain.
    """

    def __init__(self, channel: str) -> None:
        self.channel, self.phase = channel, "closed"
        CompanionError.__init__(
            self,
            f"Channel {channel!r} is closed, by close() or with its brain. A running brain makes a new one: "
            f"brain.channel({channel!r}).",
            channel,
        )


class WrongThreadError(CompanionError, RuntimeError):
    """The call belongs to another thread: to that of the brain's event loop, or, where it says what to do ``instead``
    on a loop, to one without.
    """

    def __init__(self, operation: str, instead: str = "") -> None:
        self.operation, self.instead = operation, instead
        super().__init__(
            f"{operation} would block the event loop that runs in this thread. Use {instead} here."
            if instead
            else f"{operation} must be called on the brain's event loop, in its thread. Inside work use "
            "current_task().submit(...), elsewhere brain.executor(...).submit(...).",
            operation,
            instead,
        )


_TIMEOUT_ADVICE = {
    "queue": ", or give its category more slots",
    "run": ", or have the work call current_task().check_cancelled()",
    "idle": ", or have the work call current_task().progress()",
}


class TaskTimeoutError(CompanionError, TimeoutError):
    """A span of the task passed its limit: ``span`` is one of ``queue run total idle``, ``limit`` in seconds."""

    def __init__(self, task_id: str, module: str, span: str, limit: float) -> None:
        self.task_id, self.module, self.span, self.limit = task_id, module, span, limit
        super().__init__(
            f"Task {task_id} of module {module!r} passed its {span} limit of {limit:g} s. Raise it with "
            f"timeout=Timeout({span}=...){_TIMEOUT_ADVICE.get(span, '')}.",
            task_id,
            module,
            span,
            limit,
        )


class TaskCancelledError(CompanionError):
    """The task was cancelled. Not an ``asyncio.CancelledError``: the waiter itself was not cancelled."""

    def __init__(self, task_id: str, module: str, reason: str = "") -> None:
        self.task_id, self.module, self.reason = task_id, module, reason
        why = f": {reason}" if reason else "."
        super().__init__(f"Task {task_id} of module {module!r} was cancelled{why}", task_id, module, reason)


class TaskCrashedError(CompanionError):
    """The work raised what would have ended a thread, a loop or a waiter; here it ended that task alone. Work in a
    process of its own may have ended that: then ``exit`` names the signal or the exit code.
    """

    def __init__(self, task_id: str, module: str, raised: str, exit: str = "") -> None:
        self.task_id, self.module, self.raised, self.exit = task_id, module, raised, exit
        super().__init__(
            f"Task {task_id} of module {module!r} ended its process ({exit}); other work is not concerned. Find out "
            "what in it does so: a crash in native code, os._exit, or too much memory."
            if exit
            else f"Task {task_id} of module {module!r} raised {raised}, which work must not let out. Catch it in the "
            "work, or raise an Exception of your own.",
            task_id,
            module,
            raised,
            exit,
        )


class RemoteError(CompanionError):
    """The work raised, in its own process, an error of class ``raised`` that cannot be pickled; ``text`` is what it
    said. Its traceback is a note.
    """

    def __init__(self, raised: str, text: str) -> None:
        self.raised, self.text = raised, text
        super().__init__(f"{raised}: {text}", raised, text)


class UpstreamFailedError(CompanionError):
    """A task this one waits for did not complete; the chain of causes hangs on ``__cause__``."""

    def __init__(self, task_id: str, upstream_id: str, upstream_state: str) -> None:
        self.task_id, self.upstream_id, self.upstream_state = task_id, upstream_id, upstream_state
        super().__init__(
            f"Task {task_id} never ran: task {upstream_id}, which it waits for, ended {upstream_state}. Mend that one, "
            'or submit with on_upstream_failure="run".',
            task_id,
            upstream_id,
            upstream_state,
        )


class LockTimeoutError(CompanionError, TimeoutError):
    """The lock was not had in time."""

    def __init__(self, resource: str, timeout: float) -> None:
        self.resource, self.timeout = resource, timeout
        super().__init__(
            f"Resource {resource!r} was not free within {timeout:g} s. Hold it shorter, or wait longer.",
            resource,
            timeout,
        )


class LockUpgradeError(CompanionError):
    """A reader asked to write the same resource."""

    def __init__(self, resource: str) -> None:
        self.resource = resource
        super().__init__(
            f"A reader of {resource!r} cannot become its writer. Release the read lock first, or begin with WRITE.",
            resource,
        )


class LockNotHeldError(CompanionError, RuntimeError):
    """Somebody else's lock was to be released."""

    def __init__(self, resource: str, owner: str) -> None:
        self.resource, self.owner = resource, owner
        super().__init__(
            f"The lock on {resource!r} belongs to {owner}, and only its owner releases it. Release it where it was "
            "acquired, or let 'with' do so.",
            resource,
            owner,
        )


class TooManyLocksError(CompanionError, RuntimeError):
    """As many locks as allowed are held or waited for; nothing was acquired."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        super().__init__(
            f"{limit} locks are held or waited for already. Hold fewer at once, or raise max_concurrent_locks.", limit
        )


class DeadlockError(CompanionError):
    """Waiting here would never end: ``cycle`` names who waits for whom, in order."""

    def __init__(self, cycle: tuple[str, ...]) -> None:
        self.cycle = cycle
        super().__init__(
            f"Waiting here would close a cycle: {' waits for '.join(cycle)}. Do not wait for work that waits for you.",
            cycle,
        )


class ConflictError(CompanionError):
    """A transaction lost: something it read has changed."""

    def __init__(self, paths: tuple[str, ...]) -> None:
        self.paths = paths
        super().__init__(
            f"The transaction read paths that changed before it committed: {', '.join(paths)}. Run it again.", paths
        )


class InvalidPathError(CompanionError, ValueError):
    """The state path is not one."""

    def __init__(self, path: str, why: str) -> None:
        self.path, self.why = path, why
        super().__init__(
            f"{path[:80]!r} is no state path: {why}. Use dotted segments of letters, digits, '_' and '-', none of them "
            "beginning with '_'.",
            path,
            why,
        )


class SecurityError(CompanionError, ValueError):
    """The input was refused as dangerous."""


class StorageError(CompanionError):
    """The store could not do what was asked, or cannot say whether it did."""


class MissingExtraError(CompanionError, ImportError):
    """An optional part is not installed; ``extra`` is the name to install."""

    def __init__(self, extra: str, feature: str) -> None:
        self.extra, self.feature = extra, feature
        super().__init__(f"{feature} needs an optional part. Install it with: {self.command(extra)}", extra, feature)

    @staticmethod
    def command(extra: str) -> str:
        """What installs ``extra``."""
        return f"pip install 'companion-async[{extra}]'"

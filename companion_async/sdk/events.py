"""The six events of a manager, told to callbacks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from companion_async.brain.brain import Brain
from companion_async.errors import BrainClosedError, InvalidArgumentError
from companion_async.events.bus import EventBus
from companion_async.events.kinds import Event, ModuleError, TaskFailed, TaskStarted, TaskTimedOut
from companion_async.sdk.callbacks import CallbackThread
from companion_async.sdk.executor import LANE
from companion_async.sdk.portal import Portal
from companion_async.sdk.tally import ENDS

_SOURCES: dict[str, tuple[str, ...]] = {
    "module_started": ("task.started",),
    "module_completed": ("task.completed",),
    "module_error": ("task.failed", "task.timed_out", "module.error"),
    "task_queued": (),
    "task_completed": ENDS,
    "system_overload": ("system.overload",),
}


class ManagerEvents:
    """Who is to be called when something happens to a manager's modules and tasks.

    ``module_started(module)`` as a run of it begins, ``module_completed(module)`` when one has returned,
    ``module_error(module, message)`` when one raised or passed its limit, or the module itself is in trouble;
    ``task_queued(task)`` with a `ModuleTask`, ``task_completed(task_id, success)`` at every end, once;
    ``system_overload()`` when the queue is full, or no worker is left.

    Callbacks run in order on a `CallbackThread`. What nobody asked to be told costs nothing.
    """

    def __init__(self, portal: Portal[Brain], thread: CallbackThread) -> None:
        self._portal = portal
        self._bus: EventBus = portal.call(lambda: portal.brain.events)
        self._thread = thread
        self._callbacks: dict[str, tuple[Callable[..., Any], ...]] = dict.fromkeys(_SOURCES, ())
        self._tell = {
            "module_started": self._module_started,
            "module_completed": self._module_completed,
            "module_error": self._module_error,
            "task_completed": self._task_completed,
            "system_overload": self._system_overload,
        }

    def add(self, event_type: str, callback: Callable[..., Any]) -> None:
        """Call ``callback`` from now on; `InvalidArgumentError` (a ValueError) for an unknown type."""
        if event_type not in _SOURCES:
            raise InvalidArgumentError(f"{event_type!r:.80} is no event. Known: {', '.join(_SOURCES)}.")
        if not callable(callback):
            raise InvalidArgumentError(f"callback must be callable; {callback!r:.80} is not.")
        self._portal.call(self._add, event_type, callback)

    def remove(self, event_type: str, callback: Callable[..., Any]) -> bool:
        """Forget one registration; False if there is none."""
        try:
            return bool(self._portal.call(self._remove, event_type, callback))
        except BrainClosedError:  # there is no loop any more that could be in the way
            return self._remove(event_type, callback)

    def queued(self, task: Any) -> None:
        """``task_queued``. Loop only."""
        self._fire("task_queued", task)

    @property
    def wants_queued(self) -> bool:
        """Whether anybody listens to ``task_queued``."""
        return bool(self._callbacks["task_queued"])

    def _add(self, event_type: str, callback: Callable[..., Any]) -> None:
        if not self._callbacks[event_type]:
            for kind in _SOURCES[event_type]:
                self._bus.add_handler(kind, self._tell[event_type])
        self._callbacks[event_type] += (callback,)

    def _remove(self, event_type: str, callback: Callable[..., Any]) -> bool:
        known = self._callbacks.get(event_type, ())
        if callback not in known:
            return False
        place = known.index(callback)
        self._callbacks[event_type] = known[:place] + known[place + 1 :]
        if not self._callbacks[event_type]:
            for kind in _SOURCES[event_type]:
                self._bus.remove_handler(kind, self._tell[event_type])
        return True

    def _fire(self, event_type: str, *args: Any) -> None:
        for callback in self._callbacks[event_type]:
            self._thread.call(callback, *args)

    # -- from the brain's events to the manager's ------------------------------------------------------------------

    def _module_started(self, event: Event) -> None:
        if isinstance(event, TaskStarted) and _of_a_module(event.module):
            self._fire("module_started", event.module)

    def _module_completed(self, event: Any) -> None:
        if _of_a_module(event.module):
            self._fire("module_completed", event.module)

    def _module_error(self, event: Event) -> None:
        if isinstance(event, TaskFailed):
            if event.attempt and _of_a_module(event.module):  # attempt 0: it never ran, since another had failed
                self._fire("module_error", event.module, f"{event.error}: {event.message}")
        elif isinstance(event, TaskTimedOut):
            if _of_a_module(event.module):
                self._fire("module_error", event.module, f"a task passed its {event.span} limit of {event.limit:g} s")
        elif isinstance(event, ModuleError):
            self._fire("module_error", event.module, f"{event.error}: {event.message}")

    def _task_completed(self, event: Any) -> None:
        if _of_a_module(event.module):
            self._fire("task_completed", event.task_id, event.kind == "task.completed")

    def _system_overload(self, event: Event) -> None:
        self._fire("system_overload")


def _of_a_module(name: str) -> bool:
    return ":" not in name and name != LANE

"""`BrainClient`: a companion for programs without an event loop."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from loguru import logger
from msgspec import UNSET

from companion_async.brain.assembly import ShutdownReport
from companion_async.brain.brain import Brain
from companion_async.brain.config import BrainConfig
from companion_async.brain.config_source import build_settings
from companion_async.cognition.context_manager.conversation import Turn
from companion_async.cognition.model_router.reply import Piece
from companion_async.companion.answer import Answer, Learned
from companion_async.companion.companion import CompanionBrain
from companion_async.companion.config import CompanionConfig
from companion_async.errors import (
    BrainClosedError,
    CompanionError,
    InvalidArgumentError,
    ModuleUnavailableError,
    UnknownModuleError,
    UnknownTaskError,
)
from companion_async.modules.timeout import Timeout
from companion_async.priority import Priority
from companion_async.sdk import dictionaries
from companion_async.sdk.desk import Desk
from companion_async.sdk.future import SharedFuture
from companion_async.sdk.refusals import WouldBlockError
from companion_async.sdk.synchronous import SynchronousWork

# What goes without each flag, as in the documents. Those that come with later versions are named already.
_ONLY_WITH = {
    "search": ("knowledge_retriever", "search_engine"),
    "learning": ("self_learning",),
    "agi": ("neural_reasoning", "personality_engine", "self_learning"),
    "autonomy": ("autonomous_system",),
}


class BrainClient:
    """A `CompanionBrain` on a loop and thread of its own. Every method may be called from any thread, and blocks it.

    ``config`` is a `CompanionConfig`, a `BrainConfig` or a mapping of their keys. Without ``enable_search`` the modules
    that search are left out, and `ask` with them; without ``enable_agi`` those of the ``agi`` category; without
    ``enable_learning`` `self_learning`; without ``enable_autonomy`` `autonomous_system`. ``enable_caching`` is accepted
    and chooses nothing. ``app_type`` is a label.

    Where no brain can be started (no thread is to be had, for one) the client still works, without modules:
    `get_thread_status` says ``enabled: False`` and why, and tasks are run at once, in the thread that submits them,
    whatever their priority and limits.

    End it with `shutdown` or as a context manager. It never keeps the interpreter alive: at exit it shuts down by
    itself within two seconds.
    """

    def __init__(
        self,
        app_type: str = "general",
        config: BrainConfig | Mapping[str, Any] | None = None,
        enable_caching: bool = True,
        enable_search: bool = True,
        enable_learning: bool = True,
        enable_agi: bool = False,
        enable_autonomy: bool = False,
    ) -> None:
        self.app_type = app_type
        settings = _settings(config)
        flags = {
            "search": enable_search,
            "learning": enable_learning,
            "agi": enable_agi,
            "autonomy": enable_autonomy,
        }
        self._desk: Desk[CompanionBrain] | None = None
        self._alone: SynchronousWork | None = None
        try:
            self._desk = Desk(lambda: CompanionBrain(settings), name="companion client")
        except CompanionError:
            raise
        except Exception as error:
            logger.opt(exception=error).warning("No brain could be started: tasks run in the threads that submit them.")
            self._alone = SynchronousWork(f"Thread manager not initialized: {type(error).__name__}: {error}")
            return
        unwanted = {name for flag, names in _ONLY_WITH.items() if not flags[flag] for name in names}
        for name in unwanted & self._desk.status().module_threads.keys():
            self._desk.portal.run(self._desk.brain.unregister, name)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.shutdown()

    def shutdown(self, timeout: float = 15.0) -> ShutdownReport:
        """`Brain.shutdown`: accepted work may end within ``timeout`` seconds, the rest is given up and counted.

        Called again it gives the same report. Called by an exit handler it takes two seconds at most. What was known of
        threads, modules and tasks can still be asked for.
        """
        return ShutdownReport(0, 0, 0, 0.0) if self._desk is None else self._desk.shutdown(timeout)

    # -- threads and modules ---------------------------------------------------------------------------------------

    def get_thread_status(self) -> dict[str, Any]:
        """The whole runtime: ``enabled total_threads active_threads max_threads auto_scaling uptime categories
        module_threads stats``; without a brain ``enabled`` (False) and ``message``.
        """
        if self._desk is None:
            return {"enabled": False, "message": self._reason}
        return dictionaries.system(self._desk.status())

    def get_module_thread_status(self, module_name: str) -> dict[str, Any] | None:
        """One module; None if there is none of that name."""
        if self._desk is None or (status := self._desk.module(module_name)) is None:
            return None
        return dictionaries.module(status, self._desk.moment)

    def get_thread_decisions(self) -> list[dict[str, Any]]:
        """What the brain decided by itself, at most the last 1,000, the newest last."""
        return [] if self._desk is None else [dictionaries.decision(made) for made in self._desk.decisions()]

    def pause_module(self, module_name: str) -> bool:
        """Let the module's running work end and hold the rest; False if there is no such module, or it is stopped."""
        return self._told(lambda brain: brain.pause(module_name))

    def resume_module(self, module_name: str) -> bool:
        """Let a paused module go on, start a stopped one; False if there is no such module."""
        return self._told(lambda brain: brain.resume(module_name))

    # -- work ------------------------------------------------------------------------------------------------------

    def submit_task_to_module(
        self,
        module_name: str,
        function: Callable[..., Any] | str,
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        priority: Priority | str = "medium",
        *,
        timeout: Timeout | float | None = UNSET,  # type: ignore[assignment]
        retry: int | None = None,
        after: Iterable[str] = (),
    ) -> str:
        """Have a callable run in the module's place, or the module's handler of that name; returns the task's id.

        ``timeout``, ``retry`` and ``after`` (ids) are those of `Brain.submit`. Everything wrong with the arguments, a
        full queue and an unknown module are raised here.
        """
        if isinstance(args, str) or not isinstance(args, Sequence):
            raise InvalidArgumentError(f"args must be a tuple of arguments, such as (value,); {args!r:.80} is not.")
        if kwargs is not None and not isinstance(kwargs, Mapping):
            raise InvalidArgumentError(f"kwargs must be a dict; {kwargs!r:.80} is not.")
        level = Priority.parse(priority)
        if self._alone is not None:
            return self._alone.submit(module_name, function, args, kwargs or {})
        desk = self._open("submit_task_to_module()")
        task = desk.portal.call(
            desk.brain.submit,
            module_name,
            function,
            *args,
            kwargs=dict(kwargs) if kwargs else None,
            priority=level,
            timeout=timeout,
            retry=retry,
            after=after,
        )
        return str(task.id)

    def get_task_status(self, task_id: str) -> str | None:
        """``blocked queued running completed failed cancelled timed_out``; None if the task is not known any more."""
        if self._alone is not None:
            try:
                return "completed" if self._alone.future(task_id).exception() is None else "failed"
            except UnknownTaskError:
                return None
        task = None if self._desk is None else self._desk.task(task_id)
        return None if task is None else task.state.value

    def get_task_result(self, task_id: str, timeout: float | None = None) -> Any:
        """Wait for the task: its result, or its error raised. `TimeoutError` after ``timeout`` seconds, and the task
        goes on. Called inside work of this client it lends the slot meanwhile.
        """
        return self.get_task_future(task_id).result(timeout)

    def get_task_future(self, task_id: str) -> SharedFuture[Any]:
        """The task's end as a `concurrent.futures.Future`, which a coroutine on any event loop may await as well."""
        if self._alone is not None:
            return self._alone.future(task_id)
        return self._open("get_task_future()").future(task_id)

    def cancel_task(self, task_id: str, reason: str = "") -> bool:
        """`Task.cancel`; False if it has ended, or is not known."""
        return self._desk is not None and self._desk.cancel(task_id, reason)

    # -- the companion ---------------------------------------------------------------------------------------------

    def learn(self, *paths: str | Path) -> Learned:
        """`CompanionBrain.learn`: read files and folders, or without any the running Python's documentation."""
        return self._asked(lambda brain: brain.learn, *paths)  # type: ignore[no-any-return]

    def ask(self, question: str, *, conversation: str | None = None, limit: int = 5) -> Answer:
        """`CompanionBrain.ask`: an answer from what was read, with its sources. ``str(answer)`` shows both."""
        return self._asked(lambda brain: brain.ask, question, conversation=conversation, limit=limit)  # type: ignore[no-any-return]

    def stream(
        self, question: str, *, conversation: str | None = None, limit: int = 5
    ) -> Generator[Piece | Answer, None, None]:
        """`CompanionBrain.stream`: pieces of text as they come, and at the end the whole `Answer`. Closing it, or
        leaving the loop over it, ends the request.
        """
        desk = self._open("the companion")
        items = desk.portal.call(desk.brain.stream, question, conversation=conversation, limit=limit)
        try:
            while True:
                try:
                    item = desk.portal.run(items.__anext__)
                except StopAsyncIteration:
                    return
                yield item
        finally:
            # The brain's end has ended the request too; a generator that is collected on the loop cannot wait there.
            with suppress(BrainClosedError, WouldBlockError):
                desk.portal.run(items.aclose)

    def chat(self, message: str, *, conversation: str = "default", limit: int = 5) -> Answer:
        """`CompanionBrain.chat`: `ask` within a conversation that is remembered."""
        return self._asked(lambda brain: brain.chat, message, conversation=conversation, limit=limit)  # type: ignore[no-any-return]

    def think(self, question: str, *, conversation: str | None = None, limit: int = 8) -> Answer:
        """`CompanionBrain.think`: `ask` with a wider look around."""
        return self._asked(lambda brain: brain.think, question, conversation=conversation, limit=limit)  # type: ignore[no-any-return]

    def history(self, conversation: str = "default", limit: int = 50) -> tuple[Turn, ...]:
        """`CompanionBrain.history`: the last turns of a conversation, oldest first."""
        return self._asked(lambda brain: brain.history, conversation, limit)  # type: ignore[no-any-return]

    # -- inside ----------------------------------------------------------------------------------------------------

    @property
    def _reason(self) -> str:
        return "" if self._alone is None else self._alone.reason

    def _open(self, operation: str) -> Desk[CompanionBrain]:
        if self._desk is None:
            raise BrainClosedError(f"not running ({self._reason}): {operation} needs one")
        return self._desk

    def _asked(self, method: Callable[[CompanionBrain], Callable[..., Any]], *args: Any, **options: Any) -> Any:
        desk = self._open("the companion")
        return desk.portal.run(method(desk.brain), *args, **options)

    def _told(self, word: Callable[[Brain], None]) -> bool:
        if self._desk is None:
            return False
        try:
            self._desk.portal.call(word, self._desk.brain)
        except (UnknownModuleError, ModuleUnavailableError):
            return False
        return True


def _settings(config: Any) -> CompanionConfig:
    if isinstance(config, Mapping):
        return build_settings(CompanionConfig, config)
    return CompanionConfig.of(config)

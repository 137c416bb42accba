"""The built-in module ``code_executor``."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

import msgspec

from companion_async.cognition.code_executor.child import Report
from companion_async.cognition.code_executor.execution import Execution, TierState
from companion_async.cognition.code_executor.language import NAMES, detect
from companion_async.cognition.code_executor.settings import TIERS, ExecutorSettings
from companion_async.cognition.code_executor.tiers import Tiers
from companion_async.errors import InvalidArgumentError, TaskCancelledError
from companion_async.modules.module import BaseModule
from companion_async.scheduling.context import current_seat, current_task
from companion_async.security import check_seconds

MODULE = "code_executor"
"""The name it is registered under."""

_LONGEST = 100_000  # characters of a program


class CodeExecutor(BaseModule):
    """Runs programs in a sandbox of the operating system, in threads, and never in this process.

    Which sandboxes hold is tried before the first run, with programs that attempt what they must not do; the best that
    holds is used and named in each result. Where none does, nothing is run (`SandboxUnavailableError`). A program
    begins with its own text, an empty folder that is thrown away, the interpreter and its standard library: no network,
    no environment, no files of others, no packages. At its limits it is ended, with everything that it has started, and
    when it is cancelled too.
    """

    def __init__(self, settings: ExecutorSettings | None = None) -> None:
        super().__init__()
        self._settings = settings or ExecutorSettings()
        self._tiers = Tiers(self._settings)

    def execute(
        self, code: str, language: str | None = None, timeout: float | None = None, tier: str | None = None
    ) -> Execution:
        """Run ``code`` and return what it wrote, the value of its last expression and what it took.

        ``language`` is ``"python"`` or ``"javascript"``, and found out where it is not given. ``timeout`` in seconds
        may shorten that of the settings. ``tier`` asks for that sandbox alone. A program that fails, or passes a limit,
        is a result and no error.
        """
        text: Any = code
        if not isinstance(text, str) or not text.strip() or len(text) > _LONGEST:
            raise InvalidArgumentError(f"code must be text of 1 to {_LONGEST:,} characters, not all blank.")
        language = _language(language, code)
        if tier is not None and tier not in TIERS:
            raise InvalidArgumentError(f"tier must be one of {', '.join(TIERS)}; {tier!r:.80} is not.")
        longest = self._settings.timeout
        limit = longest if timeout is None else min(longest, check_seconds(timeout, "timeout"))
        chosen, interpreter = self._tiers.choose(language, tier)
        mark = f"value {secrets.token_hex(8)} "
        report = self._tiers.run(chosen, interpreter, code, mark, limit, _wanted())
        if report.limit == "cancelled":
            task = current_task()
            raise TaskCancelledError(task.id, task.module, "its program was ended")
        return _execution(report, language, chosen, mark)

    def tiers(self) -> tuple[TierState, ...]:
        """Every sandbox that the settings allow: whether it holds here, and if not, why not. Tried once."""
        return self._tiers.states()


def _language(asked: str | None, code: str) -> str:
    if asked is None:
        return detect(code)
    found = NAMES.get(str(asked).lower())
    if found is None:
        raise InvalidArgumentError(f"language must be python or javascript; {asked!r:.80} is not.")
    return found


def _wanted() -> Callable[[], bool]:
    """Whether the task that runs here is still wanted; outside of one, always."""
    if current_seat() is None:
        return lambda: True
    task = current_task()
    return lambda: not task.cancelled


def _execution(report: Report, language: str, tier: str, mark: str) -> Execution:
    stderr, value = report.stderr, report.value
    if mark in stderr:
        stderr, _, told = stderr.rpartition("\n" + mark)
        value = _decoded(told)
    value = value or {}
    return Execution(
        language=language,
        tier=tier,
        stdout=report.stdout,
        stderr=stderr,
        exit_status=report.status,
        value=value.get("value", value.get("text")),
        value_is_text="text" in value,
        limit=report.limit,  # type: ignore[arg-type] # the launcher's words are these
        truncated=report.limit == "output",
        seconds=report.seconds,
        cpu_seconds=report.cpu_seconds,
        memory=report.memory,
    )


def _decoded(told: str) -> dict[str, Any] | None:
    """The value as the program told it. It may have told anything: what cannot be read is no value."""
    try:
        decoded = msgspec.json.decode(told.strip().encode())
    except (msgspec.MsgspecError, RecursionError, UnicodeError):
        return None
    return decoded if isinstance(decoded, dict) else None

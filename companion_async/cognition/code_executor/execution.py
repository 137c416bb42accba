"""What a run came to, and what keeps one from being run at all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from companion_async.errors import CompanionError
from companion_async.status.picture import Picture

Limit = Literal["", "time", "cpu", "memory", "output", "disk"]


class Execution(Picture, frozen=True, kw_only=True):
    """The end of one run.

    ``value`` is that of the program's last expression, as JSON knows it, or its text where ``value_is_text``.
    ``exit_status`` is negative for a program that a signal ended, as in `subprocess`. ``limit`` names the limit that it
    passed, if it passed one. ``truncated``: it wrote more than is here. ``memory`` is the peak of the largest process,
    in bytes. ``tier`` is the sandbox that held it.
    """

    language: str
    tier: str
    stdout: str
    stderr: str
    exit_status: int
    value: Any = None
    value_is_text: bool = False
    limit: Limit = ""
    truncated: bool = False
    seconds: float
    cpu_seconds: float
    memory: int

    @property
    def succeeded(self) -> bool:
        """Whether it came to its own end with status 0."""
        return self.exit_status == 0 and not self.limit


class TierState(Picture, frozen=True, kw_only=True):
    """What trying a sandbox has shown: whether it ``holds``, in what languages, and if not, why not."""

    tier: str
    holds: bool
    languages: tuple[str, ...] = ()
    reason: str = ""


class SandboxUnavailableError(CompanionError, RuntimeError):
    """No sandbox here holds a program of that language, so it was not run. ``reasons`` tell of each that was tried."""

    def __init__(self, language: str, reasons: Mapping[str, str]) -> None:
        self.language, self.reasons = language, dict(reasons)
        told = "; ".join(f"{tier}: {reason}" for tier, reason in reasons.items()) or "none was allowed"
        super().__init__(
            f"No sandbox here holds {language} ({told}). Nothing was run. On Linux install the extra with "
            "pip install 'companion-async[sandbox]', or the system's package bubblewrap.",
            language,
            self.reasons,
        )


class SandboxFailedError(CompanionError, RuntimeError):
    """The sandbox itself failed, not the program in it. ``detail`` is what it said."""

    def __init__(self, tier: str, detail: str) -> None:
        self.tier, self.detail = tier, detail
        super().__init__(
            f"The sandbox {tier} failed: {detail or 'it ended without a word'}. Run it again; if that fails too, allow "
            "another in ExecutorSettings(tiers=...).",
            tier,
            detail,
        )

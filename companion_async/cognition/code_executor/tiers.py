"""The sandboxes of this machine: what each needs, and whether it holds, which is tried and not believed."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import platform
import secrets
import shutil
import socket
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from companion_async.cognition.code_executor.canary import canary
from companion_async.cognition.code_executor.child import Report, launch
from companion_async.cognition.code_executor.execution import SandboxFailedError, SandboxUnavailableError, TierState
from companion_async.cognition.code_executor.interpreters import Interpreter, candidates
from companion_async.cognition.code_executor.language import LANGUAGES
from companion_async.cognition.code_executor.settings import ExecutorSettings
from companion_async.cognition.code_executor.syscalls import (
    TOLD_TO_SANDLOCK,
    WITH_BUBBLEWRAP,
    WITH_SANDLOCK,
    refusing,
)

_PACKAGES = {"sandlock": "sandlock", "monty": "pydantic_monty"}
_ENVIRONMENT = {"LC_CTYPE": "C.UTF-8", "PATH": "/usr/bin:/bin", "HOME": "/nonexistent"}
_MONTY = Interpreter("python", (), "main.py", ())
_PROBE = 15.0  # seconds, for a busy machine
_REASON = 200  # characters


class Holding(msgspec.Struct, frozen=True):
    """A sandbox that holds, and the interpreter that runs in it, by language."""

    tier: str
    interpreters: Mapping[str, Interpreter]


class Tiers:
    """Tries the sandboxes that the settings allow, once, when the first program comes. Any thread."""

    def __init__(self, settings: ExecutorSettings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._states: tuple[TierState, ...] | None = None
        self._holding: list[Holding] = []

    def states(self) -> tuple[TierState, ...]:
        """What trying each has shown, in order of preference."""
        with self._lock:
            if self._states is None:
                self._states = tuple(self._try(tier) for tier in self._settings.tiers)
            return self._states

    def choose(self, language: str, tier: str | None) -> tuple[str, Interpreter]:
        """The best sandbox that holds ``language``, or ``tier`` alone; `SandboxUnavailableError` if none does."""
        states = self.states()
        for holding in self._holding:
            if tier in (None, holding.tier) and language in holding.interpreters:
                return holding.tier, holding.interpreters[language]
        asked = [state for state in states if tier in (None, state.tier)]
        raise SandboxUnavailableError(
            language, {state.tier: state.reason or f"runs no {language} here" for state in asked}
        )

    def run(
        self,
        tier: str,
        interpreter: Interpreter,
        program: str,
        mark: str,
        timeout: float,
        wanted: Callable[[], bool] = lambda: True,
    ) -> Report:
        """Run ``program`` in a sandbox, whether that holds or not. ``mark`` is what its value is told behind."""
        settings = self._settings
        limits: dict[str, Any] = {
            name: getattr(settings, name)
            for name in ("cpu", "memory", "processes", "open_files", "file_bytes", "disk", "output")
        }
        return launch(
            {
                "tier": tier,
                "path": _paths(tier),
                "bwrap": shutil.which("bwrap"),
                "argv": [*interpreter.command, mark, interpreter.program],
                "name": interpreter.program,
                "program": program,
                "readable": interpreter.readable,
                "env": _ENVIRONMENT,
                "launcher_env": _launcher_environment(tier),
                "refused": TOLD_TO_SANDLOCK,
                "filter": _filter(tier).hex(),
                "user": settings.user if tier != "monty" and os.getuid() == 0 else None,
                "reserves": interpreter.reserves,
                "limits": {**limits, "timeout": timeout},
            },
            wanted,
        )

    def _try(self, tier: str) -> TierState:
        missing = _missing(tier)
        if missing:
            return TierState(tier=tier, holds=False, reason=missing)
        found: dict[str, Interpreter] = {}
        reasons: dict[str, str] = {}
        for interpreter in _interpreters(tier, self._settings):
            language = interpreter.language
            if language not in found:
                reason = self._breach(tier, interpreter)
                if reason:
                    reasons[language] = f"{language}: {reason}"
                else:
                    found[language] = interpreter
                    reasons.pop(language, None)
        if found:
            self._holding.append(Holding(tier, found))
        return TierState(tier=tier, holds=bool(found), languages=tuple(found), reason="; ".join(reasons.values()))

    def _breach(self, tier: str, interpreter: Interpreter) -> str:
        """What is wrong with a sandbox: empty where a program could do nothing in it that it must not do."""
        with (
            tempfile.TemporaryDirectory(prefix="companion-canary-") as folder,
            socket.socket() as listener,
            socket.socket(type=socket.SOCK_DGRAM) as mailbox,
        ):
            Path(folder).chmod(0o755)
            secret = Path(folder, "secret")
            secret.write_text("a secret", encoding="utf-8")
            secret.chmod(0o666)  # whoever is kept out is kept out by the sandbox alone
            listener.bind(("127.0.0.1", 0))
            listener.listen()
            mailbox.bind(listener.getsockname())
            mailbox.setblocking(False)
            done = f"held {secrets.token_hex(8)}"
            port, most = listener.getsockname()[1], self._settings.processes
            program = canary(tier, interpreter.language, str(secret), port, os.getpid(), most, done)
            try:
                report = self.run(tier, interpreter, program, "canary ", _PROBE)
            except (SandboxFailedError, OSError) as error:
                return str(getattr(error, "detail", error))
            if secret.read_text(encoding="utf-8") != "a secret":
                return "a program could write a file outside"
            with contextlib.suppress(BlockingIOError):
                mailbox.recv(1)
                return "a program could send a datagram"
        told = report.stdout.strip()
        if told == done:
            return ""
        lines = (told or report.stderr.strip()).splitlines()
        return lines[-1][:_REASON] if lines else f"its trial ended with status {report.status} {report.limit}".rstrip()


def _missing(tier: str) -> str:
    if tier == "monty":
        return "" if importlib.util.find_spec("pydantic_monty") else "pydantic-monty is not installed"
    if not sys.platform.startswith("linux"):
        return "it needs Linux"
    if not _filter(tier):
        return f"the system calls of {platform.machine()} are not known"
    if tier == "sandlock":
        return "" if importlib.util.find_spec("sandlock") else "sandlock is not installed"
    return "" if shutil.which("bwrap") else "bwrap is not installed"


def _filter(tier: str) -> bytes:
    return refusing(WITH_BUBBLEWRAP if tier == "bubblewrap" else WITH_SANDLOCK, platform.machine())


def _interpreters(tier: str, settings: ExecutorSettings) -> Iterator[Interpreter]:
    if tier == "monty":
        yield _MONTY
        return
    for language in LANGUAGES:
        yield from candidates(language, settings)


def _paths(tier: str) -> list[str]:
    """Where the launcher finds the sandbox's library: it starts without any path but the standard library's."""
    package = _PACKAGES.get(tier)
    spec = importlib.util.find_spec(package) if package else None
    if spec is None or spec.origin is None:
        return []
    return [str(Path(spec.origin).parent.parent)]


def _launcher_environment(tier: str) -> dict[str, str]:
    if tier != "monty":
        return {}
    beside = shutil.which("monty", path=str(Path(sys.executable).parent)) or shutil.which("monty")
    return {"MONTY_BIN": beside} if beside else {}

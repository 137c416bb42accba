"""One run of the launcher: started, waited for, and never left behind."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from companion_async.cognition.code_executor.execution import SandboxFailedError

_LAUNCHER = Path(__file__).with_name("launcher.py")
_LOOK = 0.05  # seconds between two looks whether the run is still wanted
_GRACE = 5.0  # seconds beyond its own limit after which the launcher itself is given up


class Report(msgspec.Struct, frozen=True):
    """What the launcher tells of a run."""

    stdout: str = ""
    stderr: str = ""
    status: int = 0
    limit: str = ""
    value: dict[str, Any] | None = None
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    memory: int = 0
    failed: str = ""


def launch(job: Mapping[str, Any], wanted: Callable[[], bool]) -> Report:
    """Have the launcher do ``job`` in a folder made for it, and return when nothing of it is left.

    Blocks for as long as the job's limits allow; once ``wanted`` says no, for a moment. The child sees none of this
    process's environment, open files or terminal.
    """
    folder = tempfile.mkdtemp(prefix=f"companion-sandbox-{os.getpid()}-")
    try:
        return _in_folder({**job, "folder": folder}, wanted)
    finally:
        _remove(folder)


def _in_folder(job: Mapping[str, Any], wanted: Callable[[], bool]) -> Report:
    order = Path(job["folder"], "job.json")
    order.write_text(json.dumps(job), encoding="utf-8")
    until = time.monotonic() + job["limits"]["timeout"] + _GRACE
    read_end, lifeline = os.pipe()
    try:
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(_LAUNCHER), str(order)],
            stdin=read_end,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={"HOME": job["folder"], "LC_CTYPE": "C.UTF-8", **job["launcher_env"]},
            cwd="/",
            start_new_session=True,
        )
    except BaseException:
        os.close(lifeline)
        raise
    finally:
        os.close(read_end)
    with process:
        try:
            stdout, stderr = _heard(process, lifeline, until, wanted)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
    try:
        report = msgspec.json.decode(stdout, type=Report)
    except (msgspec.MsgspecError, RecursionError):
        told = stderr.decode("utf-8", "replace").strip()
        raise SandboxFailedError(job["tier"], told[-500:]) from None
    if report.failed:
        raise SandboxFailedError(job["tier"], report.failed)
    return report


def _heard(
    process: subprocess.Popen[bytes], lifeline: int, until: float, wanted: Callable[[], bool]
) -> tuple[bytes, bytes]:
    """What the launcher says until its end. It is told to end where the run is not wanted, and made to end where it
    does not do so.
    """
    told = False
    try:
        while True:
            try:
                return process.communicate(timeout=_LOOK)
            except subprocess.TimeoutExpired:
                if not told and not wanted():
                    os.close(lifeline)
                    told, until = True, time.monotonic() + _GRACE
                if time.monotonic() > until:
                    os.killpg(process.pid, signal.SIGKILL)
    finally:
        if not told:
            os.close(lifeline)


def _remove(folder: str) -> None:
    with contextlib.suppress(RecursionError):
        shutil.rmtree(folder, ignore_errors=True)
    if Path(folder).exists():
        # Built to be deeper than Python can go.
        subprocess.run(["rm", "-rf", "--", folder], check=False, stderr=subprocess.DEVNULL)

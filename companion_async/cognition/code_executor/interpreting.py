"""Part of the launcher, and read by it as a file: programs that are interpreted, and not processes of their own.

Like the launcher it imports nothing of this package.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
from collections.abc import Callable
from typing import Any

_LIFELINE = 0
_VALUE, _TEXT = 65536, 16384  # characters of a value as JSON, and as its text


def run(job: dict[str, Any], children: Callable[[], list[int]]) -> dict[str, Any]:
    """An interpreter of a part of Python, which knows no files, no network and no processes, in a worker of its own."""
    import threading

    import pydantic_monty as monty

    limits = job["limits"]
    report: dict[str, Any] = {"status": 0, "limit": "", "value": None}
    written = {"stdout": "", "stderr": ""}

    def kill() -> None:
        for child in children():
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)

    def end_with_lifeline() -> None:
        os.read(_LIFELINE, 1)
        kill()
        os.write(1, b'{"limit": "cancelled"}')
        os._exit(0)

    def write(stream: str, text: str) -> None:
        written[stream] += text
        if len(written[stream]) > limits["output"]:
            report["limit"] = "output"
            kill()  # an error raised here would be heard of only when the program has come to its end

    threading.Thread(target=end_with_lifeline, daemon=True).start()
    bounds: Any = {"max_feed_duration_secs": limits["timeout"], "max_memory": limits["memory"]}
    with monty.Monty(request_timeout=limits["timeout"] + 1, max_processes=1) as pool:
        try:
            with pool.checkout(script_name=job["name"], limits=bounds) as session:
                value = session.feed_run(job["program"], print_callback=write)
            report["value"] = _told(value)
        except monty.MontyError as error:
            crashed = isinstance(error, monty.MontyCrashedError)
            kind = "TimeoutError" if crashed else str(error).partition(":")[0]
            report["status"] = -signal.SIGKILL if crashed else 1
            report["limit"] = report["limit"] or {"TimeoutError": "time", "MemoryError": "memory"}.get(kind, "")
            written["stderr"] += "" if crashed else f"{error}\n"
    return report | {stream: text[: limits["output"]] for stream, text in written.items()}


def _told(value: Any) -> dict[str, Any]:
    with contextlib.suppress(TypeError, ValueError, RecursionError):
        text = json.dumps(value, allow_nan=False)
        if len(text) <= _VALUE:
            return {"value": json.loads(text)}
    return {"text": repr(value)[:_TEXT]}

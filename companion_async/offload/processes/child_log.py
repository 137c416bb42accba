"""The log of a process: its lines are told to the parent, which writes them as its own."""

from __future__ import annotations

import logging
from collections.abc import Callable
from types import FunctionType
from typing import TYPE_CHECKING, Any

from loguru import logger

from companion_async.offload.processes.messages import Logged

if TYPE_CHECKING:
    from loguru import Logger

Tell = Callable[[Logged], None]
_LONGEST = 20_000


def hand_over(tell: Tell, level: int) -> None:
    """Send what loguru and `logging` are given in this process to the parent, from ``level`` of `logging` on."""
    logger.remove()
    logger.add(lambda message: tell(_of_loguru(message.record)), level=0, format="{message}", catch=True)
    handler = _Handler(tell)
    logging.basicConfig(handlers=[handler], level=level, force=True)


class _Handler(logging.Handler):
    def __init__(self, tell: Tell) -> None:
        super().__init__()
        self._tell = tell
        self.setFormatter(logging.Formatter("%(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        try:
            text = self.format(record)[:_LONGEST]
            self._tell(
                Logged(False, record.levelname, record.levelno, text, record.name, record.funcName, record.lineno, {})
            )
        except Exception:
            self.handleError(record)


def _of_loguru(record: Any) -> Logged:
    text = record["message"]
    if record["exception"] is not None:
        error = record["exception"].value
        text += f"\n{type(error).__name__}: {error}"
    return Logged(
        True,
        record["level"].name,
        record["level"].no,
        text[:_LONGEST],
        record["name"] or "",
        record["function"],
        record["line"],
        {str(key): str(value)[:500] for key, value in record["extra"].items()},
    )


def write(line: Logged, module: str, pid: int) -> None:
    """Write a line of a process into this one's log."""
    if not line.loguru:
        target = logging.getLogger(line.name)
        if target.isEnabledFor(line.number):
            record = target.makeRecord(
                line.name, line.number, "", line.line, "%s", (line.text,), None, line.function, {"process_id": pid}
            )
            target.handle(record)
        return

    def whence(record: Any) -> None:
        record["name"], record["function"], record["line"] = line.name, line.function, line.line

    try:
        level: str | int = logger.level(line.level).name
    except ValueError:
        level = line.number
    bound = logger.bind(**{"module": module, **line.extra, "pid": pid}).patch(whence)
    # loguru asks the caller's module whether it may speak: that is the one which spoke there.
    FunctionType(_say.__code__, {"__name__": line.name})(bound, level, line.text)


def _say(bound: Logger, level: str | int, text: str) -> None:
    bound.log(level, "{}", text)

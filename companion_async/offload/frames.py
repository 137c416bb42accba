"""The frames of ours that stand around the work, so that a traceback begins with the work itself."""

from __future__ import annotations

from collections.abc import Callable
from types import CodeType, FunctionType, TracebackType
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])

_OURS: set[CodeType] = set()


def ours(function: F) -> F:
    """Mark a function that calls the work: it is left out of tracebacks."""
    assert isinstance(function, FunctionType)
    _OURS.add(function.__code__)
    return function


def has_begun(trace: TracebackType | None) -> bool:
    """Whether a frame of the work is in ``trace``."""
    while trace is not None and trace.tb_frame.f_code in _OURS:
        trace = trace.tb_next
    return trace is not None


def of_the_work(trace: TracebackType | None) -> TracebackType | None:
    """``trace`` from the first frame on that is not ours; all of it if every frame is."""
    left = trace
    while left is not None and left.tb_frame.f_code in _OURS:
        left = left.tb_next
    return left if left is not None else trace

"""A module as the scheduler sees it: its lane in the category's queue, its targets, and whether it takes work."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from inspect import iscoroutinefunction
from types import FunctionType, MethodType
from typing import Any

from companion_async.errors import UnknownTargetError
from companion_async.modules.handlers import HandlerKind, classify
from companion_async.modules.record import ModuleRecord
from companion_async.modules.retry import RetryPolicy
from companion_async.modules.timeout import Timeout
from companion_async.offload.pool import Pool
from companion_async.priority import Priority
from companion_async.scheduling.lane import Lane
from companion_async.scheduling.queue import Queue

_MOST_CALLABLES = 256
_MOST_SHAPES = 16
_SMOOTHING = 0.1
_LIGHT = 20e-6
_LIGHT_ON_CPU = 500e-6
_CPU_SHARE = 0.5
_CUT, _OFTEN_CUT = 0.8, 0.2
"""A run is cut that had the processor for less than the one of its time. Of short runs that hold on to the interpreter
almost none are (0.02 of those of 50 us, counted), of those that let go of it more than the other (0.25 to 0.5).
"""
Shape = tuple[Any, ...]
"""Of a call: how many arguments by position, and the names of the others."""
TURN = 0.02
"""Seconds that a run may have to wait for the interpreter."""


class Target:
    """One thing that can be run in a module's place, with what has been measured of it.

    ``light`` says that a run is shorter than waking a thread would take, or that it is short and keeps the interpreter
    busy, so that a second thread would only fight for it. ``brief`` are those and others that compute for a moment: of
    them a sample is measured. ``remote`` runs go on in a process, and the loop waits for them. ``rare`` are those whose
    tasks need more than the short way gives them. ``called`` is the handler itself, whatever stands around it;
    ``shapes`` are the first ways in which it was called that fit, numbers and names of arguments, and ``usual`` is the
    latest of these numbers without a name.
    """

    __slots__ = (
        "average", "brief", "called", "cpu", "cpu_share", "cut", "function", "kind", "light", "name", "on_loop", "rare",
        "remote", "runs", "shapes", "streams", "usual",
    )  # fmt: skip

    def __init__(self, name: str, function: Callable[..., Any], kind: HandlerKind, *, offload: str = "thread") -> None:
        self.name = name
        self.function = function
        self.kind = kind
        self.on_loop = kind in (HandlerKind.LOOP, HandlerKind.ASYNC_GENERATOR) or offload != "thread"
        self.streams = kind in (HandlerKind.GENERATOR, HandlerKind.ASYNC_GENERATOR)
        self.remote = offload == "process"
        self.rare = self.streams or self.remote
        self.light = False
        self.average = 0.0
        self.cpu_share = 0.0
        self.cpu = 0.0
        self.cut = 0.0
        self.brief = False
        self.runs = 0
        self.point_at(function)

    def point_at(self, called: Callable[..., Any]) -> None:
        """It is another callable from now on, of which nothing is known but what its measurements told so far."""
        self.called = called
        self.shapes: tuple[Shape, ...] = ()
        self.usual = -1

    def fits(self, shape: Shape) -> None:
        """Remember that calls of that shape begin."""
        if len(self.shapes) < _MOST_SHAPES:
            self.shapes += (shape,)
        if len(shape) == 1:
            self.usual = shape[0]

    def ran(self, seconds: float, cpu: float | None) -> None:
        """Take in one run: exponential moving averages, so that the target is known as it is now."""
        average, computed = self.average, self.cpu_share > _CPU_SHARE
        if cpu is not None and seconds > 0:
            share = min(1.0, cpu / seconds)
            self.cpu_share += 0.2 * (share - self.cpu_share)
            self.cpu += _SMOOTHING * (cpu - self.cpu)
            self.cut += _SMOOTHING * ((share < _CUT) - self.cut)
        computes = self.cpu_share > _CPU_SHARE
        if seconds >= _LIGHT and computes:  # what it waited for the interpreter says nothing of it
            if cpu is not None:
                seconds = cpu
                if not computed:
                    average = cpu  # nor what was taken for it before that was known
            elif seconds < TURN:
                return
        self.runs = runs = self.runs + 1
        self.average = average = seconds if runs == 1 else average + _SMOOTHING * (seconds - average)
        if runs < 5:
            return
        if average < _LIGHT:
            self.light = self.brief = True
        else:
            short = average < _LIGHT_ON_CPU
            self.light = short and computes and self.cut < _OFTEN_CUT
            self.brief = short and (computes or self.cpu > _LIGHT)


def reach(spans: Timeout) -> tuple[Timeout, float, float, bool]:
    """The spans with what a submission needs of them: the limit of a run, the time from submission by which the task
    should have ended, inf for none, and whether that is all.
    """
    limit = math.inf if spans.run is None else spans.run
    return spans, limit, limit if spans.total is None else spans.total, spans.plain


class Port(Lane):
    """The lane of one module, and what submitting to it needs."""

    __slots__ = (
        "_adhoc",
        "closed",
        "interruptible",
        "offload",
        "pool",
        "priority",
        "queue",
        "reach",
        "record",
        "retry",
        "targets",
        "timeout",
        "wrap",
    )

    def __init__(
        self,
        name: str,
        pool: Pool,
        queue: Queue,
        record: ModuleRecord,
        *,
        priority: Priority = Priority.MEDIUM,
        timeout: Timeout,
        retry: RetryPolicy | None = None,
        cap: int | None = None,
        quota: int = 1,
        offload: str = "thread",
    ) -> None:
        super().__init__(name, cap=cap, quota=quota)
        self.pool = pool
        self.queue = queue
        self.record = record
        self.priority = priority
        self.timeout = timeout
        self.reach = reach(timeout)
        self.retry = retry
        self.offload = offload
        self.interruptible = False
        self.wrap: Callable[[Target, Callable[..., Any]], Callable[..., Any]] | None = None
        self.closed: tuple[str, str] | None = None
        self.targets: dict[str, Target] = {}
        self._adhoc: dict[object, Target] = {}

    def serve(self, functions: dict[str, tuple[Callable[..., Any], HandlerKind]], *, interruptible: bool) -> None:
        """Point the names at an instance's methods; what was measured of a name outlives the instance."""
        self.interruptible = interruptible
        old, self.targets = self.targets, {}
        for name, (function, kind) in functions.items():
            target = old.get(name)
            if target is None or target.kind is not kind:
                target = Target(name, function, kind, offload=self.offload)
            target.point_at(function)
            target.function = function if self.wrap is None else self.wrap(target, function)
            self.targets[name] = target

    def find(self, name: str) -> Target:
        """The target of that name; `UnknownTargetError` for all that was not a handler at registration."""
        try:
            return self.targets[name]
        except KeyError:
            raise UnknownTargetError(self.name, name[:80], tuple(sorted(self.targets))) from None

    def measure(self, function: Callable[..., Any]) -> Target:
        """The target that a callable's measurements go to: one for each piece of code, while there are few."""
        code = _code(function)
        target = self._adhoc.get(code)
        if target is None:
            kind = classify(function)
            name = getattr(function, "__qualname__", None) or type(function).__name__
            target = Target(str(name), _nothing, kind, offload=self.offload)
            if code is not None and len(self._adhoc) < _MOST_CALLABLES:
                self._adhoc[code] = target
        return target


def _code(function: Any) -> object:
    """What stands for all callables that run the same code, and so run alike; None where that is not plain to see."""
    if type(function) is FunctionType:
        return function.__code__
    if type(function) is MethodType:
        return _code(function.__func__)
    if type(function) is partial:
        return _code(function.func)
    call = getattr(type(function), "__call__", None)  # noqa: B004 - its code is wanted
    # One object of a class may be marked as a coroutine function and another not.
    return (call.__code__, iscoroutinefunction(function)) if type(call) is FunctionType else None


def _nothing() -> None:
    """Stands in a target whose callable comes with each task."""

"""Pure: the documents' rule for growth, when idle threads go, and any scaling rule asked about any recorded figures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from companion_async.autonomy.answer import RuleAnswer
from companion_async.autonomy.decision import Expectation
from companion_async.autonomy.predicates import should_shrink
from companion_async.autonomy.settings import AutonomySettings
from companion_async.autonomy.sizes import ADAPTIVE, sized
from companion_async.autonomy.sizing import SizeFigures, adaptive
from companion_async.autonomy.verdict import Verdict
from companion_async.errors import InvalidArgumentError

LONG = 1e9
"""Seconds that stand for "never yet": infinity does not survive JSON, and inputs must."""


class CategoryLoad(msgspec.Struct, frozen=True, kw_only=True):
    """What the scaling rules see of a category.

    Rates are per second over the settings' ``rate_window``; ``service`` is the mean run, None before the first has
    ended. ``low_for`` is how long utilisation has been low without a break; ``peak_working`` is over
    ``scale_down_after``. ``room`` is how many threads the house could still give it.
    """

    name: str
    limit: int
    configured: int
    working: int = 0
    stuck: int = 0
    kept: int = 0
    idle: int = 0
    longest_idle: float = 0.0
    queued: int = 0
    oldest_wait: float = 0.0
    arrival_rate: float = 0.0
    throughput: float = 0.0
    service: float | None = None
    low_for: float = 0.0
    peak_working: int = 0
    room: int = 0
    memory_fraction: float | None = None
    since_resize: float = LONG


def is_full(load: CategoryLoad, settings: AutonomySettings) -> bool:
    """Every slot that is not stuck, or kept for urgent work, is busy and work has waited. Where all are stuck, nothing
    is: more of the same would hang as well.
    """
    sound = load.limit - load.stuck - load.kept
    return sound > 0 and load.working - load.stuck >= sound and load.queued > 0 and waited(load, settings)


def waited(load: CategoryLoad, settings: AutonomySettings) -> bool:
    """Whether the oldest task has waited long enough to matter."""
    return load.oldest_wait >= settings.scale_up_wait


def growth_bar(load: CategoryLoad, settings: AutonomySettings) -> str | None:
    """Why the category must not grow now; None if nothing forbids it."""
    if load.room <= 0:
        return "the house has no thread to give"
    if load.since_resize < settings.resize_cooldown:
        return "it was resized a moment ago"
    if load.memory_fraction is not None and load.memory_fraction > settings.memory_veto:
        return f"{load.memory_fraction:.0%} of the memory is in use"
    return None


def grow_plain(load: CategoryLoad, settings: AutonomySettings) -> Verdict | None:
    """The documents' rule: every slot busy and work waits, so two more, within the house."""
    if not is_full(load, settings) or growth_bar(load, settings):
        return None
    return _grown(load, load.limit + min(settings.plain_step, load.room), settings)


def shrink(load: CategoryLoad, settings: AutonomySettings) -> Verdict | None:
    """Utilisation stayed low through the window: the limit goes back toward what was configured, and idle
    threads beyond the window's peak go.
    """
    if load.low_for < settings.scale_down_after or load.since_resize < settings.resize_cooldown:
        return None
    new = min(load.limit, max(load.configured, load.peak_working))
    spare = min(load.idle, max(0, load.working + load.idle - load.peak_working))
    if new == load.limit and spare == 0:
        return None
    return Verdict(
        type="scale_down",
        context=load.name,
        reason=f"Low utilization: under {settings.low_utilization:.0%} of {load.limit} slots for {load.low_for:.0f} s; "
        f"{'1 idle thread goes' if spare == 1 else f'{spare} idle threads go'}.",
        rule="scale.shrink",
        data={"old": load.limit, "new": new, "keep": load.peak_working, "idle_for": 0.0},
        inputs=msgspec.to_builtins(load),
        expectation=Expectation(
            "threads", load.working + load.idle, load.working + load.idle - spare, settings.interval, "down"
        ),
    )


def retire(load: CategoryLoad, settings: AutonomySettings) -> Verdict | None:
    """Threads that nobody has needed for ``idle_retirement`` go, whatever the utilisation."""
    if load.idle == 0 or not should_shrink(load.longest_idle, settings.idle_retirement):
        return None
    return Verdict(
        type="scale_down",
        context=load.name,
        reason=f"A thread has been idle for {load.longest_idle:.0f} s.",
        rule="scale.retire",
        data={
            "old": load.limit,
            "new": load.limit,
            "keep": load.working,
            "idle_for": settings.idle_retirement,
        },
        inputs=msgspec.to_builtins(load),
        expectation=Expectation(
            "threads", load.working + load.idle, load.working + load.idle - 1, settings.interval, "down"
        ),
    )


def _grown(load: CategoryLoad, new: int, settings: AutonomySettings) -> Verdict:
    tasks = "1 task waits" if load.queued == 1 else f"{load.queued} tasks wait"
    slots = "1 slot" if load.limit == 1 else f"{load.limit} slots"
    return Verdict(
        type="scale_up",
        context=load.name,
        reason=f"All threads busy: {tasks} for {slots}, the oldest for {load.oldest_wait:.2f} s.",
        rule="scale.plain",
        data={"old": load.limit, "new": new},
        inputs=msgspec.to_builtins(load),
        expectation=Expectation(
            "oldest_wait", load.oldest_wait, load.oldest_wait * load.limit / new, settings.interval, "down"
        ),
    )


_LOAD_RULES: Mapping[str, Callable[[CategoryLoad, AutonomySettings], Verdict | None]] = {
    "scale.plain": grow_plain,
    "scale.shrink": shrink,
    "scale.retire": retire,
}
RULES = (ADAPTIVE, *_LOAD_RULES)


def ask(rule: str, inputs: Mapping[str, Any], settings: AutonomySettings) -> RuleAnswer:
    """What the scaling rule of that name says to the recorded inputs of any scaling decision.

    What the adaptive rule looks at and the others do not record (how much runs are stretched) counts as undisturbed.
    """
    if rule == ADAPTIVE:
        figures = _figures(inputs)
        size = adaptive(figures, settings)
        verdict = None if size is None else sized(figures, size, settings)
    elif rule in _LOAD_RULES:
        verdict = _LOAD_RULES[rule](_load(inputs), settings)
    else:
        raise InvalidArgumentError(f"rule must be one of {', '.join(RULES)}, or a callable; {rule!r:.80} is not.")
    return RuleAnswer(None) if verdict is None else RuleAnswer(verdict.type, verdict.data)


def _figures(inputs: Mapping[str, Any]) -> SizeFigures:
    if "most" in inputs:
        return msgspec.convert(inputs, SizeFigures)
    load = msgspec.convert(inputs, CategoryLoad)
    return SizeFigures(
        name=load.name,
        limit=load.limit,
        configured=load.configured,
        most=load.limit + load.room,
        running=load.working,
        queued=load.queued,
        full_for=load.oldest_wait,
        arrival_rate=load.arrival_rate,
        service=load.service,
    )


def _load(inputs: Mapping[str, Any]) -> CategoryLoad:
    if "most" not in inputs:
        return msgspec.convert(inputs, CategoryLoad)
    figures = msgspec.convert(inputs, SizeFigures)
    return CategoryLoad(
        name=figures.name,
        limit=figures.limit,
        configured=figures.configured,
        working=figures.running,
        queued=figures.queued,
        oldest_wait=figures.full_for,
        arrival_rate=figures.arrival_rate,
        service=figures.service,
        room=figures.most - figures.limit,
    )

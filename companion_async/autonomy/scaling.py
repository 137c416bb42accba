"""Pure: when a category grows and by how much, when it shrinks, and when a step is taken back."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from companion_async.autonomy.decision import Answer, Expectation
from companion_async.autonomy.predicates import should_shrink
from companion_async.autonomy.settings import AutonomySettings
from companion_async.autonomy.verdict import Verdict

LONG = 1e9
"""Seconds that stand for "never yet": infinity does not survive JSON, and inputs must."""


class CategoryLoad(msgspec.Struct, frozen=True, kw_only=True):
    """What the scaling rules see of a category.

    Rates are per second over the settings' ``rate_window``; ``service`` is the mean run, None before the first has
    ended. ``low_for`` is how long utilisation has been low without a break; ``peak_working`` and ``peak_need`` are over
    ``scale_down_after``. ``room`` is how many threads the house could still give it. ``cpu_share`` is the part of its
    run time that is computing, contention taken out. ``barred_for`` is how long growth stays barred after a regret.
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
    peak_need: float = 0.0
    room: int = 0
    cpu_share: float = 0.0
    loop_lag: float | None = None
    memory_fraction: float | None = None
    gil: bool = True
    cores: int = 1
    since_resize: float = LONG
    barred_for: float = 0.0


class GainStep(msgspec.Struct, frozen=True, kw_only=True):
    """A growth from ``old`` to ``new`` whose gain is to be checked: ``before`` completions per second at ``old``, all
    slots busy; since then ``completions`` in ``seconds``.
    """

    name: str
    old: int
    new: int
    before: float
    completions: int
    seconds: float


def need(load: CategoryLoad, settings: AutonomySettings) -> float | None:
    """The slots that the load calls for: Little's law, square-root staffing, and the backlog gone in ``drain_seconds``.

    None before a run has ended.
    """
    if load.service is None:
        return None
    offered = load.arrival_rate * load.service
    # A task needs no more than one slot, however long it runs.
    backlog = load.queued * min(1.0, load.service / settings.drain_seconds)
    return offered + 2 * math.sqrt(offered) + backlog


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
    return _grown(load, load.limit + min(settings.plain_step, load.room), "scale.plain", "", settings)


def grow_adaptive(load: CategoryLoad, settings: AutonomySettings) -> Verdict | None:
    """To the need, at most doubling (or by ``smallest_step``); never past what the interpreter lock can carry."""
    if not is_full(load, settings) or growth_bar(load, settings) or load.barred_for > 0:
        return None
    if load.cpu_share > settings.cpu_share_counts and load.loop_lag is not None and load.loop_lag > settings.lag_veto:
        return None
    needed = need(load, settings)
    if needed is None:
        target, grounds = load.limit + settings.plain_step, " No run has ended yet, so the need is unknown."
    elif needed > load.limit:
        target, grounds = math.ceil(needed), f" By Little's law {needed:.1f} slots are needed."
    else:
        return None
    target = min(target, max(2 * load.limit, load.limit + settings.smallest_step), load.limit + load.room)
    carried = processor_limit(load, settings)
    if carried is not None:
        target = min(target, carried)
    return _grown(load, target, "scale.adaptive", grounds, settings) if target > load.limit else None


def processor_limit(load: CategoryLoad, settings: AutonomySettings) -> int | None:
    """The slots beyond which threads would only wait for each other's processor; None where computing is no matter.

    As many as keep the lanes (one under the interpreter lock, else the cores) busy while the others wait for something
    else, with slack for chance while most of the time is waiting.
    """
    if load.cpu_share <= settings.cpu_share_counts:
        return None
    busy = (1 if load.gil else load.cores) / load.cpu_share
    return math.ceil(busy if load.cpu_share >= settings.cpu_bound_from else busy + 2 * math.sqrt(busy))


def shrink(load: CategoryLoad, settings: AutonomySettings) -> Verdict | None:
    """Utilisation stayed low through the window: the limit goes back toward what was configured, at most halving, and
    idle threads beyond the window's peak go.
    """
    if load.low_for < settings.scale_down_after or load.since_resize < settings.resize_cooldown:
        return None
    new = min(load.limit, max(load.configured, load.peak_working, math.ceil(load.peak_need)))
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


def is_measured(step: GainStep, settings: AutonomySettings) -> bool:
    """Whether enough runs have ended since the step to judge it."""
    return step.completions >= settings.gain_rounds * step.new and step.seconds > 0


def take_back(step: GainStep, settings: AutonomySettings) -> Verdict | None:
    """A step that brought less than ``gain_share`` of the throughput it should have brought is undone."""
    after = step.completions / step.seconds
    hoped = step.before * (step.new / step.old)
    if after - step.before >= settings.gain_share * (hoped - step.before):
        return None
    return Verdict(
        type="scale_down",
        context=step.name,
        reason=f"From {step.old} to {step.new} slots throughput went from {step.before:.3g} to {after:.3g} per second "
        "with every slot busy: the threads wait for something that has a limit of its own.",
        rule="scale.gain",
        data={"old": step.new, "new": step.old, "keep": step.old, "idle_for": 0.0},
        inputs=msgspec.to_builtins(step),
        expectation=Expectation("throughput", after, step.before * 0.9, settings.interval, "up"),
    )


def _grown(load: CategoryLoad, new: int, rule: str, grounds: str, settings: AutonomySettings) -> Verdict:
    tasks = "1 task waits" if load.queued == 1 else f"{load.queued} tasks wait"
    slots = "1 slot" if load.limit == 1 else f"{load.limit} slots"
    return Verdict(
        type="scale_up",
        context=load.name,
        reason=f"All threads busy: {tasks} for {slots}, the oldest for {load.oldest_wait:.2f} s.{grounds}",
        rule=rule,
        data={"old": load.limit, "new": new},
        inputs=msgspec.to_builtins(load),
        expectation=Expectation(
            "oldest_wait", load.oldest_wait, load.oldest_wait * load.limit / new, settings.interval, "down"
        ),
    )


LOAD_RULES: Mapping[str, Callable[[CategoryLoad, AutonomySettings], Verdict | None]] = {
    "scale.plain": grow_plain,
    "scale.adaptive": grow_adaptive,
    "scale.shrink": shrink,
    "scale.retire": retire,
}


def ask(rule: str, inputs: Mapping[str, Any], settings: AutonomySettings) -> Answer:
    """What the scaling rule of that name says to recorded inputs: the other half of `decision.replay`."""
    if rule == "scale.gain":
        verdict = take_back(msgspec.convert(inputs, GainStep), settings)
    else:
        verdict = LOAD_RULES[rule](msgspec.convert(inputs, CategoryLoad), settings)
    return Answer(None) if verdict is None else Answer(verdict.type, verdict.data)

"""Pure: what happens to work that waits too long, and which work goes when there is too much of it."""

from __future__ import annotations

import math

import msgspec

from companion_async.autonomy.decision import Expectation
from companion_async.autonomy.scaling import CategoryLoad
from companion_async.autonomy.settings import AutonomySettings
from companion_async.autonomy.situation import CategoryReading
from companion_async.autonomy.verdict import Verdict

LOWEST_KEPT = 3
"""The level (MEDIUM) from which on work is never shed for time; the two below it are."""


def raise_waiting(reading: CategoryReading, load: CategoryLoad, settings: AutonomySettings) -> Verdict | None:
    """Tasks that wait past ``starved_after`` while others are run go up one level, so that an endless stream of more
    urgent work cannot hold them back for ever.
    """
    if reading.oldest_wait <= settings.starved_after or load.throughput <= 0:
        return None
    if sum(1 for count in reading.queued_by_level if count) < 2:
        return None  # one level only: nothing overtakes them, and raising them all changes no order
    return Verdict(
        type="adjust_priority",
        context=reading.name,
        reason=f"A task has waited for {reading.oldest_wait:.0f} s while others were run; what has waited longer than "
        f"{settings.starved_after:.0f} s goes up one level.",
        rule="overload.raise",
        data={"waited": settings.starved_after},
        inputs=msgspec.to_builtins(reading),
        expectation=Expectation("oldest_wait", reading.oldest_wait, reading.oldest_wait, settings.interval, "down"),
    )


def expected_wait(reading: CategoryReading, load: CategoryLoad) -> float | None:
    """How long the last in the queue will wait at the pace of now; None before a pace is known."""
    sound = reading.limit - reading.stuck
    if load.service is None or reading.queued == 0:
        return None
    if sound <= 0:
        return math.inf
    return reading.queued * load.service / sound


def is_hopeless(reading: CategoryReading, load: CategoryLoad) -> bool:
    """Whether the last in the queue will wait longer than it is worth."""
    wait = expected_wait(reading, load)
    return wait is not None and reading.patience is not None and wait > reading.patience


def shed_late(reading: CategoryReading, load: CategoryLoad, settings: AutonomySettings) -> Verdict | None:
    """So much of the low levels goes that what is left can be run before it is worth nothing."""
    wait = expected_wait(reading, load)
    if wait is None or reading.patience is None or load.service is None or wait <= reading.patience:
        return None
    keep = math.floor(reading.patience * max(0, reading.limit - reading.stuck) / load.service)
    count = min(reading.queued - keep, sum(reading.queued_by_level[LOWEST_KEPT:]))
    grounds = f"{reading.queued} tasks wait and the last would run in {wait:.1f} s, past the {reading.patience:.1f} s"
    return _shed(reading, count, LOWEST_KEPT + 1, f"{grounds} it is worth.", "overload.late", settings)


def shed_memory(reading: CategoryReading, fraction: float, settings: AutonomySettings) -> Verdict | None:
    """With memory nearly gone the low levels go entirely, or, where there are none, half of the medium one."""
    if fraction < settings.shed_memory:
        return None
    low, medium = sum(reading.queued_by_level[LOWEST_KEPT:]), reading.queued_by_level[LOWEST_KEPT - 1]
    count, lowest = (low, LOWEST_KEPT + 1) if low else (math.ceil(medium / 2), LOWEST_KEPT)
    return _shed(reading, count, lowest, f"{fraction:.0%} of the memory is in use.", "overload.memory", settings)


def _shed(
    reading: CategoryReading, count: int, lowest: int, grounds: str, rule: str, settings: AutonomySettings
) -> Verdict | None:
    if count <= 0:
        return None
    return Verdict(
        type="shed_load",
        context=reading.name,
        reason=f"{grounds} {count} of the least urgent go.",
        rule=rule,
        data={"count": count, "lowest": lowest},
        inputs=msgspec.to_builtins(reading),
        expectation=Expectation("queued", reading.queued, reading.queued - count, settings.interval, "down"),
    )

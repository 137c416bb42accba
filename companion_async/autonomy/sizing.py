"""Pure: how many slots a category should have, from figures alone: the adaptive rule.

After "LG" (Little's law, service-time gradient, regret), which takes its parts from Little (1961), square-root staffing
(Halfin and Whitt 1981), the gradient limits of Netflix and Goetz's bound for threads that compute. It grows by need, at
once while nothing stretches; it shrinks when runs are surely stretched by their own number, puts each cut on trial, and
remembers for a while where the knee was.
"""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

import msgspec

from companion_async.autonomy.settings import AutonomySettings
from companion_async.autonomy.stretch import ENOUGH, KEPT

Cause = Literal["demand", "unknown", "downstream", "regret", "decline"]

STRETCHED = 1.2
"""A stretch that is surely above this is contention."""
_AIM = 1.25  # a cut aims at runs stretched by this, which keeps what has the limit busy
_DEEPEST_CUT = 0.7
_COMPUTING = 0.5  # of one processor: from there on it may be the interpreter that stretches the runs
_SLOWLY = 1.1
_SMALLEST = 4  # slots by which a small limit may grow at once
_FIRST_STEP = 2  # while no run has ended
_DEVIATIONS = 2.5
_CPU_COUNTS = 0.05
_BARELY = 0.9  # a limit that is nearly the need stays


class Trial(NamedTuple):
    """A cut from ``old`` to ``new`` that has still to show that it cost nothing: ``before`` was the log stretch."""

    old: int
    new: int
    before: float


class SizeFigures(msgspec.Struct, frozen=True, kw_only=True):
    """All that the rule looks at.

    ``full_for`` is for how long every slot has been busy while work waited. ``arrival_rate`` is per second, ``service``
    the mean run in seconds as it is now and ``cpu`` its CPU seconds; None before a run has ended. ``stretch`` is the
    factor by which runs take longer than undisturbed, ``stretch_surely`` its lower bound; ``settled`` (log stretch,
    standard error, runs) is over runs that began under the limit of now. ``peak_need``, and ``peak_running`` (None
    where nobody counted), are over the last ``reserve_seconds``; ``most`` is what the house allows. ``ceiling`` is
    where the last cut proved the knee to be; ``cautious`` after a cut. ``brief`` at a look between two full ones, which
    only ever grows the limit.
    """

    name: str
    limit: int
    configured: int
    most: int
    running: int
    queued: int
    full_for: float = 0.0
    arrival_rate: float = 0.0
    service: float | None = None
    cpu: float = 0.0
    stretch: float = 1.0
    stretch_surely: float = 1.0
    settled: tuple[float, float, int] = (0.0, 0.0, 0)
    peak_need: float = 0.0
    peak_running: int | None = None
    ceiling: int | None = None
    cautious: bool = False
    trial: Trial | None = None
    brief: bool = False
    barred: str | None = None


class Size(NamedTuple):
    """The limit that should be, and why."""

    limit: int
    cause: Cause


def need(figures: SizeFigures, drain_seconds: float) -> float | None:
    """Slots that the load calls for: Little's law with square-root staffing, and the backlog gone in ``drain_seconds``;
    no more than keep the interpreter busy where runs compute. None before a run has ended.
    """
    if figures.service is None:
        return None
    alone = figures.service / figures.stretch
    offered = figures.arrival_rate * alone
    # A task needs no more than one slot, however long it runs.
    found = offered + 2 * math.sqrt(offered) + figures.queued * min(1.0, alone / drain_seconds)
    if figures.cpu > _CPU_COUNTS * alone:
        carried = max(1.0, alone / figures.cpu)
        found = min(found, carried + 2 * math.sqrt(carried))
    return found


def regretted(figures: SizeFigures) -> bool | None:
    """Whether the cut on trial cost throughput; None while that is not known.

    With fewer at once, runs that had waited for each other take less long. By half of what the throughput calls for or
    less, and surely: then they had not.
    """
    mean, error, runs = figures.settled
    if figures.trial is None or runs < ENOUGH:
        return None
    share = figures.trial.new / figures.trial.old
    wanted = math.log((1 + share) / 2 / share)
    if runs < KEPT and 2 * error >= wanted:
        return None
    return figures.trial.before - mean < wanted - error


def adaptive(figures: SizeFigures, settings: AutonomySettings) -> Size | None:
    """The limit that these figures call for; None for the one in force."""
    limit = figures.limit
    if figures.trial is not None and figures.queued and regretted(figures):
        return Size(figures.trial.old, "regret")
    if not figures.brief and figures.trial is None and (cut := _cut(figures)) < limit:
        return Size(cut, "downstream")
    wanted = need(figures, settings.drain_seconds)
    if wanted is None:
        first = min(limit + _FIRST_STEP, figures.most)
        unknown = figures.full_for > 0 and not figures.brief and not figures.barred and first > limit
        return Size(first, "unknown") if unknown else None
    if figures.queued and wanted > limit:
        grown = min(math.ceil(wanted), _reach(figures))
        return Size(grown, "demand") if grown > limit else None
    if figures.brief or figures.queued or wanted >= _BARELY * limit:
        return None
    lower = max(figures.configured, _kept(figures), limit // 2)
    return Size(lower, "decline") if lower < limit else None


def _kept(figures: SizeFigures) -> int:
    """The slots that the last while called for: the need that was estimated, and no more than one above those that were
    ever at work. With long runs the estimate rests on few arrivals; what was at work is counted.
    """
    kept = math.ceil(figures.peak_need)
    return kept if figures.peak_running is None else min(kept, figures.peak_running + 1)


def _cut(figures: SizeFigures) -> int:
    """Where the runs are surely stretched by their own number: so many that they would hardly be."""
    mean, error, runs = figures.settled
    busy = figures.running / figures.service if figures.service else 0.0
    computing = max(busy, figures.arrival_rate) * figures.cpu
    if not figures.full_for or runs < ENOUGH or computing > _COMPUTING:
        return figures.limit
    if math.exp(mean - _DEVIATIONS * error) <= STRETCHED:
        return figures.limit
    return max(1, min(figures.limit - 1, round(figures.limit * max(_DEEPEST_CUT, _AIM / math.exp(mean)))))


def _reach(figures: SizeFigures) -> int:
    """How far the limit may go up now."""
    limit = figures.limit
    if figures.trial is not None or figures.barred is not None:
        return limit
    if figures.stretch_surely <= 1.0 and not figures.cautious:
        reach = max(2 * limit, limit + _SMALLEST)
    elif figures.stretch_surely <= STRETCHED and not figures.brief:
        reach = max(limit + 1, int(limit * _SLOWLY))
    else:
        return limit
    return min(reach, figures.most, max(limit, figures.ceiling or figures.most))

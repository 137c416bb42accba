"""Pure: from figures to proposals. Each rule looks at one module, one category or one cache."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

import msgspec

from companion_async.cognition.optimizer.proposal import Proposal

LOOKS = 6
"""At a category, before anything is said of it, and before a change of it is judged."""

ENOUGH = 50
"""Runs of a module, or look-ups in a cache, before anything is said of it, and before a change of it is judged."""

_BUSY = 0.9
_IDLE = 0.2
_FAILING = 0.8
_COMPUTES = 0.7
_STALE = 0.01


class ModuleFigures(msgspec.Struct, frozen=True, kw_only=True):
    """Of one module; spans in seconds, None before they are known."""

    name: str
    category: str
    runs: int
    success_rate: float
    timed_out: int
    run_p50: float | None
    run_p99: float | None
    wait_p95: float | None
    cpu_bound: float
    total_seconds: float
    offload: str = "thread"


class CategoryFigures(msgspec.Struct, frozen=True, kw_only=True):
    """Of one category, over ``looks`` at it: the mean share of its slots that was busy, the most busy at once, and how
    much waited in the mean.
    """

    name: str
    limit: int
    looks: int
    utilization: float
    peak: int
    queued: float
    scaled: bool
    room: int


class CacheFigures(msgspec.Struct, frozen=True, kw_only=True):
    """Of one cache. ``ghosts`` are misses of what had been put out for want of room, ``expired`` of what was too old,
    ``stale`` the hits that their users called out of date.
    """

    name: str
    size: int
    entries: int
    ttl: float
    hits: int
    misses: int
    ghosts: int
    expired: int
    stale: int

    @property
    def asked(self) -> int:
        """All look-ups."""
        return self.hits + self.misses

    def rate(self, metric: str) -> float:
        """``stale_rate`` of the hits, ``miss_rate`` of all look-ups; from 0 to 1."""
        return self.stale / max(1, self.hits) if metric == "stale_rate" else self.misses / max(1, self.asked)


def of_module(figures: ModuleFigures) -> Iterator[Proposal]:
    """What could be said of a module that has run often enough."""
    one = figures
    if one.runs < ENOUGH:
        return
    if one.cpu_bound >= _COMPUTES and one.offload == "thread" and (one.run_p50 or 0.0) >= 0.01:
        yield Proposal(
            kind="process",
            subject=one.name,
            setting="offload",
            before="thread",
            after="process",
            metric="run_p50",
            measured=one.run_p50 or 0.0,
            expected=(one.run_p50 or 0.0) * max(0.5, 1 - one.cpu_bound / 2),
            why=f"it computes ({one.cpu_bound:.0%} of its time), and threads take turns at the interpreter",
        )
    if one.success_rate < _FAILING:
        yield Proposal(
            kind="failing",
            subject=one.name,
            setting="code",
            before=round(one.success_rate, 3),
            after=">= 0.8",
            metric="failure_rate",
            measured=1 - one.success_rate,
            expected=1 - _FAILING,
            why=f"{1 - one.success_rate:.0%} of its {one.runs} runs fail, {one.timed_out} of them by their limit",
        )
    elif one.timed_out and one.run_p99 is not None and one.timed_out / one.runs > 0.01:
        yield Proposal(
            kind="limit",
            subject=one.name,
            setting="timeout",
            before="its own",
            after=round(2 * one.run_p99, 3),
            metric="timeout_rate",
            measured=one.timed_out / one.runs,
            expected=0.01,
            why=f"{one.timed_out} of {one.runs} runs passed their limit, while 99 % end within {one.run_p99:.3g} s",
        )


def of_category(figures: CategoryFigures) -> Iterator[Proposal]:
    """More slots where all are busy and work waits, fewer where they were never needed; nothing where the governor
    sees to that.
    """
    one = figures
    if one.looks < LOOKS or one.scaled:
        return
    if one.utilization >= _BUSY and one.queued >= 1 and one.room > 0:
        more = min(one.room, max(1, math.ceil(one.limit / 2)))
        yield _slots(
            one,
            one.limit + more,
            one.queued * one.limit / (one.limit + more),
            f"its slots are {one.utilization:.0%} busy while {one.queued:.1f} tasks wait",
        )
    elif one.utilization <= _IDLE and one.peak < one.limit - 1:
        yield _slots(one, one.peak + 1, one.queued, f"never more than {one.peak} of its {one.limit} slots were busy")


def of_cache(figures: CacheFigures) -> Iterator[Proposal]:
    """A size and a time to live by what was missed and why."""
    one = figures
    if one.asked < ENOUGH:
        return
    stale = one.rate("stale_rate")
    if stale > _STALE:
        # The misses become more by that: it is a matter of being right.
        why = f"{one.stale} of {one.hits} hits were out of date"
        yield _cache(one, "ttl", one.ttl, one.ttl / 2, stale / 2, why, metric="stale_rate")
    elif one.expired / one.asked > 0.1:
        why = f"{one.expired} misses were only too old"
        yield _cache(one, "ttl", one.ttl, 2 * one.ttl, one.rate("miss_rate") - one.expired / one.asked / 2, why)
    if one.ghosts / one.asked > 0.05:
        why = f"{one.ghosts} misses had been put out"
        yield _cache(one, "size", one.size, 2 * one.size, one.rate("miss_rate") - one.ghosts / one.asked / 2, why)
    elif one.entries < one.size / 4 and one.size >= 64 and not one.ghosts:
        why = f"only {one.entries} of {one.size} places are used"
        yield _cache(one, "size", one.size, max(32, 2 * one.entries), one.rate("miss_rate"), why)


def worst(proposals: Iterable[Proposal]) -> tuple[Proposal, ...]:
    """The same, what promises most first."""
    return tuple(sorted(proposals, key=lambda each: each.expected - each.measured))


def helped(proposal: Proposal, after: float) -> bool:
    """Whether a change did what it was for: its metric fell by a twentieth at least or, where it was to stay as it was,
    rose by no more.
    """
    if proposal.expected < proposal.measured:
        return after <= 0.95 * proposal.measured
    return after <= 1.05 * proposal.measured + 0.01


def _slots(one: CategoryFigures, after: int, expected: float, why: str) -> Proposal:
    return Proposal(
        kind="slots",
        subject=one.name,
        setting="limit",
        before=one.limit,
        after=after,
        metric="queued",
        measured=one.queued,
        expected=expected,
        why=why,
        safe=True,
    )


def _cache(
    one: CacheFigures, setting: str, before: float, after: float, expected: float, why: str, metric: str = "miss_rate"
) -> Proposal:
    return Proposal(
        kind="cache",
        subject=one.name,
        setting=setting,
        before=before,
        after=after,
        metric=metric,
        measured=one.rate(metric),
        expected=max(0.0, expected),
        why=why,
        safe=True,
    )

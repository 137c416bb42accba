"""The built-in module ``optimizer``."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from companion_async.clock import Clock, SystemClock
from companion_async.cognition.optimizer.cache import TunedCache
from companion_async.cognition.optimizer.proposal import Applied, Proposal
from companion_async.cognition.optimizer.rules import (
    ENOUGH,
    LOOKS,
    CategoryFigures,
    ModuleFigures,
    helped,
    of_cache,
    of_category,
    of_module,
    worst,
)
from companion_async.errors import InvalidArgumentError
from companion_async.modules.module import BaseModule

MODULE = "optimizer"
"""The name it is registered under."""

_SEEN = 360
_KEPT = 200
_LEFT_ALONE = 3600.0  # seconds for which what was found worse is not proposed again


class Seen(msgspec.Struct, frozen=True):
    """What one look at a category saw."""

    utilization: float
    active: int
    queued: int


class Optimizer(BaseModule):
    """Reads the brain's own figures and says what is slow, failing or wasted, and what would help.

    `look` is to be called every few seconds or so (``brain.every("optimizer", "look", period=10)``); the other handlers
    when one wants to know. What is safe can be applied and is taken back where it did not help. It needs no model.
    All handlers are short and on the loop, as the brain's figures are.
    """

    def __init__(self, *, clock: Clock | None = None) -> None:
        super().__init__()
        self._clock = clock if clock is not None else SystemClock()
        self._seen: dict[str, deque[Seen]] = {}
        self._caches: dict[str, TunedCache] = {}
        self._numbers = itertools.count(1)
        self._applied: dict[int, Applied] = {}

    async def watch(self, cache: TunedCache) -> None:
        """Tune a cache as well."""
        given: Any = cache
        if not isinstance(given, TunedCache):
            raise InvalidArgumentError(f"Only a TunedCache can be watched; a {type(given).__name__} is none.")
        if cache.name in self._caches and self._caches[cache.name] is not cache:
            raise InvalidArgumentError(f"Another cache is watched under the name {cache.name!r}.")
        self._caches[cache.name] = cache

    async def look(self) -> int:
        """Take note of how busy the categories are, and judge what was applied. How many changes were taken back."""
        for name, category in self.brain.status().categories.items():
            self._seen.setdefault(name, deque(maxlen=_SEEN)).append(
                Seen(category.utilization, category.active, category.queued)
            )
        return sum(self._judge(each) for each in list(self._applied.values()) if each.kept is None)

    async def profile(self) -> tuple[ModuleFigures, ...]:
        """The figures of every module, where most time goes first."""
        return tuple(sorted(self._modules(), key=lambda each: -each.total_seconds))

    async def propose(self) -> tuple[Proposal, ...]:
        """What would help, what promises most first. Nothing is said before 50 runs or six looks, nothing of what is
        being judged, and for an hour nothing that was found to be worse.
        """
        found = [proposal for module in self._modules() for proposal in of_module(module)]
        found += [proposal for category in self._categories() for proposal in of_category(category)]
        found += [proposal for cache in self._caches.values() for proposal in of_cache(cache.figures())]
        return worst(proposal for proposal in found if not self._tried(proposal))

    async def apply(self, proposal: Proposal | Mapping[str, Any]) -> Applied:
        """Apply a safe proposal. After six more looks, or 50 look-ups in a cache, `look` keeps it or takes it back."""
        try:
            proposal = msgspec.convert(proposal, Proposal)
        except (msgspec.ValidationError, UnicodeError) as error:
            raise InvalidArgumentError(f"Give one of those that propose() has: {error}") from error
        if not proposal.safe or proposal.kind not in ("slots", "cache"):
            raise InvalidArgumentError("Only safe proposals are applied; the others are for a person to decide.")
        if any(each.proposal.subject == proposal.subject and each.kept is None for each in self._applied.values()):
            raise InvalidArgumentError(f"A change of {proposal.subject!r} is being judged already; wait for that.")
        self._set(proposal, proposal.after)
        number = next(self._numbers)
        applied = Applied(number=number, proposal=proposal, at=self._clock.time())
        self._applied[number] = applied
        # One that is being judged stays: it may have to be taken back.
        judged = [each.number for each in self._applied.values() if each.kept is not None]
        for over in judged[: max(0, len(self._applied) - _KEPT)]:
            del self._applied[over]
        self.logger.info(
            "Applied: {} of {} is {} now: {}", proposal.setting, proposal.subject, proposal.after, proposal.why
        )
        return applied

    async def applied(self) -> tuple[Applied, ...]:
        """What was applied, the oldest first, and what came of it."""
        return tuple(self._applied.values())

    # -- inside ----------------------------------------------------------------------------------------------------

    def _judge(self, applied: Applied) -> bool:
        proposal = applied.proposal
        after = self._now(proposal)
        if after is None:
            return False
        kept = helped(proposal, after)
        if not kept:
            self._set(proposal, proposal.before)
            self.logger.info("Taken back: {} of {} did not help", proposal.setting, proposal.subject)
        self._applied[applied.number] = msgspec.structs.replace(applied, kept=kept, after=after)
        return not kept

    def _now(self, proposal: Proposal) -> float | None:
        """The metric since the change; None while too little is known. Caches and looks count anew with a change."""
        if proposal.kind == "cache":
            figures = self._cache(proposal).figures()
            return figures.rate(proposal.metric) if figures.asked >= ENOUGH else None
        seen = self._seen.get(proposal.subject, ())
        return _mean(each.queued for each in seen) if len(seen) >= LOOKS else None

    def _tried(self, proposal: Proposal) -> bool:
        """Whether the same is being judged, or was lately: taken back, or what was bettered by another."""
        since = self._clock.time() - _LEFT_ALONE
        for each in self._applied.values():
            was = each.proposal
            if (was.subject, was.setting) != (proposal.subject, proposal.setting):
                continue
            worse = was.before if each.kept else was.after
            if each.kept is None or (worse == proposal.after and each.at > since):
                return True
        return False

    def _set(self, proposal: Proposal, value: Any) -> None:
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if proposal.kind == "slots":
            self.brain.resize(proposal.subject, value)
            self._seen.pop(proposal.subject, None)
        elif proposal.setting == "size":
            self._cache(proposal).tune(size=value)
        else:
            self._cache(proposal).tune(ttl=value)

    def _cache(self, proposal: Proposal) -> TunedCache:
        if proposal.subject not in self._caches:
            raise InvalidArgumentError(f"No cache {proposal.subject!r} is watched.")
        return self._caches[proposal.subject]

    def _modules(self) -> list[ModuleFigures]:
        found = []
        for name in self.brain.status().module_threads:
            one = self.brain.module_status(name)
            found.append(
                ModuleFigures(
                    name=name,
                    category=one.category,
                    runs=one.runs,
                    success_rate=one.success_rate,
                    timed_out=one.tasks_timed_out,
                    run_p50=one.run_seconds.p50,
                    run_p99=one.run_seconds.p99,
                    wait_p95=one.wait_seconds.p95,
                    cpu_bound=one.cpu_bound,
                    offload=one.offload,
                    total_seconds=one.total_run_seconds,
                )
            )
        return found

    def _categories(self) -> list[CategoryFigures]:
        status = self.brain.status()
        room = status.max_threads - status.total_threads
        return [
            CategoryFigures(
                name=name,
                limit=category.max,
                looks=len(seen),
                utilization=_mean(each.utilization for each in seen),
                peak=max(each.active for each in seen),
                queued=_mean(each.queued for each in seen),
                scaled=status.auto_scaling,
                room=max(0, room),
            )
            for name, category in status.categories.items()
            if (seen := self._seen.get(name))
        ]


def _mean(values: Iterable[float]) -> float:
    known = list(values)
    return sum(known) / len(known)

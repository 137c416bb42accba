"""Pure: all rules together, with the memory they need from one pass to the next."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from companion_async.autonomy import healing, overload
from companion_async.autonomy.governor import Governor
from companion_async.autonomy.scaling import (
    CategoryLoad,
    grow_adaptive,
    grow_plain,
    is_measured,
    retire,
    shrink,
    take_back,
)
from companion_async.autonomy.settings import AutonomySettings
from companion_async.autonomy.situation import CategoryReading, Situation
from companion_async.autonomy.trend import CategoryTrend
from companion_async.autonomy.verdict import Verdict, settle


class Judgement:
    """Situations in, verdicts out: the same situations give the same verdicts, so a recording can be judged again.

    After a verdict has been carried out, `carried_out` says so; one that failed leaves no trace in the memory and
    comes again as long as its grounds stand.
    """

    def __init__(self, settings: AutonomySettings) -> None:
        self.settings = settings
        self.governor = Governor(settings)
        self.loads: dict[str, CategoryLoad] = {}
        self._trends: dict[str, CategoryTrend] = {}
        self._hopeless_since: dict[str, float] = {}
        self._raised_at: dict[str, float] = {}

    def consider(self, situation: Situation) -> list[Verdict]:
        """What this situation calls for, in the order in which it should be done: heal, slow down, size, shed."""
        self.governor.observe(situation)
        self._take_in(situation)
        found = healing.verdicts(situation, self.settings)
        found += self.governor.verdicts(situation)
        if self.settings.auto_scaling:
            found += self._sizes(situation)
        found += self._overload(situation)
        return settle(found)

    def carried_out(self, verdict: Verdict, now: float) -> None:
        """The verdict of the last `consider` was applied at ``now``."""
        if verdict.type == "adjust_priority":
            self._raised_at[verdict.context] = now
        trend = self._trends.get(verdict.context)
        if trend is None:
            return
        if verdict.type == "scale_up":
            trend.grew(now, self.loads[verdict.context], verdict.data["new"])
        elif verdict.rule == "scale.gain":
            trend.regretted(now)
        elif verdict.rule == "scale.shrink":
            trend.resized(now)

    def _take_in(self, situation: Situation) -> None:
        spare = situation.max_threads - situation.total_threads
        idle = sum(reading.idle for reading in situation.categories)
        names = {reading.name for reading in situation.categories}
        for memory in (self._trends, self.loads, self._hopeless_since, self._raised_at):
            for gone in memory.keys() - names:
                del memory[gone]
        for reading in situation.categories:
            trend = self._trends.setdefault(reading.name, CategoryTrend(self.settings))
            share = self.governor.category_share(situation, reading.name)
            # Idle threads elsewhere give way when the house is full, so their places count.
            room = max(0, spare + idle - reading.idle)
            self.loads[reading.name] = trend.load(situation, reading, room=room, cpu_share=share)

    def _sizes(self, situation: Situation) -> list[Verdict]:
        """Scaling of all categories; what one takes of the house the next cannot have, the longest wait first."""
        settings, found, taken = self.settings, list[Verdict](), 0
        grow = grow_plain if settings.scaling == "plain" else grow_adaptive
        for load in sorted(self.loads.values(), key=lambda load: (-load.oldest_wait, load.name)):
            back = self._regret(load, situation.now)
            if back is not None:
                found.append(back)
                continue
            fitted = msgspec.structs.replace(load, room=max(0, load.room - taken))
            up = grow(fitted, settings)
            if up is not None:
                found.append(up)
                taken += up.data["new"] - load.limit
            down = shrink(load, settings) or retire(load, settings)
            if down is not None:
                found.append(down)
        return found

    def _regret(self, load: CategoryLoad, now: float) -> Verdict | None:
        if self.settings.scaling == "plain":
            return None
        trend = self._trends[load.name]
        step = trend.gain(now)
        if step is None or not is_measured(step, self.settings):
            return None
        back = take_back(step, self.settings)
        if back is None:
            trend.kept()
        return back

    def _overload(self, situation: Situation) -> list[Verdict]:
        found = list[Verdict]()
        for reading in situation.categories:
            shed = self._shed(reading, situation)
            if shed is not None:
                found.append(shed)
            raised = overload.raise_waiting(reading, self.loads[reading.name], self.settings)
            since = situation.now - self._raised_at.get(reading.name, float("-inf"))
            if raised is not None and since >= self.settings.starved_after:
                found.append(raised)
        return found

    def _shed(self, reading: CategoryReading, situation: Situation) -> Verdict | None:
        if situation.memory_fraction is not None:
            verdict = overload.shed_memory(reading, situation.memory_fraction, self.settings)
            if verdict is not None:
                return verdict
        load = self.loads[reading.name]
        if not overload.is_hopeless(reading, load):
            self._hopeless_since.pop(reading.name, None)
            return None
        since = self._hopeless_since.setdefault(reading.name, situation.now)
        if situation.now - since < self.settings.shed_after:
            return None
        return overload.shed_late(reading, load, self.settings)


def judge_again(situations: Iterable[Situation], settings: AutonomySettings) -> Sequence[tuple[float, Verdict]]:
    """What these settings would have decided in recorded situations, with the moment of each.

    The record is of a runtime that followed other verdicts: past the first difference it shows what this judgement
    makes of the same readings, not what the readings would have become.
    """
    judgement, found = Judgement(settings), list[tuple[float, Verdict]]()
    for situation in situations:
        for verdict in judgement.consider(situation):
            judgement.carried_out(verdict, situation.now)
            found.append((situation.now, verdict))
    return found

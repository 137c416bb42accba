"""Pure: all rules together, with the memory they need from one pass to the next."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from companion_async.autonomy import healing, overload
from companion_async.autonomy.governor import Governor
from companion_async.autonomy.scaling import CategoryLoad, grow_plain, retire, shrink
from companion_async.autonomy.settings import AutonomySettings
from companion_async.autonomy.signals import Glance
from companion_async.autonomy.situation import CategoryReading, Situation
from companion_async.autonomy.sizes import Sizes
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
        self._sizes = Sizes(settings)
        self.loads: dict[str, CategoryLoad] = {}
        self._trends: dict[str, CategoryTrend] = {}
        self._hopeless_since: dict[str, float] = {}
        self._raised_at: dict[str, float] = {}

    def consider(self, situation: Situation) -> list[Verdict]:
        """What this situation calls for, in the order in which it should be done: heal, size, shed."""
        self._take_in(situation)
        found = healing.verdicts(situation, self.settings)
        if self.settings.auto_scaling:
            found += self._scaling(situation)
        found += self._overload(situation)
        return settle(found)

    def glance(self, glance: Glance) -> list[Verdict]:
        """What cannot wait for the next situation: the sizes of the categories under the adaptive rule."""
        if not self.settings.auto_scaling or self.settings.scaling != "adaptive":
            return []
        return self._sizes.verdicts(glance)

    def govern(self, use: Situation) -> list[Verdict]:
        """Of work that computes: how much of it may go on. Of the situation only modules and processor are read."""
        self.governor.observe(use)
        return self.governor.verdicts(use)

    def carried_out(self, verdict: Verdict, now: float) -> None:
        """The verdict of the last `consider` was applied at ``now``."""
        if verdict.type == "adjust_priority":
            self._raised_at[verdict.context] = now
        trend = self._trends.get(verdict.context)
        if trend is not None and (verdict.type == "scale_up" or verdict.rule == "scale.shrink"):
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
            # Idle threads elsewhere give way when the house is full, so their places count.
            room = max(0, spare + idle - reading.idle)
            self.loads[reading.name] = trend.load(situation, reading, room=room)

    def _scaling(self, situation: Situation) -> list[Verdict]:
        """Growth by the documents' rule where that is chosen, and decline; what one category takes of the house the
        next cannot have, the longest wait first.
        """
        settings, found, taken = self.settings, list[Verdict](), 0
        for load in sorted(self.loads.values(), key=lambda load: (-load.oldest_wait, load.name)):
            if settings.scaling == "plain":
                up = grow_plain(msgspec.structs.replace(load, room=max(0, load.room - taken)), settings)
                if up is not None:
                    found.append(up)
                    taken += up.data["new"] - load.limit
            down = shrink(load, settings) or retire(load, settings)
            if down is not None:
                found.append(down)
        return found

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


def judge_again(recorded: Iterable[Situation | Glance], settings: AutonomySettings) -> Sequence[tuple[float, Verdict]]:
    """What these settings would have decided in recorded situations and looks, in order, with the moment of each.

    The record is of a runtime that followed other verdicts: past the first difference it shows what this judgement
    makes of the same readings, not what the readings would have become.
    """
    judgement, found = Judgement(settings), list[tuple[float, Verdict]]()
    for one in recorded:
        for verdict in judgement.glance(one) if isinstance(one, Glance) else judgement.consider(one):
            judgement.carried_out(verdict, one.now)
            found.append((one.now, verdict))
    return found

"""The built-in module ``reflection``."""

from __future__ import annotations

import math
from typing import Any

import msgspec

from companion_async.cognition.mind import Mind, MindModule
from companion_async.cognition.reflection.insights import Experience, Insight, insights
from companion_async.cognition.settled import Settled
from companion_async.memory.agent_memory import Consolidated
from companion_async.memory.episodic import MemoryEvent
from companion_async.memory.long_term import Fact, Recollection
from companion_async.security import check_count

MODULE = "reflection"
"""The name it is registered under."""

TYPE = "insight"
"""The type that insights have in long-term memory."""

THRESHOLD = 15.0
"""Importance that must have come together since the last reflection: 150 of 10 in Park et al. 2023, of 1 here."""

_MOST_NEW = 1_000
_MOST_OLD = 200
_MOST_KNOWN = 200
_TOLD = 10  # insights of one reflection
_GROWN = 1.5
_MICROSECONDS = 1_000_000


class Reflected(msgspec.Struct, frozen=True):
    """``accumulated``: the importance of what has come since the last reflection; ``due`` whether that was enough.
    ``insights`` are those that were new, by their ids in long-term memory.
    """

    due: bool
    accumulated: float
    insights: dict[int, Insight]


class Reflection(MindModule):
    """Draws insights from what was lived through, once enough of importance has come together; uses no model.

    To be run now and then in the background (``brain.every("reflection", period=10)``): a run that is not due reads
    the new memories and does nothing else. How far it has come stands in the agent's state, ``reflection``.
    """

    def __init__(self, mind: Mind | None = None, *, threshold: float = THRESHOLD) -> None:
        super().__init__(mind)
        self._threshold = threshold
        self._settled: Settled[Reflected] = Settled()

    def run(self) -> Reflected:
        """Reflect if it is due."""
        memory = self.mind.memory
        done = self.brain.state.stamps(self.mind.root, "reflection")
        stamps = (*done, memory.episodic.latest, memory.long_term.newest())
        found = self._settled.get(stamps, self.mind.clock.time())
        if found is None:
            found = self._reflect(self._threshold)
            self._settled.put(found, stamps, math.inf)
        return found

    def reflect(self) -> Reflected:
        """Reflect now, on whatever has come."""
        return self._reflect(0.0)

    def consolidate(self) -> Consolidated | None:
        """Move what matters into long-term memory, and forget there what is not to be kept; None while nothing was
        remembered yet. To be run every minute or so.
        """
        return self.mind.consolidate()

    def evidence(self, insight: int) -> tuple[Recollection | MemoryEvent, ...]:
        """The memories that an insight rests on, by its id; those that are forgotten are missing."""
        kept = self.mind.memory.long_term.get(check_count(insight, "insight", maximum=2**63 - 1))
        if kept is None:
            return ()
        recent = {_id(event): event for event in self._events()}
        found = (
            recent.get(number) or self.mind.memory.long_term.get(number) for number in kept.context.get("evidence", ())
        )
        return tuple(each for each in found if each is not None)

    def _reflect(self, threshold: float) -> Reflected:
        memory = self.mind.memory.long_term
        kept = self._get("reflection") or self._told_before()
        new = self._since(kept["after"])
        accumulated = sum(each.importance for each in new)
        if not new or accumulated < threshold:
            return Reflected(False, accumulated, {})
        # What was reflected on before shows it as well, whether it lasts already or not.
        old: list[MemoryEvent | Recollection] = [
            *memory.recall("", _MOST_OLD, purpose="reflection", touch=False),
            *self._events()[:_MOST_OLD],
        ]
        # One that was forgotten meanwhile may come to mind again.
        known = {text: (times, number) for text, times, number in kept["known"] if memory.get(number) is not None}
        told = [
            insight
            for insight in insights(_once([*new, *(_experience(each) for each in old if each.type != TYPE)]))
            if len(insight.evidence) >= _GROWN * known.get(insight.text, (0, 0))[0]
        ][:_TOLD]
        with memory.file.transaction():
            memory.forget(known.pop(insight.text)[1] for insight in told if insight.text in known)
            ids = memory.remember_all(
                Fact(
                    content=insight.text,
                    type=TYPE,
                    importance=insight.confidence,
                    participants=insight.about if insight.kind == "feeling" else (),
                    context={"evidence": list(insight.evidence), "kind": insight.kind},
                    at=self.mind.clock.time(),
                )
                for insight in told
            )
        known |= {each.text: (len(each.evidence), number) for each, number in zip(told, ids, strict=True)}
        latest = [[text, *rest] for text, rest in known.items()][-_MOST_KNOWN:]
        self._set("reflection", {"after": max(each.id for each in new), "known": latest})
        return Reflected(True, accumulated, dict(zip(ids, told, strict=True)))

    def _told_before(self) -> dict[str, Any]:
        """How far it has come by the insights that an earlier run has left, the latest last."""
        left = self.mind.memory.long_term.recall("", _MOST_KNOWN, purpose="recency", type=TYPE, touch=False)[::-1]
        known = [[each.content, len(each.context.get("evidence", ())), each.event_id] for each in left]
        return {"after": left[-1].event_id if left else 0, "known": known}

    def _since(self, after: int) -> list[Experience]:
        """What has happened since, the oldest first. What waits beyond the first thousand comes the next time."""
        lasting = self.mind.memory.long_term.all(after, _MOST_NEW)
        until = lasting[-1].event_id if len(lasting) == _MOST_NEW else None
        recent = [event for event in self._events() if after < _id(event) and (until is None or _id(event) <= until)]
        both: list[MemoryEvent | Recollection] = [*lasting, *recent]
        return _once([_experience(each) for each in both if each.type != TYPE])

    def _events(self) -> list[MemoryEvent]:
        return self.mind.memory.episodic.get_events()


def _id(event: MemoryEvent) -> int:
    """What it will be called in long-term memory: the microsecond at which it was."""
    return round(event.timestamp.timestamp() * _MICROSECONDS)


def _experience(memory: MemoryEvent | Recollection) -> Experience:
    return Experience(
        memory.event_id if isinstance(memory, Recollection) else _id(memory),
        memory.content,
        memory.type,
        memory.importance,
        tuple(sorted(memory.participants)),
        memory.location,
        memory.valence,
    )


def _once(experiences: list[Experience]) -> list[Experience]:
    """What lasts may still be part of an episode that is held: it counts once, as the fuller."""
    fuller = sorted(experiences, key=lambda each: (-len(each.participants), each.location is None))
    once: dict[tuple[str, int], Experience] = {}
    for each in fuller:
        once.setdefault((each.content, each.id // _MICROSECONDS), each)
    return sorted(once.values(), key=lambda each: each.id)

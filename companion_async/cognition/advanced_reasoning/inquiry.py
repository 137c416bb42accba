"""A question that takes several searches, answered part by part."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

import msgspec

from companion_async.cognition.advanced_reasoning.comparison import Comparison, Measured, comparison, verdict
from companion_async.cognition.advanced_reasoning.decomposition import decompositions, in_a_row
from companion_async.cognition.advanced_reasoning.hops import Lead, Trail
from companion_async.cognition.model_router.prompt import Passage
from companion_async.cognition.reference import resolved

_DEEPEST = 2
_MOST_SEARCHES = 24
_FOLLOWED = 3
_TRIED = 2  # names, of those that may answer a part

Search = Callable[[str], Awaitable[list[Passage]]]
Begin = Callable[[str, Sequence[Passage]], Awaitable[tuple[Trail | None, list[Lead]]]]
Follow = Callable[[str, Lead, Sequence[Passage]], Awaitable[Trail | None]]
Measure = Callable[[Comparison, str, Sequence[Passage]], Awaitable[Measured | None]]


class Found(msgspec.Struct, frozen=True):
    """What answers: what is ``quoted`` of which passages, in order, the ``names`` in it that the question has not, by
    way of whom it was found, and a ``verdict`` where things were compared.
    """

    quoted: tuple[tuple[Passage, str], ...]
    names: tuple[str, ...] = ()
    by_way_of: tuple[str, ...] = ()
    support: float = 1.0
    verdict: str = ""


class Inquiry:
    """One question, with what it may do; at most 24 searches. Loop only.

    A part that nothing answers leaves the whole unanswered: half of what was asked is no answer.
    """

    def __init__(self, search: Search, begin: Begin, follow: Follow, measure: Measure, hops: int) -> None:
        self._search, self._begin, self._follow, self._measure = search, begin, follow, measure
        self._leads = hops * _FOLLOWED
        self._left = _MOST_SEARCHES
        self._known: dict[str, Found | None] = {}
        self.settled = False
        """Whether a part of the question was answered and another was not, or things could not be compared."""

    async def answer(self, question: str, depth: int = 0) -> Found | None:
        """What answers ``question``; None where nothing does."""
        if question not in self._known:
            self._known[question] = await self._answered(question, depth)
        return self._known[question]

    async def _answered(self, question: str, depth: int) -> Found | None:
        compared = comparison(question)
        if compared is not None:
            self.settled = True
            return await self._compared(compared)
        passages = await self._searched(question)
        trail, leads = await self._begin(question, passages)
        direct = _found(trail, passages, ())
        if direct is not None and direct.support == 1.0:
            return direct
        row = in_a_row(question)
        if row is not None:
            both = await self._in_a_row(*row, depth)
            if both is not None:
                return both
        elif depth < _DEEPEST:
            chained = await self._chained(question, depth)
            if chained is not None:
                return chained
        return direct if depth or self.settled else await self._followed(question, passages, leads, direct)

    async def _in_a_row(self, first: str, second: str, depth: int) -> Found | None:
        one = await self.answer(first, depth)
        if one is None:
            return None
        spelt = resolved(second, first, (*one.by_way_of, *one.names)) or second
        other = await self.answer(f"{spelt[:1].upper()}{spelt[1:]}", depth)
        return None if other is None else _joined(one, other, other.names)

    async def _chained(self, question: str, depth: int) -> Found | None:
        """The innermost description first: who that is, and then what is asked of that one."""
        for parts in decompositions(question):
            inner = await self.answer(parts.inner, depth + 1)
            for name in inner.names[:_TRIED] if inner is not None else ():
                outer = await self.answer(parts.about(name), depth + 1)
                self.settled = self.settled or depth == 0
                if inner is not None and outer is not None:
                    return msgspec.structs.replace(
                        _joined(inner, outer, outer.names), by_way_of=(name, *outer.by_way_of)
                    )
        return None

    async def _compared(self, compared: Comparison) -> Found | None:
        measured: list[Measured] = []
        quoted: list[tuple[Passage, str]] = []
        for thing in compared.things:
            passages = await self._searched(compared.query(thing))
            found = await self._measure(compared, thing, passages)
            if found is None:
                return None
            measured.append(found)
            quoted.append((passages[found.passage], found.text))
        told = verdict(compared, measured)
        return None if told is None else Found(tuple(dict.fromkeys(quoted)), verdict=told)

    async def _followed(
        self, question: str, passages: Sequence[Passage], leads: Sequence[Lead], best: Found | None
    ) -> Found | None:
        """The names in what has a part of it, to what tells of them the rest, if that is better than the ``best``."""
        for lead in leads[: self._leads]:
            further = await self._searched(lead.query)
            found = _found(await self._follow(question, lead, further), passages, further)
            if found is not None and (best is None or found.support > best.support):
                best = found
                if found.support == 1.0:
                    break
        return best

    async def _searched(self, query: str) -> list[Passage]:
        if self._left <= 0:
            return []
        self._left -= 1
        return await self._search(query)


def _found(trail: Trail | None, passages: Sequence[Passage], further: Sequence[Passage]) -> Found | None:
    if trail is None:
        return None
    quoted = [(passages[trail.first.passage], trail.first.text)]
    if trail.second is not None:
        quoted.append((further[trail.second.passage], trail.second.text))
    return Found(tuple(quoted), trail.names, (trail.name,) if trail.name else (), trail.support)


def _joined(one: Found, other: Found, names: tuple[str, ...]) -> Found:
    quoted = tuple(dict.fromkeys((*one.quoted, *other.quoted)))
    return Found(quoted, names, (*one.by_way_of, *one.names[:1]), min(one.support, other.support))

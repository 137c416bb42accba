"""Pure: the little of the agent's state that decisions are made of (the bottleneck of arXiv 2411.00114)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from companion_async.cognition.controller.social import Relation

LIMIT = 1_024
"""Bytes of JSON that a digest has at most."""

MOST_OTHERS, MOST_NEEDS = 3, 3

_NAME, _TEXT, _SAID = 40, 80, 120  # bytes


class Other(msgspec.Struct, frozen=True):
    """Somebody who is there; ``liking`` from -1 to 1."""

    name: str
    liking: float
    greeted: bool


class Digest(msgspec.Struct, frozen=True, omit_defaults=True):
    """All that the controller sees: who spoke last and what, unanswered (40 and 120 bytes); the next step of the plan
    with its goal (80 each) and urgency; what was not as expected (80); of those who are there the three best liked; the
    three strongest needs (names of 40). In all at most `LIMIT` bytes of JSON: what is too much is left out, needs
    first, then others.
    """

    spoke: str = ""
    said: str = ""
    step: str = ""
    goal: str = ""
    urgency: float = 0.0
    surprise: str = ""
    others: tuple[Other, ...] = ()
    needs: tuple[tuple[str, float], ...] = ()

    @property
    def size(self) -> int:
        """In bytes of JSON."""
        return len(msgspec.json.encode(self))


def squeeze(
    *,
    heard: Mapping[str, Any] | None,
    step: str,
    goal: str,
    urgency: float,
    surprise: str,
    others: Iterable[str],
    relations: Mapping[str, Relation],
    needs: Mapping[str, float],
) -> Digest:
    """The digest of so much state. Others whose names are too long to be told whole are left out."""
    known = [(name, relations.get(name, Relation())) for name in others if _cut(name, _NAME) == name]
    known.sort(key=lambda pair: (-pair[1].liking, pair[0]))
    strongest = sorted(needs.items(), key=lambda pair: (-pair[1], pair[0]))[:MOST_NEEDS]
    found = Digest(
        spoke=_cut(heard["by"], _NAME) if heard else "",
        said=_cut(heard["text"], _SAID) if heard else "",
        step=_cut(step, _TEXT),
        goal=_cut(goal, _TEXT),
        urgency=round(urgency, 3),
        surprise=_cut(surprise, _TEXT),
        others=tuple(
            Other(name, round(relation.liking, 3), relation.greeted) for name, relation in known[:MOST_OTHERS]
        ),
        needs=tuple((_cut(name, _NAME), round(strength, 3)) for name, strength in strongest),
    )
    for field in ("needs", "others"):
        while found.size > LIMIT and getattr(found, field):
            found = msgspec.structs.replace(found, **{field: getattr(found, field)[:-1]})
    return found  # the texts alone fit, of whatever letters: JSON at most doubles what is printable


def _cut(text: str, most: int) -> str:
    """Printable, and at most so many bytes of UTF-8."""
    plain = "".join(letter if letter.isprintable() else " " for letter in text[:most])
    return plain.encode("utf-8", "replace")[:most].decode("utf-8", "ignore")

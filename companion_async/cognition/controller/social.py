"""Pure: what an agent makes of others (social awareness)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

MOST = 200
"""Of so many others an agent keeps a relation."""

_NEARER = 0.01
_FELT = 0.2


class Relation(msgspec.Struct, frozen=True):
    """``familiarity`` from 0 to 1 grows by being near; ``liking`` from -1 to 1 follows how it felt; ``greeted`` while
    the other is there.
    """

    familiarity: float = 0.0
    liking: float = 0.0
    greeted: bool = False


def met(relation: Relation) -> Relation:
    """After a moment with the other."""
    return msgspec.structs.replace(relation, familiarity=min(1.0, relation.familiarity + _NEARER))


def felt(relation: Relation, valence: float) -> Relation:
    """After something that felt so, from -1 (bad) to 1: a fifth of the way there."""
    return msgspec.structs.replace(relation, liking=relation.liking + _FELT * (valence - relation.liking))


def parted(relation: Relation) -> Relation:
    """The other has gone: whoever comes again is greeted again."""
    return msgspec.structs.replace(relation, greeted=False)


def greeted(relations: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The relations as they stand in the state, once that one was greeted."""
    relation = msgspec.convert(relations.get(name, {}), Relation)
    return {**relations, name: msgspec.to_builtins(msgspec.structs.replace(relation, greeted=True))}


def kept(relations: Mapping[str, Relation]) -> dict[str, Relation]:
    """The `MOST` that are most familiar."""
    if len(relations) <= MOST:
        return dict(relations)
    return dict(sorted(relations.items(), key=lambda pair: -pair[1].familiarity)[:MOST])

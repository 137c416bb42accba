"""Histories of transactions on lists, and what in them could not have happened one after the other.

Every write appends an element that nobody else appends, so the final lists tell the order of the writes, and what a
transaction read tells which of them it has seen (list-append, as Jepsen's Elle does it). From these alone, and from
when each began and ended, follows the direct serialisation graph; a circle in it is an anomaly.
"""

from __future__ import annotations

import graphlib
import itertools
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Txn:
    """``ops`` are ``("read", key, elements)`` and ``("append", key, element)``; times are any that can be compared."""

    name: str
    ops: list[tuple[str, str, Any]] = field(default_factory=list)
    began: float = 0
    ended: float = 0
    committed: bool = False


def anomalies(history: list[Txn], final: dict[str, list[int]]) -> list[str]:
    """What is wrong with the history, in words; nothing if it is strictly serialisable."""
    committed = [txn for txn in history if txn.committed]
    writer = {op[2]: txn for txn in history for op in txn.ops if op[0] == "append"}
    place = {element: (key, n) for key, elements in final.items() for n, element in enumerate(elements)}
    found = [f"{e} of {writer[e].name}, which never committed, is there" for e in place if not writer[e].committed]
    found += [
        f"{op[2]} of {t.name} is gone" for t in committed for op in t.ops if op[0] == "append" and op[2] not in place
    ]
    edges: dict[str, set[str]] = defaultdict(set)

    def edge(first: Txn, then: Txn) -> None:
        if first is not then:
            edges[then.name].add(first.name)

    for elements in final.values():
        for first, then in itertools.pairwise(elements):
            edge(writer[first], writer[then])
    for txn in committed:
        own: dict[str, list[object]] = defaultdict(list)
        for kind, key, what in txn.ops:
            if kind == "append":
                own[key].append(what)
                continue
            seen = list(what)
            mine = own[key]
            if seen[len(seen) - len(mine) :] != mine:
                found.append(f"{txn.name} does not see its own {mine} in {key}: {seen}")
                continue
            seen = seen[: len(seen) - len(mine)]
            order = final.get(key, [])
            if seen != order[: len(seen)]:
                found.append(f"{txn.name} read {seen} of {key}, which was never so: {order}")
                continue
            if seen:
                last = writer[seen[-1]]
                if [op[2] for op in last.ops if op[:2] == ("append", key)][-1] != seen[-1]:
                    found.append(f"{txn.name} read {key} in the middle of {last.name}")
                edge(last, txn)
            following = [each for each in order[len(seen) :] if writer[each] is not txn]
            if following:
                edge(txn, writer[following[0]])
    for before, after in itertools.product(committed, committed):
        if before.ended < after.began:
            edge(before, after)
    try:
        graphlib.TopologicalSorter(edges).prepare()
    except graphlib.CycleError as error:
        found.append(f"each before the next: {' -> '.join(error.args[1])}")
    return found

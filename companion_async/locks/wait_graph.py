"""Everything that waits, in one graph: for locks, for their place in a line, for tasks."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Hashable, Iterable
from itertools import pairwise
from typing import Protocol

from companion_async.errors import DeadlockError
from companion_async.locks.cycle import path_to
from companion_async.locks.lock_edges import LockEdges
from companion_async.locks.request import ResourceLock
from companion_async.locks.rwlock import ReadWriteLock

_MOST_ORDERS = 64
"""How many orders of lines are tried to break a cycle before its victim is named."""


class Waits(Protocol):
    """Waits of another kind than for locks, such as of tasks for tasks."""

    def ahead(self, node: Hashable) -> Iterable[Hashable]:
        """Whom the node waits for. Asked when a wait begins, never stored."""

    def label(self, node: Hashable) -> str | None:
        """The node in words; None if it is none of theirs."""

    def edges(self) -> Iterable[tuple[Hashable, Hashable]]:
        """All of them at this moment, for a picture."""


class WaitGraph:
    """One for each brain. A wait begins under ``mutex``: it is entered, `close` looks whether it can ever end, and it
    is taken out again if it cannot. So of two waits that close a cycle together, one comes second and is the victim,
    always the newest: it is the one that has not begun to wait, so only its own caller needs to be told, and all the
    others go on. Priorities do not choose the victim.
    """

    def __init__(self) -> None:
        self.mutex = threading.Lock()
        self.waiting: dict[Hashable, dict[ResourceLock, None]] = {}
        self.others: list[Waits] = []
        self.wanted: list[Callable[[Hashable], bool]] = []
        self.on_deadlock: Callable[[tuple[str, ...], str], None] = _ignore

    def settle(self, waiter: Hashable) -> tuple[list[Hashable], list[ResourceLock]]:
        """Look whether the waits of ``waiter`` can ever end: the cycle if they cannot, and those to be woken whose
        locks were granted because requests were moved ahead in their lines. Under the mutex.
        """
        # No cycle leads through a node that nobody waits for: most waits begin and end with this look.
        for wanted in self.wanted:
            if wanted(waiter):
                break
        else:
            return [], []
        cycle = _cycle(waiter, self._ahead(LockEdges(self.waiting)))
        if not cycle:
            return [], []
        order, woken = self._untangle(waiter, cycle), list[ResourceLock]()
        for request in reversed(order):
            request.lock.line.move_ahead(request)
        for request in order:
            request.ledger.advance(request.lock, woken)
        return [] if order else cycle, woken

    def reached(self, node: Hashable) -> list[Hashable]:
        """All that the node waits for, directly or not, itself first."""
        with self.mutex:
            ahead = self._ahead(LockEdges(self.waiting))
            found = {node: None}
            line = [node]
            for step in line:
                for other in ahead(step):
                    if other not in found:
                        found[other] = None
                        line.append(other)
            return line

    def joins(self) -> list[tuple[Hashable, Hashable]]:
        """All waits that are not for locks. Under the mutex."""
        return [edge for other in self.others for edge in other.edges()]

    def refuse(self, cycle: list[Hashable]) -> DeadlockError:
        """The error for the first of the cycle, which is its victim; others are told of it too."""
        words = tuple(self.label(node) for node in cycle if not isinstance(node, ReadWriteLock))
        self.on_deadlock(words, words[0])
        return DeadlockError(words)

    def label(self, node: Hashable) -> str:
        """The node in words."""
        for other in self.others:
            text = other.label(node)
            if text is not None:
                return text
        if isinstance(node, asyncio.Task):
            return f"coroutine {node.get_name()}"
        if isinstance(node, threading.Thread):
            return f"thread {node.name}"
        return f"{node.mode} on {node.lock.name!r}" if isinstance(node, ResourceLock) else str(node)

    def _ahead(self, edges: LockEdges) -> Callable[[Hashable], Iterable[Hashable]]:
        others = [other.ahead for other in self.others]

        def ahead(node: Hashable) -> Iterable[Hashable]:
            found = edges.ahead(node)
            for other in others:
                found += other(node)
            return found

        return ahead

    def _untangle(self, waiter: Hashable, cycle: list[Hashable]) -> tuple[ResourceLock, ...]:
        """Requests that, moved ahead in their lines, let everybody go on; none if that cannot be: after PostgreSQL,
        where a cycle that only the order of a queue makes is no deadlock, and another order is tried first.
        """
        tries: list[tuple[tuple[ResourceLock, ...], list[Hashable]]] = [((), cycle)]
        left = _MOST_ORDERS
        while tries:
            moved, found = tries.pop()
            for request in _soft_in(found):
                left -= 1
                if left < 0:
                    return ()
                order = (request, *(one for one in moved if one is not request))
                ahead = self._ahead(LockEdges(self.waiting, order))
                # Who is passed now waits for those moved: any new cycle leads through one of these.
                cycles = (_cycle(node, ahead) for node in dict.fromkeys((waiter, *(one.owner for one in order))))
                rest = next((one for one in cycles if one), None)
                if rest is None:
                    return order
                tries.append((order, rest))
        return ()


def _soft_in(cycle: list[Hashable]) -> list[ResourceLock]:
    """The requests that go on in the cycle by a soft edge."""
    return [
        step
        for step, following in pairwise(cycle)
        if isinstance(step, ResourceLock) and following is not step.lock and following != step.lock.writer
    ]


def _cycle(node: Hashable, ahead: Callable[[Hashable], Iterable[Hashable]]) -> list[Hashable]:
    return path_to(node, ahead(node), ahead)


def _ignore(cycle: tuple[str, ...], victim: str) -> None:
    return None

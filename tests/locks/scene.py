"""Owners that the test plays itself, one step at a time, and an oracle that thinks about them in the simplest way."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from typing import Any

from companion_async.errors import DeadlockError
from companion_async.locks.coordinator import ResourceCoordinator
from companion_async.locks.ledger import Ledger
from companion_async.locks.mode import AccessMode
from companion_async.locks.request import Phase, ResourceLock
from companion_async.locks.rwlock import ReadWriteLock
from companion_async.locks.settings import LockSettings
from companion_async.locks.wait_graph import WaitGraph
from companion_async.locks.work import PlainWork

READ, WRITE, EXCLUSIVE = AccessMode.READ, AccessMode.WRITE, AccessMode.EXCLUSIVE
SPAN = 10.0


class StillClock:
    """Time that stands where it was put."""

    now = 0.0

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return self.now

    def call_later(self, delay: float, callback: Any) -> Any:
        raise AssertionError("nobody sleeps here")

    async def sleep(self, delay: float) -> None:
        raise AssertionError("nobody sleeps here")


class Hands(PlainWork):
    """Owners are names, and the test says which of them calls."""

    name = ""

    def caller(self) -> Any:
        return self.name, None

    def watch(self, owner: Any, ended: Any) -> None:
        pass


class Joins:
    """Waits of owners for owners."""

    def __init__(self) -> None:
        self.edges_of: dict[Any, tuple[Any, ...]] = {}

    def ahead(self, node: Any) -> Any:
        return self.edges_of.get(node, ())

    def label(self, node: Any) -> str | None:
        return node if isinstance(node, str) else None

    def edges(self) -> Iterable[tuple[Any, Any]]:
        return [(waiter, other) for waiter, others in self.edges_of.items() for other in others]


class Scene:
    """A coordinator whose owners stand still wherever they wait."""

    def __init__(self, locks: int = 1, **settings: Any) -> None:
        self.clock = StillClock()
        self.hands = Hands(self.clock)
        self.graph = WaitGraph()
        self.joins = Joins()
        self.graph.others.append(self.joins)
        self.graph.wanted.append(lambda node: True)
        self.victims: list[tuple[str, ...]] = []
        self.graph.on_deadlock = lambda cycle, victim: self.victims.append(cycle)
        settings = {"ageing_span": SPAN, **settings}
        self.coordinator = ResourceCoordinator(
            LockSettings(**settings), clock=self.clock, work=self.hands, graph=self.graph
        )
        self.names = [f"r{number}" for number in range(locks)]
        for name in self.names:
            self.coordinator.register_resource(name, object(), "computation")

    @property
    def ledger(self) -> Ledger:
        return self.coordinator._ledger

    def lock(self, name: str = "r0") -> ReadWriteLock:
        return self.coordinator._locks[name]

    def ask(self, who: str, name: str = "r0", mode: AccessMode = WRITE, **options: Any) -> ResourceLock:
        """Let ``who`` ask; it holds, or stands in line, or an error says why not."""
        request = self.coordinator.acquire_context(name, mode, who, **{"timeout": None, **options})
        self.hands.name = who
        self.ledger.ask(request, on_loop=False)
        return request

    def join(self, who: str, *others: str) -> None:
        """Let ``who`` wait for others; `DeadlockError` if that would never end."""
        self.joins.edges_of[who] = others
        with self.graph.mutex:
            cycle, _ = self.graph.settle(who)
        if cycle:
            del self.joins.edges_of[who]
            raise self.graph.refuse(cycle)

    def waiting(self) -> list[ResourceLock]:
        return [request for requests in self.graph.waiting.values() for request in requests]

    def waits(self, who: str) -> bool:
        return who in self.graph.waiting or who in self.joins.edges_of

    def finish(self, who: str) -> None:
        """``who`` has done all it wanted."""
        for request in [one for one in self.ledger.owners.get(who, {}) if one.phase is Phase.HELD]:
            self.ledger.let_go(request)
        for waiter, others in list(self.joins.edges_of.items()):
            left = tuple(other for other in others if other != who)
            if left:
                self.joins.edges_of[waiter] = left
            else:
                del self.joins.edges_of[waiter]

    def consistent(self) -> None:
        """What holds at every moment (L1 to L4)."""
        held = waiting = 0
        for name in self.names:
            lock = self.lock(name)
            writers = {request.owner for request in lock.held if request.mode is not READ}
            readers = {request.owner for request in lock.held if request.mode is READ}
            assert len(writers) <= 1
            assert not writers or readers <= writers
            assert {lock.writer} - {None} == writers
            assert set(lock.readers) == readers
            assert lock.depth == sum(request.mode is not READ for request in lock.held)
            assert all(request.phase is Phase.HELD for request in lock.held)
            assert all(request.phase is Phase.WAITING for request in lock.line)
            assert lock.held or not lock.line.size
            assert lock.line.size == len(list(lock.line))
            tally = lock.tally
            assert min(tally.acquisitions, tally.contention, tally.timeouts, tally.cancelled, tally.refused) >= 0
            held += len(lock.held)
            waiting += lock.line.size
        assert self.ledger.open == held + waiting
        assert held == sum(len(mine) for mine in self.ledger.owners.values())
        assert waiting == len(self.waiting())


class Oracle:
    """The same situation as plain lists, with every wait spelt out: quadratic, recursive, easy to believe."""

    def __init__(self, scene: Scene) -> None:
        self.held = {name: [(one.owner, one.mode) for one in scene.lock(name).held] for name in scene.names}
        self.lines = {name: [(one.owner, one.mode) for one in scene.lock(name).line] for name in scene.names}
        self.joins = dict(scene.joins.edges_of)

    def stuck(self) -> set[Any]:
        """Those who can never go on."""
        waits: dict[Any, list[Any]] = {}
        for name, line in self.lines.items():
            for place, (who, mode) in enumerate(line):
                before = [*self.held[name], *line[:place]]
                against = [other for other, its in before if not (its is READ and mode is READ) and other != who]
                waits.setdefault(who, []).extend(against)
        for who, others in self.joins.items():
            waits.setdefault(who, []).extend(others)
        stuck = {*waits}
        while True:
            going = {node for node in stuck if not any(other in stuck for other in waits[node])}
            if not going:
                return stuck
            stuck -= going

    def add(self, who: str, name: str, mode: AccessMode) -> None:
        """Let ``who`` stand at the end of a line."""
        self.lines[name].append((who, mode))

    def grant(self) -> None:
        """Let the first of each line in, as long as that is possible."""
        for name, line in self.lines.items():
            while line and all(its is READ and line[0][1] is READ for _, its in self.held[name]):
                self.held[name].append(line.pop(0))

    def orders(self) -> Iterator[Oracle]:
        """The situation in every order that its lines can have."""
        names = [name for name, line in self.lines.items() if line]
        for orders in itertools.product(*(itertools.permutations(self.lines[name]) for name in names)):
            other = object.__new__(Oracle)
            other.held = {name: list(held) for name, held in self.held.items()}
            other.lines = {**self.lines, **{name: list(order) for name, order in zip(names, orders, strict=True)}}
            other.joins = self.joins
            other.grant()
            yield other


def step(scene: Scene, who: str, name: str, mode: AccessMode) -> bool:
    """Let ``who`` ask, and hold the outcome against the oracle; whether it became a victim (L6, L7)."""
    assert not Oracle(scene).stuck()
    oracle = Oracle(scene)
    try:
        scene.ask(who, name, mode)
    except DeadlockError as error:
        oracle.add(who, name, mode)
        _is_right(oracle, who, error)
        return True
    assert not Oracle(scene).stuck()
    return False


def step_join(scene: Scene, who: str, *others: str) -> bool:
    """The same for a wait for others."""
    oracle = Oracle(scene)
    try:
        scene.join(who, *others)
    except DeadlockError as error:
        oracle.joins[who] = others
        _is_right(oracle, who, error)
        return True
    assert not Oracle(scene).stuck()
    return False


def _is_right(oracle: Oracle, who: str, error: DeadlockError) -> None:
    assert error.cycle[0] == error.cycle[-1] == who
    assert who in oracle.stuck()
    assert all(order.stuck() for order in oracle.orders())

"""Serialisability: histories of concurrent transactions, with the circles that there must not be."""

from __future__ import annotations

import itertools
import random
import sys
import threading

import pytest

from companion_async import ConflictError, StateCoordinator
from tests.state.histories import Txn, anomalies

KEYS = ("g.a", "g.b", "h.c")


def txn(name, *ops, began=0.0, ended=9.0, committed=True):
    return Txn(name, list(ops), began, ended, committed)


@pytest.mark.parametrize(
    ("history", "final", "expected"),
    [
        ([txn("t1", ("read", "k", []), ("append", "k", 1)), txn("t2", ("read", "k", [1]))], {"k": [1]}, ""),
        (
            [
                txn("t1", ("read", "k", []), ("append", "k", 1)),
                txn("t2", ("read", "k", []), ("append", "k", 2)),
            ],
            {"k": [1, 2]},
            "each before the next",
        ),
        (
            [
                txn("t1", ("read", "x", []), ("read", "y", []), ("append", "x", 1)),
                txn("t2", ("read", "x", []), ("read", "y", []), ("append", "y", 2)),
            ],
            {"x": [1], "y": [2]},
            "each before the next",
        ),
        (
            [
                txn("t1", ("append", "x", 1), ("append", "y", 2)),
                txn("t2", ("read", "x", [1]), ("read", "y", [])),
            ],
            {"x": [1], "y": [2]},
            "each before the next",
        ),
        (
            [txn("t1", ("append", "k", 1), committed=False), txn("t2", ("read", "k", [1]))],
            {"k": [1]},
            "never committed",
        ),
        ([txn("t1", ("append", "k", 1))], {"k": []}, "is gone"),
        (
            [txn("t1", ("append", "k", 1), ("append", "k", 2)), txn("t2", ("read", "k", [1]))],
            {"k": [1, 2]},
            "in the middle",
        ),
        ([txn("t1", ("append", "k", 1), ("read", "k", []))], {"k": [1]}, "its own"),
        (
            [
                txn("t1", ("append", "k", 1)),
                txn("t2", ("read", "k", [7])),
                txn("t3", ("append", "k", 7), committed=False),
            ],
            {"k": [1]},
            "never so",
        ),
        (
            [txn("t1", ("append", "k", 1), ended=1.0), txn("t2", ("read", "k", []), began=2.0)],
            {"k": [1]},
            "each before the next",
        ),
    ],
    ids=[
        "clean",
        "lost update",
        "write skew",
        "read skew",
        "aborted read",
        "lost write",
        "intermediate read",
        "own write unseen",
        "read of nothing that was",
        "stale read",
    ],
)
def test_the_checker_knows_the_anomalies(history, final, expected):
    """Each of the known ones is found under its name, and a clean history passes."""
    found = anomalies(history, final)
    assert found == [] if not expected else any(expected in line for line in found), found


class Clients:
    """Logical clients of one state. Each is a generator that stops between any two of its steps."""

    def __init__(self, rng: random.Random, keys=KEYS) -> None:
        self.state = StateCoordinator({"g": {}, "h": {}})
        self.rng = rng
        self.keys = keys
        self.history: list[Txn] = []
        self.elements = itertools.count(1)
        self.now = itertools.count(1)

    def client(self, name, transactions, operations):
        for number in range(transactions):
            record = Txn(f"{name}.{number}", began=next(self.now))
            self.history.append(record)
            transaction = self.state.transaction(name)
            yield
            for _ in range(self.rng.randrange(1, operations + 1)):
                self.step(transaction, record)
                yield
            if self.rng.random() < 0.1:
                transaction.rollback()
                continue
            try:
                transaction.commit()
                record.committed = True
            except ConflictError:
                pass
            record.ended = next(self.now)
            yield

    def step(self, transaction, record):
        key, kind = self.rng.choice(self.keys), self.rng.random()
        if kind < 0.35:
            record.ops.append(("read", key, transaction.get(key, [])))
        elif kind < 0.5:
            group = transaction.get("g", {})
            record.ops += [("read", key, group.get(key[2:], [])) for key in self.keys if key.startswith("g.")]
        else:
            element = next(self.elements)
            transaction.set(key, [*transaction.get(key, []), element])
            record.ops.append(("append", key, element))

    def interleave(self, clients=4, transactions=2, operations=4):
        running = [self.client(f"c{number}", transactions, operations) for number in range(clients)]
        while running:
            one = self.rng.choice(running)
            try:
                next(one)
            except StopIteration:
                running.remove(one)

    def in_threads(self, clients=4, transactions=10, operations=4):
        def work(number):
            for _ in self.client(f"c{number}", transactions, operations):
                pass

        threads = [threading.Thread(target=work, args=(number,)) for number in range(clients)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)

    def anomalies(self):
        return anomalies(self.history, {key: self.state.get(key, []) for key in self.keys})


def check_interleaved(seeds, **shape):
    committed = lost = 0
    for seed in seeds:
        clients = Clients(random.Random(seed))
        clients.interleave(**shape)
        assert clients.anomalies() == [], f"seed {seed}"
        committed += sum(one.committed for one in clients.history)
        lost += clients.state.get_metrics().transactions_lost
    return committed, lost


def check_threads(seeds):
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for seed in seeds:
            clients = Clients(random.Random(seed))
            clients.in_threads()
            assert clients.anomalies() == [], f"seed {seed}"
    finally:
        sys.setswitchinterval(before)


@pytest.mark.feature("PT-10", "X-07")
def test_no_interleaving_shows_an_anomaly():
    """STA-01, T1, T2: hundreds of random interleavings, point reads, group reads and appends, some rolled back."""
    committed, lost = check_interleaved(range(400))
    assert committed > 1500
    assert lost > 300, "without conflicts it would prove nothing"


@pytest.mark.feature("PT-10", "X-07")
def test_no_race_of_threads_shows_an_anomaly():
    """STA-01: the same with real threads that the interpreter switches as often as it can."""
    check_threads(range(8))


@pytest.mark.slow
@pytest.mark.feature("PT-10", "X-07")
def test_twenty_thousand_histories_are_serialisable():
    """T1: 20,000 interleavings and 500 races of threads, each checked for circles."""
    committed, lost = check_interleaved(range(1_000_000, 1_020_000), clients=5, transactions=4)
    assert committed > 150_000
    assert lost > 50_000
    check_threads(range(500))

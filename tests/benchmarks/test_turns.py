"""Turns and contenders: everyone measured alike, nothing left behind by a turn."""

from __future__ import annotations

import asyncio
import threading
from types import SimpleNamespace

import pytest

from benchmarks import contenders, throughput, turns
from benchmarks.contenders import CONTENDERS, OURS, THREADS
from benchmarks.latency import durations
from benchmarks.throughput import rate, setting


@pytest.mark.parametrize("name", CONTENDERS)
async def test_every_contender_runs_the_work_in_its_own_threads(name, monkeypatch):
    """Each call of each client runs the same function once, in at most eight threads, none of them the loop's."""
    ran: list[int] = []
    monkeypatch.setattr(contenders, "nothing", lambda: ran.append(threading.get_ident()))
    async with CONTENDERS[name]() as call_of:
        for client in range(12):
            await call_of(client)()
    assert len(ran) == 12
    assert len(set(ran)) <= THREADS
    assert threading.get_ident() not in ran


async def test_the_rate_counts_what_came_back(monkeypatch):
    """Every client's calls are counted, its last is waited for, and the time is the one it really took."""
    instants = iter((10.0, 12.0))
    monkeypatch.setattr(throughput, "time", SimpleNamespace(perf_counter=lambda: next(instants)))
    clients: list[int] = []
    begun = ended = 0

    def call_of(client: int):
        clients.append(client)
        return call

    async def call() -> None:
        nonlocal begun, ended
        begun += 1
        await asyncio.sleep(0)
        ended += 1

    measured = await rate(call_of, 3, 0.01)
    assert measured == ended / 2.0
    assert clients == [0, 1, 2]
    assert begun == ended >= 3


async def test_each_call_is_timed():
    """As many durations as calls, none negative."""

    async def call() -> None:
        return

    taken = await durations(lambda client: call, 5)
    assert len(taken) == 5
    assert min(taken) >= 0


async def test_rounds_are_interleaved(monkeypatch):
    """In every round each contender has one turn, warmed up before it, and another one begins."""
    seen: list[str] = []

    class Opened:
        def __init__(self, name: str) -> None:
            self.name = name

        async def __aenter__(self) -> str:
            return self.name

        async def __aexit__(self, *error: object) -> None:
            seen.append(f"{self.name} closed")

    names = ("a", "b", "c")
    monkeypatch.setattr(turns, "CONTENDERS", {name: (lambda name=name: Opened(name)) for name in names})

    async def warm_up(name) -> None:
        seen.append(f"{name} warm")

    async def turn(name) -> dict[tuple[str, str], float]:
        seen.append(name)
        return {("s", "u"): float(len(seen))}

    shares: list[float] = []
    measured = await turns.interleave(warm_up, turn, 3, shares.append)
    assert [name for name in seen if name in names] == list("abcbcacab")
    assert seen[:3] == ["a warm", "a", "a closed"]
    assert [(one.contender, one.setting, one.unit, len(one.rounds)) for one in measured] == [
        (name, "s", "u", 3) for name in names
    ]
    assert measured[0].rounds == (2.0, 17.0, 23.0)
    assert shares == pytest.approx([n / 9 for n in range(1, 10)])


def test_settings_and_ours_have_the_names_that_goals_use():
    """The names that tie suites, tables and goals together are the same everywhere."""
    assert (setting(1), setting(200)) == ("1 client", "200 clients")
    assert set(OURS) < set(CONTENDERS)

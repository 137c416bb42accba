"""Turns and contenders: everyone measured alike, nothing left behind by a turn."""

from __future__ import annotations

import asyncio
import itertools
import threading
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from benchmarks import contenders, turns
from benchmarks.contenders import CONTENDERS, OURS, THREADS, Contender, installed, lacking, missing
from benchmarks.figures import Measurement, pairs
from benchmarks.peers.ours import COMPANION
from benchmarks.report import Absence, Curve
from benchmarks.suites import latency, throughput
from benchmarks.suites.latency import durations
from benchmarks.suites.throughput import rate, setting


# The others keep threads of their own in the process for good; they are run in one of their own in test_registry.
@pytest.mark.parametrize("name", sorted(set(CONTENDERS) - {"dask in process", "Ray"}))
async def test_every_contender_runs_the_work_in_its_own_threads(name):
    """Each call of each client runs the same function once, in at most eight threads, none of them the loop's."""
    ran: list[int] = []
    async with CONTENDERS[name](lambda: ran.append(threading.get_ident())) as call_of:
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


async def test_rounds_are_interleaved():
    """In every round each contender has one turn, warmed up before it, and another one begins."""
    seen: list[str] = []

    @asynccontextmanager
    async def opened(name, work) -> AsyncIterator[Any]:
        yield name
        seen.append(f"{name} closed")

    names = ("a", "b", "c")
    given = {name: Contender(opens=partial(opened, name), configuration="") for name in names}

    async def warm_up(name) -> None:
        seen.append(f"{name} warm")

    async def turn(name) -> dict[tuple[str, str], float]:
        seen.append(name)
        return {("s", "u"): float(len(seen))}

    shares: list[float] = []
    measured = await turns.interleave(warm_up, turn, 3, shares.append, given)
    assert [name for name in seen if name in names] == list("abcbcacab")
    assert seen[:3] == ["a warm", "a", "a closed"]
    assert [(one.contender, one.setting, one.unit, len(one.rounds)) for one in measured] == [
        (name, "s", "u", 3) for name in names
    ]
    assert measured[0].rounds == (2.0, 17.0, 23.0)
    assert shares == pytest.approx([n / 9 for n in range(1, 10)])


async def test_a_slow_contender_sits_rounds_out():
    """It has a turn in every so-manieth round from the first on, and its figures say in which: ratios pair by round."""

    async def turn(work) -> dict[tuple[str, str], float]:
        return {("s", "u"): float(work())}

    number = itertools.count()
    given = {
        "ours": Contender(opens=opened, configuration=""),
        "slow": Contender(opens=opened, configuration="", every=2),
    }
    ours, slow = await turns.interleave(ready, turn, 3, lambda share: None, given, lambda: next(number))
    assert (ours.rounds, ours.numbers) == ((0.0, 2.0, 3.0), ())
    assert (slow.rounds, slow.numbers) == ((1.0, 4.0), (0, 2))
    assert pairs(ours, slow) == [(0.0, 1.0), (3.0, 4.0)]


@asynccontextmanager
async def opened(work) -> AsyncIterator[Any]:
    yield work


async def ready(work) -> None:
    """Nothing to warm up."""


async def test_a_peer_that_fails_takes_nobody_with_it(monkeypatch):
    """From then on it sits out, keeps the figures that it has, and the report says in which round it failed and how."""
    lost: list[Absence] = []
    monkeypatch.setattr(turns, "LOST", lost)

    @asynccontextmanager
    async def broken(work) -> AsyncIterator[Any]:
        if len(ran) > 1:
            raise RuntimeError("no more")
        yield work

    async def turn(work) -> dict[tuple[str, str], float]:
        ran.append(1)
        return {("s", "u"): 1.0}

    ran: list[int] = []
    given = {"a": Contender(opens=opened, configuration=""), "b": Contender(opens=broken, configuration="")}
    a, b = await turns.interleave(ready, turn, 4, lambda share: None, given)
    assert (len(a.rounds), b.rounds, b.numbers) == (4, (1.0,), (0,))
    assert lost == [Absence("b", "failed in round 2: RuntimeError no more")]


async def test_a_peer_that_hangs_is_given_up(monkeypatch):
    """Its turn has an end, whatever it waits for."""
    lost: list[Absence] = []
    monkeypatch.setattr(turns, "LOST", lost)
    monkeypatch.setattr(turns, "TURN", 0.01)

    async def turn(work) -> dict[tuple[str, str], float]:
        await asyncio.Event().wait()
        return {}

    assert (
        await turns.interleave(ready, turn, 2, lambda share: None, {"a": Contender(opens=opened, configuration="")})
        == []
    )
    assert [one.reason for one in lost] == ["failed in round 1: TimeoutError"]


async def test_when_ours_fails_that_is_raised():
    """A benchmark of nothing is no benchmark."""

    async def turn(work) -> dict[tuple[str, str], float]:
        raise RuntimeError("ours")

    with pytest.raises(RuntimeError, match="ours"):
        await turns.interleave(ready, turn, 2, lambda share: None, {OURS[0]: Contender(opens=opened, configuration="")})


def test_who_cannot_be_measured_is_told():
    """A peer that is not installed is no contender, and the report says how to get it; so is one without a feature."""
    gone = Contender(opens=COMPANION.opens, configuration="", package="no-such-package", release="4.0a1")
    assert installed({"here": COMPANION, "gone": gone}) == {"here": COMPANION}
    assert missing({"here": COMPANION, "gone": gone}) == (
        Absence("gone", "not installed: pip install no-such-package==4.0a1"),
    )
    told = lacking("priorities", "has no priorities")
    assert {one.contender for one in told} >= {"asyncio.to_thread", "anyio.to_thread", "bare pool"}
    assert not {one.contender for one in told} & set(OURS)


async def test_a_slow_contender_makes_fewer_calls(monkeypatch):
    """Sequential calls end when the turn's time is over, after one at least."""
    monkeypatch.setattr(latency, "SPAN", 0.0)
    assert len(await durations(lambda client: partial(asyncio.sleep, 0), 5)) == 1


async def test_whoever_is_too_slow_is_not_asked_for_more(monkeypatch):
    """With more clients than come back in time nobody is measured, and the report says who was not and where."""
    rates = {1: 100.0, 20: 30.0, 200: 1.0}

    async def told(call_of, clients, seconds) -> float:
        return rates[clients]

    monkeypatch.setattr(throughput, "rate", told)
    slow = {"slow": Contender(opens=opened, configuration="")}
    progress: list[float] = []
    found = await asyncio.to_thread(
        throughput._rounds, "asyncio", (1, 20, 200), "", None, slow, 1, 0.01, progress.append
    )
    assert [(one.setting, one.rounds) for one in found] == [("1 client", (100.0,)), ("20 clients", (30.0,))]
    fast = [msgspec.structs.replace(one, contender="fast") for one in found]
    fast.append(Measurement("fast", "200 clients", "tasks/s", (1.0,)))
    (left,) = throughput.left_out([*found, *fast])
    assert (left.contender, left.setting) == ("slow", "200 clients")
    assert "not measured with so many" in left.reason


def test_the_slow_are_measured_on_one_loop(monkeypatch):
    """The last one; on another they are named as measured elsewhere."""
    slow = Contender(opens=opened, configuration="", every=5)
    monkeypatch.setattr(contenders, "available", lambda: ("asyncio", "uvloop"))
    monkeypatch.setattr(contenders, "CONTENDERS", {**contenders.QUICK, "slow": slow})
    assert "slow" in contenders.taking_part("uvloop")
    assert contenders.elsewhere("uvloop") == ()
    assert set(contenders.taking_part("asyncio")) == set(contenders.QUICK) >= set(OURS)
    assert contenders.elsewhere("asyncio") == (Absence("slow", "slow on any loop, measured on uvloop alone"),)


def test_the_chart_has_a_curve_for_each_contender():
    """Over the clients that it was measured with, with the middle half of the rounds; other work is not in it."""
    measurements = [
        Measurement("fast", "1 client", "tasks/s", (10.0, 20.0, 30.0)),
        Measurement("fast", "5,000 clients", "tasks/s", (7.0,)),
        Measurement("fast", "50 us, 1 client", "tasks/s", (5.0,)),
        Measurement("slow", "1 client", "tasks/s", (1.0,)),
    ]
    fast, slow = throughput.chart(measurements).curves
    assert fast == Curve("fast", (1.0, 5000.0), (20.0, 7.0), (15.0, 7.0), (25.0, 7.0))
    assert (slow.x, slow.y) == ((1.0,), (1.0,))


async def test_the_time_of_turns_is_told(monkeypatch):
    """Of each contender the seconds of all its turns, with what it took to open and close it."""
    monkeypatch.setattr(turns, "SPENT", defaultdict(float))
    instants = itertools.count()
    monkeypatch.setattr(turns, "time", SimpleNamespace(perf_counter=lambda: float(next(instants))))

    async def turn(work) -> dict[tuple[str, str], float]:
        return {}

    given = {name: Contender(opens=opened, configuration="", every=every) for name, every in (("a", 1), ("b", 2))}
    await turns.interleave(ready, turn, 3, lambda share: None, given)
    assert turns.SPENT == {"a": 3.0, "b": 2.0}


def test_settings_and_ours_have_the_names_that_goals_use():
    """The names that tie suites, tables and goals together are the same everywhere."""
    assert (setting(1), setting(200)) == ("1 client", "200 clients")
    assert set(OURS) < set(CONTENDERS)

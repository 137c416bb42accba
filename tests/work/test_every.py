"""`brain.every`: work at a steady pace through the queue like any other, never two runs of one at once."""

from __future__ import annotations

import asyncio
from contextvars import ContextVar
from functools import partial
from typing import Any

import pytest

from companion_async import (
    InvalidArgumentError,
    ModuleUnavailableError,
    UnknownModuleError,
    UnknownTargetError,
    UnknownTaskError,
)
from companion_async.scheduling.ticker import Ticker
from companion_async.testing.clock import VirtualClock, until
from tests.work.house import Gate, running

pytestmark = pytest.mark.feature("CB-06")


def ended(ticker: Ticker, runs: list[Any], count: int) -> bool:
    """Whether there have been so many runs, and the last has ended."""
    return len(runs) == count and ticker.task is not None and ticker.task.done()


async def test_it_runs_at_once_and_then_at_whole_periods():
    """However long a run takes, as long as it is done in time, the next one begins at its instant."""
    clock, began = VirtualClock(), list[float]()
    async with running(clock) as brain:
        await brain.register("m", lambda: began.append(clock.monotonic()))
        start = clock.monotonic()
        ticker = brain.every("m", period=0.3)
        for count in range(1, 8):
            await clock.advance(0.3 if count > 1 else 0)
            await until(partial(ended, ticker, began, count))
        assert began == pytest.approx([start + 0.3 * n for n in range(7)])
        assert (ticker.runs, ticker.skipped) == (7, 0)


async def test_a_slow_run_has_its_successors_skipped():
    """Never two at once, none queued up, and afterwards it is in step again."""
    clock, gate = VirtualClock(), Gate()
    async with running(clock) as brain:
        await brain.register("m", lambda: gate())
        ticker = brain.every("m", period=1.0, timeout=None)
        await clock.advance(0)
        await gate.holds(1)
        await clock.advance(5.5)
        assert (len(gate.order), ticker.skipped) == (1, 5)
        gate.let(1)
        await until(partial(ended, ticker, gate.order, 1))
        await clock.advance(0.4)
        assert len(gate.order) == 1
        await clock.advance(0.1)
        await gate.holds(1)
        assert gate.most == 1


async def test_a_run_that_fails_is_followed_by_the_next():
    """The ticker goes on, and the task that it holds tells of the error."""
    clock, ran = VirtualClock(), list[int]()
    async with running(clock) as brain:

        def work() -> None:
            ran.append(1)
            raise OSError("now and then")

        await brain.register("m", work)
        ticker = brain.every("m", period=1.0)
        for count in (1, 2, 3):
            await clock.advance(float(count > 1))
            await until(partial(ended, ticker, ran, count))
        assert ticker.task is not None
        assert isinstance(ticker.task.exception(), OSError)


async def test_it_passes_on_arguments_and_options():
    """Those of `submit`: what to call it with, how urgent, how long."""
    clock = VirtualClock()
    async with running(clock) as brain:
        await brain.register("m", lambda a, b: a + b)
        ticker = brain.every("m", "run", 2, period=1.0, kwargs={"b": 3}, priority="idle", timeout=7.0)
        await clock.advance(0)
        assert ticker.task is not None
        assert await ticker.task == 5
        assert ticker.task.priority.name == "IDLE"
        assert ticker.task.limit == 7.0


async def test_stopped_it_runs_no_more_and_leaves_the_run_alone():
    """Stopping again does nothing; the brain's end stops it too."""
    clock, gate = VirtualClock(), Gate()
    async with running(clock) as brain:
        await brain.register("m", lambda: gate("ran"))
        ticker, other = brain.every("m", period=1.0, timeout=None), brain.every("m", period=2.0, timeout=None)
        await clock.advance(0)
        await gate.holds(2)
        ticker.stop()
        ticker.stop()
        gate.open()
        assert ticker.task is not None
        assert other.task is not None
        assert await ticker.task == await other.task == "ran"
        await clock.advance(2)
        assert (ticker.runs, other.runs) == (1, 2)
    await clock.advance(10)
    assert other.runs == 2


async def test_a_paused_module_has_one_run_waiting_and_no_more():
    """What waits while the module is paused counts as the run under way; it goes on when the module does."""
    clock, ran = VirtualClock(), list[int]()
    async with running(clock) as brain:
        await brain.register("m", lambda: ran.append(1))
        brain.pause("m")
        ticker = brain.every("m", period=1.0, timeout=None)
        await clock.advance(5.5)
        assert (ticker.runs, ticker.skipped, ran) == (1, 5, [])
        brain.resume("m")
        await until(lambda: ran == [1])


async def test_what_is_wrong_is_refused_where_it_is_asked_for():
    """A period of nothing, a module or a handler that is not there."""
    async with running() as brain:
        await brain.register("m", lambda: None)
        for period in (0, -1.0, float("nan"), float("inf"), True, "1"):
            with pytest.raises(InvalidArgumentError, match="period"):
                brain.every("m", period=period)  # type: ignore[arg-type]
        with pytest.raises(UnknownModuleError):
            brain.every("nobody", period=1.0)
        with pytest.raises(UnknownTargetError):
            brain.every("m", "nothing", period=1.0)


@pytest.mark.parametrize(
    ("options", "refusal"),
    [
        ({"priority": "urgent"}, InvalidArgumentError),
        ({"timeout": -1}, InvalidArgumentError),
        ({"retry": 0}, InvalidArgumentError),
        ({"kwargs": 3}, InvalidArgumentError),
        ({"on_full": "drop"}, InvalidArgumentError),
        ({"callback": 3}, InvalidArgumentError),
        ({"after": "nobody"}, UnknownTaskError),
        ({"prioritty": "high"}, TypeError),
    ],
)
async def test_an_option_that_submit_refuses_is_refused_at_once(options, refusal):
    """Skipped in silence, a ticker with a misspelt option would tick for ever and never run anything."""
    clock = VirtualClock()
    async with running(clock) as brain:
        await brain.register("m", lambda: None)
        with pytest.raises(refusal):
            brain.every("m", period=1.0, **options)
        with pytest.raises(InvalidArgumentError):
            brain.every("m", 5, period=1.0)  # type: ignore[arg-type]
        await clock.advance(3)
        assert brain.tasks() == []


async def test_a_stopped_module_refuses_a_ticker_as_it_refuses_a_task():
    """One that stops later costs its instants only."""
    async with running() as brain:
        await brain.register("m", lambda: None)
        await brain._assembly("test").roster.registry.get("m").stop("for the test")
        with pytest.raises(ModuleUnavailableError):
            brain.every("m", period=1.0)


async def test_each_ticker_runs_in_the_context_that_it_was_made_in():
    """One timer serves them all; whose context it was armed in must not show in anybody else's work."""
    clock, whose, seen = VirtualClock(), ContextVar("whose", default="nobody"), list[tuple[str, str]]()
    async with running(clock) as brain:
        await brain.register("m", lambda maker: seen.append((maker, whose.get())))

        async def make(maker: str) -> None:
            whose.set(maker)
            brain.every("m", "run", maker, period=1.0)

        await asyncio.gather(*(asyncio.create_task(make(maker)) for maker in ("anna", "bert")))
        for count in (1, 2, 3):
            await until(partial(lambda count: len(seen) == 2 * count, count))
            await until(lambda: all(task.done() for task in brain.tasks()))
            await clock.advance(1.0)
        assert set(seen) == {("anna", "anna"), ("bert", "bert")}


@pytest.mark.feature("X-15")
async def test_many_that_are_spread_never_come_together():
    """Five hundred made in one go: after the first period no fiftieth of one has more than twice its part of the runs,
    and every one of them runs once in every period.
    """
    clock, period, many = VirtualClock(), 1.0, 500
    async with running(clock, queue_capacity=10_000) as brain:
        await brain.register("m", lambda: None)
        tickers = [brain.every("m", period=period, spread=True) for _ in range(many)]

        async def fiftieth() -> int:
            """The runs in it, all of them ended: a slow machine misses no instant of theirs."""
            before = sum(ticker.runs for ticker in tickers)
            await clock.advance(period / 50)
            await until(lambda: all(ticker.task is not None and ticker.task.done() for ticker in tickers))
            return sum(ticker.runs for ticker in tickers) - before

        await until(lambda: all(ticker.task is not None and ticker.task.done() for ticker in tickers))
        for _ in range(50):
            await fiftieth()
        runs = [await fiftieth() for _ in range(50)]
        assert sum(runs) == many
        assert max(runs) <= 2 * many / 50
        assert sum(ticker.skipped for ticker in tickers) == 0
        # A few share an instant: one turn of the loop, and one waking of a thread, is for all of them.
        assert 100 <= len({round(ticker.start % period, 9) for ticker in tickers}) <= 200


@pytest.mark.feature("X-15", "PP-20", "U-7")
async def test_a_slow_module_in_a_category_of_its_own_never_delays_the_fast():
    """Twenty agents with nine fast modules and one that never comes back in time: the fast miss no instant, the slow
    are skipped over and never queue up.
    """
    clock, gate, agents = VirtualClock(), Gate(), 20
    categories = {"core": 8, "slow": 4}
    async with running(clock, categories=categories, max_threads=12, queue_capacity=10_000) as brain:
        await brain.register("slow", lambda agent: gate(agent), category="slow", timeout=None)
        for number in range(9):
            await brain.register(f"fast{number}", lambda agent: None, category="core")
        slow = [brain.every("slow", "run", agent, period=1.0, spread=True) for agent in range(agents)]
        fast = [
            brain.every(f"fast{number}", "run", agent, period=1.0, spread=True)
            for agent in range(agents)
            for number in range(9)
        ]
        await gate.holds(4)
        for _ in range(50):
            await clock.advance(0.1)
            await until(lambda: all(ticker.task is not None and ticker.task.done() for ticker in fast))
        assert {ticker.runs for ticker in fast} <= {5, 6, 7}
        assert sum(ticker.skipped for ticker in fast) == 0
        assert {ticker.runs for ticker in slow} == {1}
        assert {ticker.skipped for ticker in slow} <= {4, 5, 6}
        assert brain.status().categories["slow"].queued == agents - 4
        gate.open()
        await brain.drain("slow")

"""Every run hangs: limits fire, threads stay within their caps at every instant, and afterwards all is as before."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from companion_async import Brain, Task, TaskState, TaskTimeoutError, Timeout
from companion_async.offload.house import House
from companion_async.testing.clock import VirtualClock, settle, until
from tests.work.house import Gate, ends, pool, running


class Counted(Gate):
    """A gate that counts, at each entry, the threads of brains that there really are."""

    def __init__(self) -> None:
        super().__init__()
        self.threads = 0

    def __call__(self, name: Any = None) -> Any:
        named = sum(thread.name.startswith("companion-") for thread in threading.enumerate())
        self.threads = max(self.threads, named)
        return super().__call__(name)


@pytest.fixture
def peaks(monkeypatch: pytest.MonkeyPatch) -> dict[House, int]:
    """The most threads that each house has counted at any instant."""
    highest: dict[House, int] = {}
    live: Any = vars(House)["live"]

    def count(house: House, value: int) -> None:
        live.__set__(house, value)
        highest[house] = max(highest.get(house, 0), value)

    monkeypatch.setattr(House, "live", property(live.__get__, count))
    return highest


def hang(brain: Brain, gate: Gate, count: int, *, category: str = "core", limit: float = 5.0) -> list[Task[Any]]:
    """``count`` runs of a category that do not end."""
    return [brain.submit(f"category:{category}", gate, timeout=limit) for _ in range(count)]


def figures(brain: Brain, category: str = "core") -> tuple[int, int, int]:
    """Of a category: runs that hold a slot, abandoned threads, tasks that wait."""
    status = brain.status().categories[category]
    return status.active, status.abandoned, status.queued


@pytest.mark.feature("X-01", "CB-08", "PE-02")
async def test_limits_fire_on_time_with_every_slot_hung():
    """Each waiter is told at its own limit to the millisecond, although no thread is left that could help."""
    clock, gate = VirtualClock(), Gate()
    async with running(clock, categories={"core": 4}, abandoned_budget=0) as brain:
        told: dict[str, float] = {}
        tasks = [brain.submit("category:core", gate, timeout=limit) for limit in (4.0, 0.5, 2.25, 3.0)]
        await gate.holds(4)
        begun = {task.id: task.started for task in tasks}
        for task in tasks:
            task.add_done_callback(lambda task: told.update({task.id: clock.monotonic()}))
        await clock.advance(10)
        assert ends(*tasks) == ["timed_out"] * 4
        for task, limit in zip(tasks, (4.0, 0.5, 2.25, 3.0), strict=True):
            assert told[task.id] - begun[task.id] == pytest.approx(limit, abs=0.002)
        assert gate.inside == 4


@pytest.mark.feature("X-01", "CB-08", "PE-02")
async def test_what_waits_behind_hung_runs_times_out_too():
    """Limits of the wait and of the whole task hold for work that never gets a slot, and it leaves the queue."""
    clock, gate = VirtualClock(), Gate()
    async with running(clock, categories={"core": 1}, abandoned_budget=0) as brain:
        (stuck,) = hang(brain, gate, 1)
        await gate.holds(1)
        queued = brain.submit("category:core", gate, timeout=Timeout(queue=1.0))
        total = brain.submit("category:core", gate, timeout=Timeout(total=2.0))
        await clock.advance(1)
        assert ends(stuck, queued, total) == ["running", "timed_out", "queued"]
        await clock.advance(1)
        assert (ends(total), figures(brain)) == (["timed_out"], (1, 0, 0))
        for task, span in ((queued, "queue"), (total, "total")):
            with pytest.raises(TaskTimeoutError) as caught:
                await task
            assert caught.value.span == span
        gate.open()
        await brain.drain()
        assert len(gate.order) == 1


@pytest.mark.feature("X-01", "CB-02")
async def test_abandoned_threads_are_counted_within_the_budget():
    """A run past its limit gives up its slot while the budget lasts; beyond it runs keep theirs and new work waits."""
    clock, gate = VirtualClock(), Gate()
    async with running(clock, categories={"core": 3}, abandoned_budget=2) as brain:
        first = hang(brain, gate, 3)
        await gate.holds(3)
        await clock.advance(5)
        assert ends(*first) == ["timed_out"] * 3
        assert figures(brain) == (1, 2, 0)
        second = hang(brain, gate, 3)
        await gate.holds(5)
        assert figures(brain) == (3, 2, 1)
        await clock.advance(5)
        assert ends(*second) == ["timed_out", "timed_out", "queued"]
        assert figures(brain) == (3, 2, 1)
        await clock.advance(100)
        assert second[2].state == "queued"
        assert len(gate.order) == 5
        gate.open()
        await brain.drain()
        assert second[2].state is TaskState.COMPLETED


@pytest.mark.feature("X-01")
async def test_the_budget_is_as_many_as_the_limit_unless_set():
    """Unset, a category may have as many abandoned threads as it has slots; another category has its own."""
    clock, gate = VirtualClock(), Gate()
    async with running(clock, categories={"core": 2, "phase1": 1}) as brain:
        hang(brain, gate, 6)
        hang(brain, gate, 1, category="phase1")
        await gate.holds(3)
        await clock.advance(5)
        await gate.holds(5)
        assert figures(brain) == (2, 2, 2)
        assert figures(brain, "phase1") == (0, 1, 0)
        assert brain.status().categories["core"].abandoned_budget == 2
        assert brain.status().abandoned_threads == 3
        gate.open()
        await brain.drain()


@pytest.mark.feature("X-01", "CB-02", "PE-02")
async def test_fifty_limits_passed_never_exceed_the_caps(peaks):
    """Limit 4, budget 4: however many runs hang, at no instant do more than 8 threads live."""
    clock, gate = VirtualClock(), Counted()
    async with running(clock, categories={"core": 4}, abandoned_budget=4, max_threads=8) as brain:
        tasks = hang(brain, gate, 50)
        for inside in (4, 8, 8, 8):
            await gate.holds(inside)
            await clock.advance(5)
            status = brain.status()
            assert status.categories["core"].abandoned <= 4
            assert status.categories["core"].total <= 4
            assert status.total_threads <= 8
        assert len(gate.order) == 8
        assert [task.state for task in tasks].count(TaskState.TIMED_OUT) == 8
        gate.open()
        await brain.drain()
        assert {task.state for task in tasks[8:]} == {TaskState.COMPLETED}
        assert gate.most <= 8
        assert gate.threads <= 8
        assert list(peaks.values()) == [8]


@pytest.mark.feature("X-01", "CB-08", "PE-02")
async def test_fifty_rounds_of_hung_runs_that_end_leave_nothing_behind(peaks):
    """Fifty limits passed one after another, each run ending late: every one is counted out again before long."""
    clock = VirtualClock()
    async with running(clock, categories={"core": 4}, abandoned_budget=4) as brain:
        for _ in range(13):
            gate = Gate()
            tasks = hang(brain, gate, 4)
            await gate.holds(4)
            await clock.advance(5)
            assert ends(*tasks) == ["timed_out"] * 4
            gate.open()
            await until(lambda: figures(brain) == (0, 0, 0))
        assert max(peaks.values()) <= 8
        assert brain.status().stats.threads_restarted == 52


@pytest.mark.feature("X-01", "CB-02")
async def test_the_cap_over_all_categories_counts_the_abandoned(peaks):
    """``max_threads`` holds with several categories hung at once: no category gets a thread until one has ended."""
    clock, gate, other = VirtualClock(), Counted(), Gate()
    async with running(clock, categories={"core": 3, "phase1": 3, "phase2": 3}, max_threads=6) as brain:
        hang(brain, gate, 6)
        hang(brain, gate, 6, category="phase1")
        await gate.holds(6)
        waiting = brain.submit("category:phase2", other, "other", timeout=None)
        for _ in range(5):
            await clock.advance(5)
            assert brain.status().total_threads == 6
        assert waiting.state is TaskState.QUEUED
        assert gate.inside == 6
        gate.let(1)
        await other.holds(1)
        assert brain.status().total_threads <= 6
        other.open()
        gate.open()
        assert await waiting == "other"
        await brain.drain()
        assert gate.threads <= 6
        assert list(peaks.values()) == [6]


@pytest.mark.feature("X-01", "X-08")
async def test_a_category_for_which_the_house_has_no_thread_says_so():
    """After a moment, one `system.overload` for the one that has none at all, though others fill the house; it recovers
    with the first thread that comes free.
    """
    clock, gate, other = VirtualClock(), Gate(), Gate()
    said: list[Any] = []
    async with running(clock, categories={"core": 3, "phase1": 3}, max_threads=2) as brain:
        brain.events.add_handler("system.*", said.append)
        for _ in range(3):
            brain.submit("category:core", gate, timeout=None)
        await gate.holds(2)
        assert not said
        waiting = [brain.submit("category:phase1", other, timeout=None) for _ in range(3)]
        assert not said
        await clock.advance(0.1)
        (event,) = said
        assert (event.kind, event.category, event.reason) == ("system.overload", "phase1", "max_threads")
        assert [name for name, one in brain.status().categories.items() if one.overloaded] == ["phase1"]
        await brain.submit("category:agi", asyncio.sleep, 0)
        await clock.advance(50)
        assert len(said) == 1
        gate.let(1)
        await other.holds(1)
        other.open()
        await asyncio.gather(*waiting)
        await until(lambda: len(said) == 2)
        assert (said[1].kind, said[1].category, said[1].reason) == ("system.recovered", "phase1", "max_threads")
        gate.open()


@pytest.mark.feature("X-01")
async def test_an_idle_thread_elsewhere_is_no_starvation():
    """It goes home, and its place is had: nothing is said."""
    said: list[Any] = []
    clock = VirtualClock()
    async with running(clock, categories={"core": 3, "phase1": 3}, max_threads=2) as brain:
        brain.events.add_handler("system.*", said.append)
        gate = Gate()
        held = brain.submit("category:core", gate, timeout=None)
        await gate.holds(1)
        assert await brain.to_thread(int) == 0
        assert await brain.to_thread(int, category="phase1") == 0
        await clock.advance(10)
        gate.open()
        await held
        assert not said


@pytest.mark.feature("X-01", "X-08")
async def test_overload_is_said_once_and_its_end_too():
    """A spent budget is one `system.overload`, however many runs are held; when they have ended, one recovery."""
    clock, gate = VirtualClock(), Gate()
    said: list[Any] = []
    async with running(clock, categories={"core": 3}, abandoned_budget=1) as brain:
        brain.events.add_handler("system.*", said.append)
        tasks = hang(brain, gate, 6)
        await gate.holds(3)
        assert not said
        await clock.advance(5)
        await gate.holds(4)
        await clock.advance(50)
        assert brain.status().categories["core"].overloaded
        (event,) = said
        assert (event.kind, event.category, event.reason) == ("system.overload", "core", "abandoned_budget")
        gate.open()
        await brain.drain()
        await until(lambda: not brain.status().categories["core"].overloaded)
        assert [event.kind for event in said] == ["system.overload", "system.recovered"]
        assert (said[1].category, said[1].reason) == ("core", "abandoned_budget")
        assert set(ends(*tasks)) == {"timed_out", "completed"}


@pytest.mark.feature("X-01", "PE-02")
async def test_after_release_threads_are_back_at_their_baseline():
    """Once the hung runs end, threads go home: no more live than before, and as many work at once as before."""
    clock, warm, gate = VirtualClock(), Gate(), Counted()
    async with running(clock, categories={"core": 4}) as brain:
        calls = [brain.submit("category:core", warm, number) for number in range(4)]
        await warm.holds(4)
        warm.open()
        await asyncio.gather(*calls)
        baseline = brain.status().total_threads
        hang(brain, gate, 8)
        await gate.holds(4)
        await clock.advance(5)
        await gate.holds(8)
        assert brain.status().total_threads == baseline + 4
        await clock.advance(5)
        gate.open()
        await until(lambda: figures(brain) == (0, 0, 0) and pool(brain).parked == pool(brain).slots)
        await until(lambda: brain.status().total_threads <= baseline)
        again = Gate()
        calls = [brain.submit("category:core", again, number) for number in range(40)]
        await again.holds(4)
        assert brain.status().total_threads == baseline
        again.open()
        assert await asyncio.gather(*calls) == list(range(40))
        assert again.most == 4


@pytest.mark.feature("X-01", "CB-08")
async def test_coroutines_that_do_not_stop_are_bounded_alike():
    """An ``async def`` that swallows its cancellation is counted against the same budget and gives back the same."""
    clock, release = VirtualClock(), asyncio.Event()
    begun: list[int] = []

    async def stubborn(number: int) -> None:
        begun.append(number)
        while not release.is_set():
            try:
                await release.wait()
            except asyncio.CancelledError:
                continue

    async with running(clock, categories={"core": 2}, abandoned_budget=1) as brain:
        tasks = [brain.submit("category:core", stubborn, number, timeout=5.0) for number in range(6)]
        await settle()
        assert begun == [0, 1]
        await clock.advance(5)
        assert (begun, figures(brain)) == ([0, 1, 2], (2, 1, 3))
        await clock.advance(50)
        assert (begun, figures(brain)) == ([0, 1, 2], (2, 1, 3))
        assert ends(*tasks) == ["timed_out"] * 3 + ["queued"] * 3
        release.set()
        await brain.drain()
        assert figures(brain) == (0, 0, 0)
        assert ends(*tasks[3:]) == ["completed"] * 3


@pytest.mark.feature("X-01", "PE-02")
async def test_a_cancelled_run_that_does_not_stop_is_bounded_alike():
    """Cancelled runs are given up after the grace, within the same budget."""
    clock, gate = VirtualClock(), Gate()
    async with running(clock, categories={"core": 2}, abandoned_budget=1, cancel_grace=3.0) as brain:
        tasks = hang(brain, gate, 5, limit=1000.0)
        await gate.holds(2)
        assert all(task.cancel() for task in tasks[:2])
        assert figures(brain) == (2, 0, 3)
        await clock.advance(3)
        await gate.holds(3)
        assert figures(brain) == (2, 1, 2)
        gate.open()
        await brain.drain()
        await until(lambda: figures(brain) == (0, 0, 0))


@pytest.mark.feature("PE-02", "X-01")
async def test_hung_runs_do_not_hold_up_the_end():
    """`shutdown` returns with every slot hung and reports the threads still at work, the abandoned among them."""
    clock, gate = VirtualClock(), Gate()
    async with running(clock, categories={"core": 2}, abandoned_budget=1) as brain:
        tasks = hang(brain, gate, 4)
        await gate.holds(2)
        await clock.advance(5)
        await gate.holds(3)
        ending = asyncio.ensure_future(brain.shutdown(timeout=0))
        await clock.advance(0)
        report = await ending
        assert report.abandoned == 3
        assert all(task.done() for task in tasks)

"""Any mix of hangs, sizes, limits and cancels: the bounds hold at every instant, and every accepted task ends once."""

from __future__ import annotations

import asyncio
import random
import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from companion_async import (
    Brain,
    ModuleUnavailableError,
    QueueFullError,
    SchedulingPolicy,
    Task,
    TaskState,
    Timeout,
    current_task,
)
from companion_async.offload.house import House
from companion_async.offload.places import Places
from companion_async.testing.clock import VirtualClock, settle, until
from tests.work.house import running

CATEGORIES = {"core": 3, "phase1": 2, "phase2": 2}
MOST_THREADS = 8
LONGEST_QUEUE = 30


class Witness:
    """Looks at every change of the figures that are bounded, in whatever thread it happens."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.broken: list[str] = []
        self.peaks: Counter[str] = Counter()
        self.threads = 0
        self._watch(monkeypatch, Places, "working", lambda places: places.limit)
        self._watch(monkeypatch, Places, "abandoned", lambda places: places.budget)
        self._watch(monkeypatch, House, "live", lambda house: house.max_threads)

    def _watch(self, monkeypatch: pytest.MonkeyPatch, cls: type[Any], figure: str, bound: Callable[[Any], int]) -> None:
        slot, kept = vars(cls).get(figure), dict[int, int]()

        def read(owner: Any) -> int:
            return slot.__get__(owner) if slot is not None else kept[id(owner)]

        def write(owner: Any, value: int) -> None:
            before = kept.get(id(owner), 0)
            kept[id(owner)] = value
            if slot is not None:
                slot.__set__(owner, value)
            self.peaks[figure] = max(self.peaks[figure], value)
            # A bound that is lowered under work at its old height is kept by letting nothing more in.
            if value < 0 or (value > before and value > bound(owner)):
                self.broken.append(f"{figure} went from {before} to {value} over {bound(owner)}")

        monkeypatch.setattr(cls, figure, property(read, write), raising=False)

    def count(self) -> None:
        """Count the threads that there really are. Called by work in its thread."""
        named = sum(thread.name.startswith("companion-") for thread in threading.enumerate())
        self.threads = max(self.threads, named)


class Mixture:
    """What a seed makes of a brain: each step does one thing to it."""

    def __init__(self, brain: Brain, clock: VirtualClock, witness: Witness, seed: int) -> None:
        self.brain, self.clock, self.witness = brain, clock, witness
        self.dice = random.Random(seed)
        self.tasks: list[Task[Any]] = []
        self.ends: Counter[str] = Counter()
        self.refused = 0
        self.over = threading.Event()
        self.passes = threading.Semaphore(0)
        self.open = asyncio.Event()
        self._steps: list[tuple[int, Callable[[], Any]]] = [
            (30, self.submit),
            (6, self.cancel),
            (5, self.let_go),
            (3, self.resize),
            (3, self.send_idle_home),
            (2, self.hold_a_module),
            (1, self.change_policy),
        ]

    async def step(self) -> None:
        """Do something; now and then let time pass or the threads get on."""
        weights = [weight for weight, _ in self._steps]
        self.dice.choices([do for _, do in self._steps], weights)[0]()
        chance = self.dice.random()
        if chance < 0.1:
            await self.clock.advance(self.dice.choice([0.1, 0.5, 2.0]))
        elif chance < 0.4:
            await settle()

    # -- work ------------------------------------------------------------------------------------------------------

    def quick(self) -> None:
        self.witness.count()

    def hang(self) -> None:
        self.witness.count()
        while not self.over.is_set() and not self.passes.acquire(timeout=0.005):
            pass

    def heed(self) -> None:
        while not self.over.wait(0.001):
            current_task().check_cancelled()

    def fail(self) -> None:
        raise OSError("now and then")

    def nest(self) -> Any:
        self.witness.count()
        context = current_task()
        inner = context.submit(self.category(), self.quick, timeout=3.0)
        return context.wait(inner)

    def items(self) -> Any:
        yield from range(100)

    async def hang_on_the_loop(self) -> None:
        await self.open.wait()

    async def nest_on_the_loop(self) -> Any:
        return await self.brain.submit(self.category(), self.quick, timeout=3.0)

    def category(self) -> str:
        return f"category:{self.dice.choice(list(CATEGORIES))}"

    # -- steps -----------------------------------------------------------------------------------------------------

    def submit(self) -> None:
        work = self.dice.choice(
            [
                *[self.quick] * 4,
                *[self.hang] * 4,
                self.heed,
                self.fail,
                self.nest,
                self.nest,
                self.items,
                self.hang_on_the_loop,
                self.nest_on_the_loop,
            ]
        )
        timeout = self.dice.choice([0.3, 1.0, 3.0, Timeout(total=2.0), Timeout(queue=1.0, run=1.0)])
        waiting = [task for task in self.tasks[-20:] if not task.done()]
        options: dict[str, Any] = {
            "timeout": timeout,
            "priority": self.dice.choice(["critical", "medium", "idle"]),
            "on_full": self.dice.choice(["reject", "wait"]),
            "retry": self.dice.choice([None, None, 2]),
            "after": self.dice.choice([(), (), *waiting[:1]]),
            "on_upstream_failure": self.dice.choice(["fail", "skip", "run"]),
        }
        module = self.dice.choice(["capped", self.category(), self.category(), self.category()])
        try:
            task = self.brain.submit(module, work, callback=self.ended, **options)
        except QueueFullError:
            self.refused += 1
        except ModuleUnavailableError:  # its runs have kept the budget spent for half a minute
            self.refused += 1
            self.brain.resume("capped")
        else:
            self.tasks.append(task)

    def ended(self, task: Task[Any]) -> None:
        self.ends[task.id] += 1

    def cancel(self) -> None:
        living = [task for task in self.tasks[-60:] if not task.done()]
        if living:
            self.dice.choice(living).cancel()

    def let_go(self) -> None:
        self.passes.release(self.dice.randint(1, 3))
        if self.dice.random() < 0.3:
            self.open.set()
            self.open = asyncio.Event()

    def resize(self) -> None:
        self.brain.resize(self.dice.choice(list(CATEGORIES)), self.dice.randint(1, 5))

    def send_idle_home(self) -> None:
        controls = self.brain._assembly("test").controls
        controls.retire_idle(self.dice.choice(list(CATEGORIES)), keep=self.dice.randint(0, 2))

    def hold_a_module(self) -> None:
        state = self.brain.module_status("capped").state
        if state == "paused":
            self.brain.resume("capped")
        elif state == "running":
            self.brain.pause("capped")

    def change_policy(self) -> None:
        self.brain.set_policy(self.dice.choice(list(SchedulingPolicy)))

    # -- the end ---------------------------------------------------------------------------------------------------

    async def finish(self) -> None:
        """Let everything that hangs go, and everything that waits come to its turn."""
        self.over.set()
        self.open.set()
        if self.brain.module_status("capped").state == "paused":
            self.brain.resume("capped")
        scheduler = self.brain._assembly("test").scheduler
        for _ in range(20_000):  # so many that threads of a busy machine have their turn; none of them is waited for
            if not scheduler.live:
                break
            await self.clock.advance(0.1)
            await asyncio.to_thread(lambda: None)


async def mix(seed: int, steps: int, witness: Witness) -> Mixture:
    """One mixture from beginning to end, with everything held to its word."""
    clock = VirtualClock()
    settings: dict[str, Any] = {
        "categories": CATEGORIES,
        "max_threads": MOST_THREADS,
        "abandoned_budget": random.Random(seed).choice([0, 1, 2, None]),
        "cancel_grace": 0.5,
        "queue_capacity": LONGEST_QUEUE,
        "history_size": 1_000_000,
        "history_seconds": 1e6,
    }
    async with running(clock, **settings) as brain:
        await brain.register("capped", lambda: None, max_concurrency=1)
        mixture = Mixture(brain, clock, witness, seed)
        for _ in range(steps):
            await mixture.step()
            assert brain.status().total_threads <= MOST_THREADS
        await mixture.finish()
        tasks, scheduler = brain.tasks(limit=1_000_000), brain._assembly("test").scheduler
        assert scheduler.live == 0, [task for task in tasks if not task.done()]
        final = {TaskState.COMPLETED, TaskState.FAILED, TaskState.CANCELLED, TaskState.TIMED_OUT}
        assert {task.state for task in tasks} <= final
        await settle()
        # Each that was accepted has ended, and once: in its callback as in the totals, those that work made included.
        assert mixture.ends == Counter(task.id for task in mixture.tasks)
        endings = scheduler.endings
        assert endings.completed + endings.failed + endings.cancelled + endings.timed_out == len(tasks)
        pools = scheduler.pools.values()
        await until(lambda: not any(pool.working + pool.hurried + pool.abandoned + pool.waiting for pool in pools))
        assert all((port.running, port.size) == (0, 0) for port in scheduler.ports.values())
    assert witness.broken == []
    assert witness.threads <= MOST_THREADS
    return mixture


@pytest.mark.feature("X-01", "PM-12", "PE-02", "CB-04")
@pytest.mark.parametrize("seed", range(4))
async def test_in_any_mix_the_bounds_hold_and_every_task_ends_once(seed, monkeypatch):
    """Working slots within the limit, abandoned ones within the budget, all threads within the house's cap."""
    witness = Witness(monkeypatch)
    mixture = await mix(seed, 250, witness)
    states = Counter(task.state for task in mixture.tasks)
    assert min(states[state] for state in (TaskState.COMPLETED, TaskState.CANCELLED, TaskState.TIMED_OUT)) > 5
    assert witness.peaks["live"] >= MOST_THREADS - 2


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 160))
async def test_in_sixty_long_mixes_too(seed, monkeypatch):
    """The same over 2,000 steps each."""
    await mix(seed, 2_000, Witness(monkeypatch))


def test_a_broken_bound_is_seen(monkeypatch):
    """The witness itself: one over the cap is noted, a bound that is lowered under what there is is not."""
    witness = Witness(monkeypatch)
    house = House(2)
    for live in (1, 2, 1, 2):
        house.live = live
    assert witness.broken == []
    house.max_threads = 1
    house.live = 1
    assert witness.broken == []
    house.live = 2
    assert witness.broken == ["live went from 1 to 2 over 1"]

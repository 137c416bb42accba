"""All rules together, over simulated categories: what they lead to, not only what they say."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from itertools import pairwise
from typing import Literal

import msgspec
import pytest

from companion_async.autonomy.judgement import Judgement, judge_again
from companion_async.autonomy.settings import AutonomySettings
from companion_async.autonomy.situation import CategoryReading, ModuleReading, Situation
from companion_async.autonomy.verdict import Verdict

STEP = 0.02


class Category:
    """One category in simulation: arrivals at a rate, runs of ``service`` seconds, and a downstream that serves at most
    ``downstream`` runs at full speed.
    """

    def __init__(
        self, name: str, limit: int, rate: Callable[[float], float], service: float, downstream: int = 10_000
    ) -> None:
        self.name, self.limit, self.configured = name, limit, limit
        self.rate, self.service, self.downstream = rate, service, downstream
        self.queue: deque[float] = deque()
        self.runs: list[list[float]] = []
        self.idle = 0
        self.arrivals = self.completions = 0
        self.run_seconds = self._due = 0.0
        self.waits: list[float] = []
        self.idle_since = 0.0

    def tick(self, now: float) -> None:
        self._due += self.rate(now) * STEP
        while self._due >= 1:
            self._due -= 1
            self.arrivals += 1
            self.queue.append(now)
        speed = min(1.0, self.downstream / len(self.runs)) if self.runs else 0.0
        for run in self.runs:
            run[0] -= STEP * speed
            run[1] += STEP
        ended = [run for run in self.runs if run[0] <= 0]
        self.runs = [run for run in self.runs if run[0] > 0]
        self.completions += len(ended)
        self.run_seconds += sum(run[1] for run in ended)
        self.idle = min(self.idle + len(ended), max(0, self.limit - len(self.runs)))
        while self.queue and len(self.runs) < self.limit:
            self.waits.append(now - self.queue.popleft())
            self.runs.append([self.service, 0.0])
            self.idle = max(0, self.idle - 1)

    def reading(self, now: float) -> CategoryReading:
        return CategoryReading(
            name=self.name,
            limit=self.limit,
            configured=self.configured,
            working=len(self.runs),
            idle=self.idle,
            queued=len(self.queue),
            oldest_wait=now - self.queue[0] if self.queue else 0.0,
            arrivals=self.arrivals,
            completions=self.completions,
            run_seconds=self.run_seconds,
        )


class World:
    """Categories under a judgement whose verdicts are carried out."""

    def __init__(self, settings: AutonomySettings, *categories: Category, max_threads: int = 50) -> None:
        self.settings, self.judgement, self.max_threads = settings, Judgement(settings), max_threads
        self.categories = {category.name: category for category in categories}
        self.now = 0.0
        self.verdicts: list[tuple[float, Verdict]] = []
        self.situations: list[Situation] = []
        self.judge()

    def run(self, seconds: float) -> None:
        for _ in range(round(seconds / self.settings.interval)):
            for _ in range(round(self.settings.interval / STEP)):
                self.now += STEP
                for category in self.categories.values():
                    category.tick(self.now)
            self.judge()

    def judge(self) -> None:
        readings = tuple(category.reading(self.now) for category in self.categories.values())
        threads = sum(reading.working + reading.idle for reading in readings)
        situation = Situation(now=self.now, categories=readings, total_threads=threads, max_threads=self.max_threads)
        self.situations.append(situation)
        for verdict in self.judgement.consider(situation):
            category = self.categories[verdict.context]
            category.limit = verdict.data["new"]
            if verdict.type == "scale_down":
                category.idle = max(0, min(category.idle, verdict.data["keep"] - len(category.runs)))
            self.judgement.carried_out(verdict, self.now)
            self.verdicts.append((self.now, verdict))

    def limits(self, name: str) -> list[int]:
        return [verdict.data["new"] for _, verdict in self.verdicts if verdict.context == name]


@pytest.mark.feature("CB-14", "CB-15", "CB-20")
def test_waiting_work_gets_the_slots_it_needs_and_gives_them_back() -> None:
    """A load of 20 slots on a limit of 5 is met within a minute; after it, limit and threads are back in time."""
    calls = Category("phase2", 5, lambda now: 20.0 if now < 120 else 0.5, service=1.0)
    world = World(AutonomySettings(), calls)
    world.run(120)
    assert calls.limit >= 20
    assert not calls.queue
    assert calls.waits[-1] < 0.1
    world.run(240)
    assert calls.limit == 5
    assert calls.idle + len(calls.runs) <= 2
    assert len(world.limits("phase2")) <= 10


@pytest.mark.feature("CB-14")
def test_the_plain_rule_climbs_by_two_where_the_adaptive_one_is_there_at_once() -> None:
    """The same load under both: the named baseline is the documents' rule, and it is the slow one."""
    found = {}
    scalings: tuple[Literal["plain", "adaptive"], ...] = ("plain", "adaptive")
    for scaling in scalings:
        calls = Category("phase2", 5, lambda now: 20.0, service=1.0)
        world = World(AutonomySettings(scaling=scaling), calls)
        world.run(60)
        found[scaling] = (world.limits("phase2"), len(calls.queue))
    assert found["plain"][0] == [7, 9, 11, 13, 15, 17]
    assert found["plain"][1] > 300
    assert found["adaptive"][1] < 50


def test_threads_that_would_only_wait_for_a_database_are_taken_back() -> None:
    """Behind eight connections more slots bring no throughput: the step is undone, and the next try comes later."""
    queries = Category("db", 5, lambda now: 130.0, service=0.1, downstream=8)
    world = World(AutonomySettings(), queries)
    world.run(600)
    regrets = [at for at, verdict in world.verdicts if verdict.rule == "scale.gain"]
    assert len(regrets) >= 2
    assert queries.limit <= 20
    gaps = [later - earlier for earlier, later in pairwise(regrets)]
    assert gaps == sorted(gaps), "each regret bars growth for longer than the one before"
    assert len(world.verdicts) <= 14


def test_a_load_that_comes_and_goes_with_the_decisions_does_not_flap() -> None:
    """SCA-01: a square wave as long as the interval: at most one resize per cooldown, and the direction is kept."""
    calls = Category("phase2", 5, lambda now: 30.0 if now % 20 < 10 else 0.0, service=1.0)
    settings = AutonomySettings()
    world = World(settings, calls)
    world.run(600)
    moments = [at for at, _ in world.verdicts]
    assert all(b - a >= settings.resize_cooldown for a, b in pairwise(moments))
    ups = [verdict.type == "scale_up" for _, verdict in world.verdicts]
    reversals = sum(a != b for a, b in pairwise(ups))
    assert reversals <= 1


def test_categories_that_ask_at_once_share_what_the_house_has() -> None:
    """SCA-03: in every pass the slots added are no more than the threads there are to give."""
    categories = [Category(f"c{n}", 5, lambda now: 20.0, service=1.0) for n in range(5)]
    world = World(AutonomySettings(), *categories, max_threads=40)
    world.run(10)
    added = sum(verdict.data["new"] - verdict.data["old"] for _, verdict in world.verdicts)
    assert 0 < added <= 40 - 25
    assert sum(category.limit for category in categories) <= 40


def test_nothing_is_sized_where_the_config_forbids_it() -> None:
    """Without auto-scaling there is neither growth nor decline."""
    calls = Category("phase2", 5, lambda now: 20.0 if now < 60 else 0.0, service=1.0)
    world = World(AutonomySettings(auto_scaling=False), calls)
    world.run(200)
    assert world.verdicts == []


def test_an_idle_house_decides_nothing() -> None:
    """With no load there is no verdict at all, pass after pass."""
    world = World(AutonomySettings(), Category("core", 10, lambda now: 0.0, service=1.0))
    world.run(900)
    assert world.verdicts == []


def test_a_verdict_that_could_not_be_carried_out_comes_again() -> None:
    """What failed leaves no cooldown behind: the grounds stand, so does the verdict."""
    judgement = Judgement(AutonomySettings())
    reading = CategoryReading(
        name="c", limit=5, configured=5, working=5, queued=50, oldest_wait=3.0, completions=10, run_seconds=10.0
    )
    found = [judgement.consider(Situation(now=at, categories=(reading,), total_threads=5)) for at in (0.0, 10.0, 20.0)]
    assert [[verdict.type for verdict in verdicts] for verdicts in found] == [["scale_up"]] * 3


def test_a_hand_that_resizes_meanwhile_ends_the_check_of_the_gain() -> None:
    """A step is judged only while its own limit is in force."""
    judgement = Judgement(AutonomySettings())
    busy = CategoryReading(
        name="c", limit=5, configured=5, working=5, queued=50, oldest_wait=3.0, completions=100, run_seconds=100.0
    )
    (up,) = judgement.consider(Situation(now=0.0, categories=(busy,), total_threads=5))
    judgement.carried_out(up, 0.0)
    new = up.data["new"]
    stalled = msgspec.structs.replace(busy, limit=new, working=new, completions=150, run_seconds=500.0)
    (back,) = judgement.consider(Situation(now=20.0, categories=(stalled,), total_threads=new))
    assert (back.rule, back.data["new"]) == ("scale.gain", 5)
    by_hand = msgspec.structs.replace(stalled, limit=9, working=9)
    later = judgement.consider(Situation(now=30.0, categories=(by_hand,), total_threads=9))
    assert all(verdict.rule != "scale.gain" for verdict in later)


@pytest.mark.feature("CB-15")
def test_threads_that_went_are_not_sent_home_again_before_another_window() -> None:
    """Low utilisation with idle threads left over: one decision a minute, not one a pass."""
    judgement, moments = Judgement(AutonomySettings()), list[float]()
    reading = CategoryReading(name="c", limit=10, configured=10, working=1, idle=5)
    for now in range(0, 200, 10):
        situation = Situation(now=float(now), categories=(reading,), total_threads=6)
        for verdict in judgement.consider(situation):
            judgement.carried_out(verdict, situation.now)
            moments.append(situation.now)
    assert moments == [60.0, 120.0, 180.0]


@pytest.mark.feature("X-19")
def test_a_recording_can_be_judged_again_under_other_settings() -> None:
    """The same situations give the same verdicts; other settings give others, without a runtime."""
    calls = Category("phase2", 5, lambda now: 20.0 if now < 120 else 0.5, service=1.0)
    world = World(AutonomySettings(), calls)
    world.run(300)
    encoded = msgspec.json.encode(world.situations)
    recorded = msgspec.json.decode(encoded, type=list[Situation])
    assert judge_again(recorded, AutonomySettings()) == world.verdicts
    plain = judge_again(recorded, AutonomySettings(scaling="plain"))
    assert plain != world.verdicts
    assert {verdict.rule for _, verdict in plain} <= {"scale.plain", "scale.shrink", "scale.retire"}


def test_computing_categories_are_not_grown() -> None:
    """Every slot busy and work waiting, and yet no growth: more threads would fight for the interpreter lock."""
    judgement = Judgement(AutonomySettings())
    for at in (0.0, 10.0, 20.0, 30.0):
        reading = CategoryReading(
            name="c",
            limit=5,
            configured=5,
            working=5,
            queued=50,
            oldest_wait=3.0,
            arrivals=int(10 * at),
            completions=int(5 * at),
            run_seconds=5 * at,
        )
        module = ModuleReading(
            name="m",
            category="c",
            state="running",
            running=5,
            runs=int(5 * at),
            run_seconds=5 * at,
            measured_runs=int(5 * at),
            measured_seconds=5 * at,
            cpu_seconds=at,
        )
        situation = Situation(now=at, categories=(reading,), modules=(module,), total_threads=5, process_cpu_seconds=at)
        verdicts = judgement.consider(situation)
        if at > 0:
            assert {verdict.type for verdict in verdicts} == {"throttle_cpu_bound"}
    assert judgement.governor.share("m") > 0.9

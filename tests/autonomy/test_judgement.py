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
from companion_async.autonomy.signals import CategoryGlance, EndedRun, Glance, Signals
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
        self.ended: list[EndedRun] = []
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
        self.ended += [EndedRun(f"{self.name}.run", run[1], 0.0) for run in ended]
        self.run_seconds += sum(run[1] for run in ended)
        self.idle = min(self.idle + len(ended), max(0, self.limit - len(self.runs)))
        while self.queue and len(self.runs) < self.limit:
            self.waits.append(now - self.queue.popleft())
            self.runs.append([self.service, 0.0])
            self.idle = max(0, self.idle - 1)

    def glance(self, now: float) -> CategoryGlance:
        ended, self.ended = self.ended, []
        signals = Signals(now, self.limit, len(self.runs), len(self.queue), self.arrivals, ended)
        return CategoryGlance(signals, self.configured, len(self.runs) + self.idle, self.idle)

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
        self.recorded: list[Situation | Glance] = []
        self.judge()

    def run(self, seconds: float) -> None:
        looks = round(self.settings.look_interval / STEP)
        for step in range(1, round(seconds / STEP) + 1):
            self.now = round(self.now + STEP, 6)
            for category in self.categories.values():
                category.tick(self.now)
            if step % looks == 0:
                self.glance()
            if step % round(self.settings.interval / STEP) == 0:
                self.judge()

    def judge(self) -> None:
        readings = tuple(category.reading(self.now) for category in self.categories.values())
        threads = sum(reading.working + reading.idle for reading in readings)
        situation = Situation(now=self.now, categories=readings, total_threads=threads, max_threads=self.max_threads)
        self.recorded.append(situation)
        self.carry_out(self.judgement.consider(situation))

    def glance(self) -> None:
        threads = sum(len(category.runs) + category.idle for category in self.categories.values())
        found = {name: category.glance(self.now) for name, category in self.categories.items()}
        glance = Glance(self.now, found, self.max_threads - threads)
        self.recorded.append(glance)
        self.carry_out(self.judgement.glance(glance))

    def carry_out(self, verdicts: list[Verdict]) -> None:
        for verdict in verdicts:
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
    assert len(world.limits("phase2")) <= 15


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
    """Behind eight connections more slots bring no throughput: the limit stays about there, and what lies above is
    tried again after longer and longer.
    """
    queries = Category("db", 5, lambda now: 130.0, service=0.1, downstream=8)
    world = World(AutonomySettings(), queries)
    world.run(300)
    assert 6 <= queries.limit <= 12
    cuts = [at for at, verdict in world.verdicts if verdict.data.get("cause") == "downstream"]
    assert cuts
    assert len([at for at in cuts if at > 150]) <= 6
    assert "limit of its own" in next(v.reason for _, v in world.verdicts if v.data.get("cause") == "downstream")


def test_a_load_that_comes_and_goes_with_the_decisions_does_not_flap() -> None:
    """SCA-01: a square wave as long as the interval: what was needed a moment ago is kept."""
    calls = Category("phase2", 5, lambda now: 30.0 if now % 20 < 10 else 0.0, service=1.0)
    settings = AutonomySettings()
    world = World(settings, calls)
    world.run(600)
    ups = [verdict.type == "scale_up" for _, verdict in world.verdicts]
    reversals = sum(a != b for a, b in pairwise(ups))
    assert reversals <= 6


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
    scalings: tuple[Literal["plain", "adaptive"], ...] = ("plain", "adaptive")
    for scaling in scalings:
        judgement = Judgement(AutonomySettings(scaling=scaling))
        reading = CategoryReading(name="c", limit=5, configured=5, working=5, queued=50, oldest_wait=3.0)
        glances = [
            Glance(at, {"c": CategoryGlance(Signals(at, 5, 5, 50, 55), 5, 5)}, 45) for at in (0.0, 1.0, 2.0, 3.0, 4.0)
        ]
        situations = [Situation(now=at, categories=(reading,), total_threads=5) for at in (0.0, 10.0, 20.0)]
        looks = [judgement.glance(glance) for glance in glances] + [judgement.consider(one) for one in situations]
        ups = [verdict for verdicts in looks for verdict in verdicts if verdict.type == "scale_up"]
        assert len(ups) >= 3
        assert {verdict.rule for verdict in ups} == {f"scale.{scaling}"}


def test_urgent_work_gets_the_last_threads_of_the_house() -> None:
    """Two categories that want more than there is: the one whose queue holds work of the upper levels comes first."""
    for urgent in ("a", "b"):
        judgement = Judgement(AutonomySettings())
        ended = [EndedRun("m.run", 1.0, 0.0)] * 30
        found = list[Verdict]()
        for tenth in range(12):
            now = tenth / 10
            glance = Glance(
                now,
                {
                    name: CategoryGlance(
                        Signals(now, 5, 5, 90 if name == "a" else 80, 200, ended), 5, 5, urgent=name == urgent
                    )
                    for name in ("a", "b")
                },
                spare=3,
            )
            found = judgement.glance(glance) or found
        assert [(verdict.context, verdict.data["new"]) for verdict in found if verdict.data["cause"] == "demand"] == [
            (urgent, 8)
        ]


@pytest.mark.parametrize(
    ("stuck", "lag", "memory", "cpu", "grows"),
    [
        (0, None, None, 0.0, True),
        (5, None, None, 0.0, False),  # SCA-04: hung slots are not load
        (2, None, None, 0.0, True),
        (0, 0.2, None, 0.0, True),  # waiting work does not make the loop late
        (0, 0.2, None, 0.1, False),  # computing work does
        (0, 0.04, None, 0.1, True),
        (0, None, 0.9, 0.0, False),
    ],
)
def test_what_forbids_growth(stuck: int, lag: float | None, memory: float | None, cpu: float, grows: bool) -> None:
    """Slots that hang, a loop that is late while the runs compute, and memory that is nearly gone."""
    judgement, found = Judgement(AutonomySettings()), list[Verdict]()
    ended = [EndedRun("m.run", 1.0, cpu)] * 30
    for second in range(4):
        one = CategoryGlance(Signals(float(second), 5, 5, 50, 60, ended), 5, 5, stuck=stuck)
        found += judgement.glance(Glance(float(second), {"c": one}, 45, lag, memory))
    assert bool(found) is grows


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
    """The same situations and looks give the same verdicts; other settings give others, without a runtime."""
    calls = Category("phase2", 5, lambda now: 20.0 if now < 60 else 0.5, service=1.0)
    world = World(AutonomySettings(), calls)
    world.run(150)
    encoded = msgspec.json.encode(world.recorded)
    recorded = msgspec.json.decode(encoded, type=list[Situation | Glance])
    assert judge_again(recorded, AutonomySettings()) == world.verdicts
    plain = judge_again(recorded, AutonomySettings(scaling="plain"))
    assert plain != world.verdicts
    assert {verdict.rule for _, verdict in plain} <= {"scale.plain", "scale.shrink", "scale.retire"}


@pytest.mark.feature("X-03")
def test_computing_work_is_judged_between_the_passes() -> None:
    """What uses the processor is told at its own looks, and gets its limit from them alone."""
    judgement = Judgement(AutonomySettings())
    found = list[Verdict]()
    for fifth in range(6):
        at = fifth / 5
        module = ModuleReading(
            name="m",
            category="c",
            state="running",
            running=5,
            run_seconds=5 * at,
            measured_seconds=5 * at,
            cpu_seconds=at,
        )
        found += judgement.govern(Situation(now=at, modules=(module,), process_cpu_seconds=at))
    assert {verdict.type for verdict in found} == {"throttle_cpu_bound"}
    assert judgement.governor.share("m") > 0.9

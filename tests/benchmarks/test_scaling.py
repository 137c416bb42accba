"""The simulation of category controllers: its arithmetic, its worlds, and how ours is judged."""

from __future__ import annotations

import math

import pytest

from benchmarks.simulation.rivals import Fixed, Gradient2, Plain, QueueOnly, Vegas
from benchmarks.simulation.score import OURS, PLAIN, Cell, cell, geometric_mean, score
from benchmarks.simulation.shapes import FRESH, HELD_OUT, SHAPES, Job, Kind, Shape, jobs
from benchmarks.simulation.trial import CONTROLLERS
from benchmarks.simulation.world import Controller, simulate
from benchmarks.suites import scaling
from companion_async.autonomy.signals import EndedRun, Signals


def shape(*stages: tuple[str, float], capacity: float = 4.0, collapse: float = 0.5) -> Shape:
    kinds = (Kind("run", 1.0, stages, 0.0),)
    return Shape("t", "", 10, kinds, lambda _: 1.0, 1.0, capacity=lambda _: capacity, collapse=collapse)


def at_once(count: int, *stages: tuple[str, float]) -> list[Job]:
    return [Job(0.5, "run", stages)] * count


@pytest.mark.parametrize(
    ("what", "count", "limit", "seconds"),
    [
        ("io", 8, 8, 1.0),  # waiting disturbs nobody
        ("io", 8, 4, 2.0),  # in two turns
        ("db", 4, 8, 1.0),  # within its capacity
        ("db", 8, 8, 2.0**1.5),  # twice the capacity: half the speed each, and more is lost
        ("cpu", 4, 1, 4.0),  # one after the other
        ("cpu", 4, 4, 4.0 * 1.03),  # side by side no faster
    ],
)
def test_what_jobs_share_makes_them_slower(what: str, count: int, limit: int, seconds: float) -> None:
    """Waiting, a downstream that collapses, and one interpreter: the last is done when it must be."""
    course = simulate(shape((what, 1.0)), at_once(count, (what, 1.0)), Fixed(limit))
    ends = [sojourn for sojourn in course.sojourns if limit >= count or course.limits]
    assert max(ends) == pytest.approx(seconds, abs=0.12)
    assert course.unserved == 0


@pytest.mark.parametrize(("surplus_retirement", "seconds"), [(math.inf, 8 * 9.6), (2.0, 5 * 9.6 + 3 * 3.0)])
def test_idle_threads_beyond_those_it_began_with_go_home(surplus_retirement: float, seconds: float) -> None:
    """Eight jobs of a second at half past the first: three of the threads go two seconds after that."""
    course = simulate(shape(("io", 1.0)), at_once(8, ("io", 1.0)), Fixed(8), surplus_retirement)
    assert course.thread_seconds == pytest.approx(seconds, abs=0.4)


def test_arrivals_are_the_same_for_all_and_for_ever() -> None:
    """They follow from shape and seed alone; another seed gives others."""
    assert jobs(SHAPES["W1"], 3) == jobs(SHAPES["W1"], 3)
    assert jobs(SHAPES["W1"], 3) != jobs(SHAPES["W1"], 4)
    assert len(SHAPES) == 36
    assert {*HELD_OUT, *FRESH} <= SHAPES.keys()
    assert 2 * len({*HELD_OUT, *FRESH}) > len(SHAPES) * 2 / 3


def test_the_documents_rule_grows_by_two_every_ten_seconds_and_never_shrinks() -> None:
    """It is the brain's own plain rule that is asked."""
    course = simulate(SHAPES["W1"], jobs(SHAPES["W1"], 1), Plain())
    assert sorted(set(course.limits)) == list(range(5, max(course.limits) + 1, 2))
    assert course.limits == sorted(course.limits)


@pytest.mark.parametrize("make", [QueueOnly, Vegas, Gradient2])
def test_the_others_open_for_a_load_that_needs_it(make: type[Controller]) -> None:
    """Each in its own way reaches more than the five slots that it began with, and stays within the fifty."""
    course = simulate(SHAPES["G1"], jobs(SHAPES["G1"], 1), make())
    assert max(course.limits) > 10
    assert max(course.limits) <= 50


def test_netflix_limits_close_where_latency_grows() -> None:
    """Three seconds of runs that take five times as long as the shortest."""
    for make in (Vegas, Gradient2):
        controller, limit = make(), 40
        controller._limit = 40.0
        for second in range(1, 30):
            seconds = 0.1 if second < 15 else 0.5
            ended = [EndedRun("run", seconds, 0.0)] * 40
            limit = controller.look(Signals(float(second), limit, 40, 10, 0, ended), 1.0)
            if second == 14:
                before = limit
        assert limit < before


def test_scores_are_ratios_to_the_best_of_each_shape() -> None:
    """On geometric mean, and the worst by itself; thread-seconds, and threads, beside those of the plain rule."""

    def one(p99: float, thread_seconds: float = 1.0, seconds: float = 1.0) -> list[Cell]:
        return [Cell(p99, thread_seconds, seconds, 5.0, 2.0, 0.1)]

    cells = {
        "a": {OURS: one(1.0, 8.0), PLAIN: one(10.0, 10.0), "x": one(2.0)},
        "b": {OURS: one(4.0, 8.0), PLAIN: one(8.0, 10.0, 2.0), "x": one(2.0)},
    }
    fixed = {"a": {"1": one(0.5), "2": one(3.0)}, "b": {"1": one(4.0)}}
    found = score(cells, fixed, ("a", "b"))
    assert found.best == {"a": 1.0, "b": 2.0}
    assert found.oracle == {"a": 2.0, "b": 1.0}
    assert found.plain == pytest.approx(20**0.5)
    assert (found.thread_seconds, found.reversals, found.left_over) == (0.8, 2.0, 0.1)
    assert found.threads == pytest.approx(16 / 15)  # who takes twice as long has half the threads
    assert geometric_mean([1.0, 4.0]) == pytest.approx(2.0)


def test_a_cell_counts_changes_of_direction_and_what_was_left_over() -> None:
    """Up, down, up and down are three; a limit of ten where five would do is twice the need."""
    course = simulate(SHAPES["W1"], jobs(SHAPES["W1"], 1), Fixed(10))
    course.limits[100:103] = [12, 9, 11]
    found = cell(SHAPES["W1"], course)
    assert found.reversals == pytest.approx(3 / (len(course.limits) / 600))
    assert found.left_over == pytest.approx(10 / 5 - 1)


@pytest.mark.slow
def test_the_suite_reports_and_reaches_what_it_should() -> None:
    """Quick: ten shapes, one seed; every goal beside what was measured."""
    shares = list[float]()
    report = scaling.measure("asyncio", quick=True, progress=shares.append)
    assert shares[-1] == pytest.approx(1.0)
    assert {one.contender for one in report.measurements} == set(CONTROLLERS)
    assert report.charts
    best, worst, plain = report.verdicts[:3]
    assert best.reached
    assert worst.reached
    assert plain.reached

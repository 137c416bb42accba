"""The adaptive rule at work in simulated categories: what it leads to."""

from __future__ import annotations

from itertools import pairwise

import pytest

from benchmarks.simulation.rivals import Adaptive, Fixed, Plain
from benchmarks.simulation.shapes import MOST, SHAPES, jobs, offered
from benchmarks.simulation.world import Course, simulate
from companion_async.autonomy.settings import AutonomySettings
from companion_async.autonomy.signals import EndedRun, Signals
from companion_async.autonomy.sizer import Sizer


def run(name: str, seed: int = 1) -> Course:
    return simulate(SHAPES[name], jobs(SHAPES[name], seed), Adaptive())


def p99(course: Course) -> float:
    return sorted(course.sojourns)[int(0.99 * len(course.sojourns))]


@pytest.mark.feature("CB-14", "CB-20")
@pytest.mark.parametrize(("name", "fixed"), [("W1", 50), ("W3", 5), ("W4", 16), ("F1", 50), ("F7", 50)])
def test_it_is_as_good_as_the_fixed_limit_that_suits(name: str, fixed: int) -> None:
    """Waiting work, computing work and mixtures each have another best limit; it finds all of them."""
    best = simulate(SHAPES[name], jobs(SHAPES[name], 1), Fixed(fixed))
    assert p99(run(name)) <= 1.3 * p99(best)


@pytest.mark.feature("CB-14")
def test_it_leaves_the_documents_rule_far_behind_at_no_more_threads_where_both_can_do_the_work() -> None:
    """A database that carries four: the plain rule climbs until it collapses, ours stays where it is carried."""
    plain = simulate(SHAPES["H6"], jobs(SHAPES["H6"], 1), Plain())
    ours = run("H6")
    assert p99(ours) < p99(plain) / 20
    assert ours.thread_seconds < plain.thread_seconds / 3


@pytest.mark.feature("CB-15")
@pytest.mark.parametrize("name", ["W1", "W2", "F1", "F7"])
def test_the_limit_is_back_a_minute_after_the_load_fell(name: str) -> None:
    """Within a fifth of the need, or at what was configured."""
    shape, course = SHAPES[name], run(name)
    for drop in shape.drops:
        load = offered(shape, drop + 60)
        assert course.limits[int((drop + 60) * 10) - 1] <= 1.2 * max(5, load + 2 * load**0.5)


@pytest.mark.parametrize("name", ["H6", "W5", "H1", "F3"])
def test_it_does_not_flap(name: str) -> None:
    """Six changes of direction a minute at most, near saturation, in overload, and with load that comes and goes."""
    limits = run(name).limits
    steps = [b - a for a, b in pairwise(limits) if a != b]
    reversals = sum(a * b < 0 for a, b in pairwise(steps))
    assert reversals <= 6 * len(limits) / 600


def test_the_same_signals_give_the_same_sizes() -> None:
    """There is no chance in it: a recording can be judged again."""
    assert run("W2").limits == run("W2").limits


def test_a_queue_that_lasts_a_tenth_of_a_second_is_answered_before_the_next_full_look() -> None:
    """Once it is known how long the runs take; a queue seen only once is left alone."""
    sizer = Sizer("c", 5, AutonomySettings())
    ended = [EndedRun("m.run", 0.5, 0.0) for _ in range(30)]
    assert sizer.look(Signals(0.0, 5, 2, 0, 100, ended), MOST) is None
    assert sizer.look(Signals(1.0, 5, 2, 0, 105), MOST) is None
    assert sizer.look(Signals(1.1, 5, 5, 40, 150), MOST) is None
    size = sizer.look(Signals(1.2, 5, 5, 40, 150), MOST)
    assert size is not None
    assert size.limit == 10
    again = sizer.look(Signals(1.3, 10, 10, 35, 150), MOST)
    assert again is not None
    assert again.limit == 20


def test_without_a_run_that_ended_it_feels_its_way() -> None:
    """By two slots a second, from a queue that stays."""
    sizer = Sizer("c", 5, AutonomySettings())
    limit, seen = 5, list[int]()
    for tenth in range(31):
        size = sizer.look(Signals(tenth / 10, limit, limit, 30, 40), MOST)
        limit = limit if size is None else size.limit
        seen.append(limit)
    assert (seen[0], seen[10], seen[20], seen[30]) == (5, 7, 9, 11)


def test_a_limit_that_someone_else_sets_is_taken_as_it_is() -> None:
    """A cut on trial is none any more, and nothing is undone."""
    shape = SHAPES["H6"]

    class Hand(Adaptive):
        def look(self, seen: Signals, oldest_wait: float) -> int:
            return 4 if seen.now > 50 else super().look(seen, oldest_wait)

    course = simulate(shape, jobs(shape, 1), Hand())
    assert set(course.limits[510:]) == {4}

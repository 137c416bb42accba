"""How much longer runs take than undisturbed, each against its own target's baseline."""

from __future__ import annotations

import math
import random

import pytest

from companion_async.autonomy.signals import EndedRun
from companion_async.autonomy.stretch import Stretch


def feed(stretch: Stretch, seconds: float, target: str = "m.run", at: float = 0.0, spread: float = 0.0) -> None:
    """Sixty runs of about that long, in three seconds."""
    dice = random.Random(7)
    for second in range(3):
        for _ in range(20):
            stretch.add(at + second, EndedRun(target, seconds * dice.lognormvariate(0.0, spread), 0.0))
        stretch.learn(rising=False)


def test_runs_are_set_against_what_is_usual_for_their_target() -> None:
    """Ten times slower calls of another method are no stretch; twice as slow calls of the same are."""
    stretch = Stretch()
    feed(stretch, 0.1)
    feed(stretch, 1.0, "m.other")
    assert stretch.read(-math.inf).mean == pytest.approx(0.0, abs=1e-6)
    feed(stretch, 0.2)
    reading = stretch.read(-math.inf)
    assert math.exp(reading.mean) == pytest.approx(2.0)
    assert reading.runs == 60


def test_a_few_runs_are_no_baseline() -> None:
    """Of a burst the shortest end first."""
    stretch = Stretch()
    for seconds in (0.01, 0.02, 0.03):
        stretch.add(0.0, EndedRun("m.run", seconds, 0.0))
    stretch.learn(rising=True)
    assert stretch.read(-math.inf).runs == 0


def test_work_of_very_different_lengths_is_less_certain() -> None:
    """The error grows with the spread, and so the stretch that is sure shrinks."""
    even, wild = Stretch(), Stretch()
    feed(even, 0.1, spread=0.1)
    feed(wild, 0.1, spread=1.2)
    assert wild.read(-math.inf).error > 5 * even.read(-math.inf).error
    assert wild.read(-math.inf).at_least(2.5) < even.read(-math.inf).at_least(2.5)


def test_only_runs_that_began_since_count_where_that_is_asked() -> None:
    """What began under another limit says nothing of this one."""
    stretch = Stretch()
    feed(stretch, 0.1)
    feed(stretch, 0.5, at=10.0)
    assert stretch.read(9.0).runs == 60
    assert stretch.read(11.0).runs == 20
    assert stretch.read(20.0).runs == 0
    assert stretch.service(9.0)[0] == pytest.approx(0.5)


def test_a_lasting_overload_does_not_become_the_baseline_but_a_lasting_change_does() -> None:
    """It rises by a hundredth a second, and not while the category is full; a regret brings it half the way at once."""
    stretch = Stretch()
    feed(stretch, 0.1)
    for second in range(200):
        for _ in range(20):
            stretch.add(10.0 + second, EndedRun("m.run", 0.2, 0.0))
        stretch.learn(rising=False)
    assert math.exp(stretch.read(-math.inf).mean) == pytest.approx(2.0)
    stretch.rebase()
    assert math.exp(stretch.read(-math.inf).mean) == pytest.approx(2**0.5)
    for second in range(200):
        stretch.add(300.0 + second, EndedRun("m.run", 0.2, 0.0))
        stretch.learn(rising=True)
    assert math.exp(stretch.read(-math.inf).mean) == pytest.approx(1.0, abs=0.01)


def test_targets_without_number_are_not_kept() -> None:
    """Callables made for each call do not fill the memory."""
    stretch = Stretch()
    for number in range(5000):
        stretch.add(0.0, EndedRun(f"m.{number}", 0.1, 0.0))
    assert len(stretch._targets) <= 1000

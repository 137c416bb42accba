"""For how long a run has shown no sign of life."""

from __future__ import annotations

from companion_async.health.stillness import Stillness


def test_a_run_that_does_nothing_is_still_from_the_first_look_on() -> None:
    """Same stack, no processor time, no progress told: the seconds add up."""
    watch = Stillness()
    looks = [watch.look("t", now, "recv", 0.5, 400.0 + now) for now in (0.0, 5.0, 300.0)]
    assert looks == [0.0, 5.0, 300.0]


def test_any_sign_of_life_begins_the_count_again() -> None:
    """A stack that moved, a tick of processor time, or progress that was told."""
    watch = Stillness()
    watch.look("t", 0.0, "recv", 0.5, 1000.0)
    assert watch.look("t", 10.0, "send", 0.5, 1000.0) == 0.0
    assert watch.look("t", 20.0, "send", 0.51, 1000.0) == 0.0
    assert watch.look("t", 30.0, "send", 0.51, 1000.0) == 10.0
    assert watch.look("t", 40.0, "send", 0.51, 2.0) == 2.0


def test_without_processor_figures_the_stack_alone_decides() -> None:
    """A figure that cannot be read is no sign, and none that is missing for once."""
    watch = Stillness()
    watch.look("t", 0.0, "recv", None, 1000.0)
    assert watch.look("t", 10.0, "recv", None, 1000.0) == 10.0
    assert watch.look("t", 20.0, "recv", 0.5, 1000.0) == 20.0


def test_each_run_is_its_own_and_ended_ones_are_forgotten() -> None:
    """A new run under the same name, after the old one was forgotten, begins at 0."""
    watch = Stillness()
    watch.look("a", 0.0, "recv", None, 1000.0)
    watch.look("b", 5.0, "recv", None, 1000.0)
    watch.forget_others({"b"})
    assert watch.look("a", 10.0, "recv", None, 1000.0) == 0.0
    assert watch.look("b", 10.0, "recv", None, 1000.0) == 5.0

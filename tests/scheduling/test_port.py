"""What a target is taken for, from what its runs took: how many threads it is worth, and how closely it is watched."""

from __future__ import annotations

from companion_async.modules.handlers import HandlerKind
from companion_async.scheduling.port import Target


def target(*runs: tuple[float, float | None], times: int = 1) -> Target:
    """A target that ran so, in microseconds on the clock and on the processor, so many times over."""
    made = Target("run", lambda: None, HandlerKind.THREAD)
    for _ in range(times):
        for seconds, cpu in runs:
            made.ran(seconds * 1e-6, None if cpu is None else cpu * 1e-6)
    return made


def kind(made: Target) -> tuple[bool, bool]:
    """Whether it is light, and whether it is brief."""
    return made.light, made.brief


def test_what_takes_microseconds_is_light() -> None:
    """Whether its processor time is known or not; after a few runs, not before."""
    assert kind(target((5, 5), times=4)) == (False, False)
    assert kind(target((5, 5), times=5)) == (True, True)
    assert kind(target((5, None), times=5)) == (True, True)


def test_what_holds_the_interpreter_for_a_moment_is_light() -> None:
    """50 us of computing stay light when one run in fifty waits for the interpreter, a hundred times as long."""
    runs = [(50.0, 49.0)] * 49 + [(5_050.0, 50.0)]
    made = target(*runs, times=4)
    assert kind(made) == (True, True)
    assert 45e-6 < made.average < 55e-6


def test_waiting_for_the_interpreter_says_nothing_of_what_computes() -> None:
    """Runs that nobody measured and that took some milliseconds leave a target that computes as it was."""
    made = target((50, 50), times=20)
    for _ in range(20):
        made.ran(0.005, None)
    assert kind(made) == (True, True)
    for _ in range(3):
        made.ran(0.05, None)
    assert kind(made) == (False, False)


def test_what_lets_go_of_the_interpreter_gets_threads_and_is_sampled() -> None:
    """A hash of 50 us, of which every other run waits to get the interpreter back, is brief and not light."""
    assert kind(target((60, 50), (400, 50), times=20)) == (False, True)


def test_what_waits_is_neither() -> None:
    """A query of 300 us that computes for 10 gets threads, and each run is measured."""
    assert kind(target((300, 10), times=20)) == (False, False)


def test_what_computes_for_long_is_neither() -> None:
    """Milliseconds of computing are measured each time, however often they are interrupted."""
    assert kind(target((4_000, 3_900), times=20)) == (False, False)
    assert kind(target((8_000, 4_000), times=20)) == (False, False)


def test_a_target_is_known_as_it_is_now() -> None:
    """Light work that turns to waiting is light no more within a few samples."""
    made = target((50, 50), times=50)
    for _ in range(15):
        made.ran(0.01, 1e-5)
    assert kind(made) == (False, False)

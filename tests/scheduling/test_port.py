"""What a target is taken for, from what its runs took: how many threads it is worth, and how closely it is watched."""

from __future__ import annotations

import inspect
from functools import partial
from typing import Any

import pytest

from companion_async.modules.handlers import HandlerKind
from companion_async.modules.timeout import Timeout
from companion_async.scheduling.port import Port, Target


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


def test_what_was_waited_for_before_it_was_known_to_compute_is_forgotten() -> None:
    """First runs that wait 50 ms for the interpreter do not make 50 us of computing anything but light for minutes."""
    made = target((50_000, 50), times=3)
    for _ in range(5):
        made.ran(60e-6, 55e-6)
    assert kind(made) == (True, True)
    assert made.average < 100e-6


class Worker:
    """Called, it works; so does its method. One that was marked is awaited."""

    def __call__(self) -> None: ...
    def work(self) -> None: ...
    async def work_on_the_loop(self) -> None: ...
    def unhashable(self) -> None: ...

    __hash__ = None  # type: ignore[assignment]


def test_callables_that_run_the_same_code_are_one_target() -> None:
    """Methods of two objects, partials of them, and the objects themselves: what one shows, the next is known by."""
    port, one, other = _port(), Worker(), Worker()
    assert port.measure(one.work) is port.measure(other.work) is port.measure(partial(one.work))
    assert port.measure(one) is port.measure(other)
    assert port.measure(one) is not port.measure(one.work)
    assert port.measure(one.work) is not port.measure(one.unhashable)
    assert port.measure(one.work).kind is HandlerKind.THREAD
    assert port.measure(partial(one.work_on_the_loop)).kind is HandlerKind.LOOP
    assert port.measure(len).name == "len"


@pytest.mark.skipif(not hasattr(inspect, "markcoroutinefunction"), reason="from Python 3.12 on")
def test_an_object_that_is_marked_is_another_target() -> None:
    """It must be awaited, and one of its class that is not marked must not."""
    port, plain, marked = _port(), Worker(), Worker()
    inspect.markcoroutinefunction(marked)  # type: ignore[attr-defined]
    assert port.measure(plain).kind is HandlerKind.THREAD
    assert port.measure(marked).kind is HandlerKind.LOOP


def _port() -> Port:
    unused: Any = None
    return Port("m", unused, unused, unused, timeout=Timeout())

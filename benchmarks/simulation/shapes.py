"""Pure: the workloads that controllers are compared on: who comes when, and what one job does.

A job passes through stages: ``io`` waits for nobody, ``cpu`` needs the interpreter, ``db`` a downstream that serves
``capacity`` at full speed and loses throughput beyond that (``collapse``: n at once get ``(capacity / n) **
(1 + collapse)`` of the speed each). W, H and G are the shapes of the study that the controller began with, F is our
own, N came last. W, H, G and F were written before the controller was tuned; see `HELD_OUT` and `FRESH`.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator
from typing import NamedTuple

START, MOST = 5, 50
"""The limit that every controller begins with, and the highest."""


class Kind(NamedTuple):
    """One kind of job, ``share`` of all: ``stages`` are (what, mean seconds); ``spread`` is the sigma of the lognormal
    by which each is multiplied, 0 for none.
    """

    name: str
    share: float
    stages: tuple[tuple[str, float], ...]
    spread: float = 0.5


class Shape(NamedTuple):
    """A workload of ``seconds``. ``rate`` is arrivals per second, ``highest`` its maximum, ``batches`` are (moment,
    jobs at once); ``capacity`` of the downstream at a moment. ``drops`` are the moments at which the load falls.
    """

    name: str
    about: str
    seconds: float
    kinds: tuple[Kind, ...]
    rate: Callable[[float], float]
    highest: float
    batches: tuple[tuple[float, int], ...] = ()
    capacity: Callable[[float], float] = lambda _: math.inf
    collapse: float = 0.5
    drops: tuple[float, ...] = ()


class Job(NamedTuple):
    """One arrival: its kind, and the seconds of each stage."""

    at: float
    kind: str
    stages: tuple[tuple[str, float], ...]


def jobs(shape: Shape, seed: int) -> list[Job]:
    """All arrivals of a run, in order: a Poisson process of the shape's rate, and its batches."""
    dice = random.Random(f"{shape.name}/{seed}")
    moments = sorted([*_poisson(shape, dice), *(at for at, count in shape.batches for _ in range(count))])
    shares = [kind.share for kind in shape.kinds]
    return [_job(at, dice.choices(shape.kinds, shares)[0], dice) for at in moments]


def offered(shape: Shape, at: float) -> float:
    """The slots that the load at that moment occupies on average when nothing contends (Little's law)."""
    return shape.rate(at) * sum(kind.share * sum(mean for _, mean in kind.stages) for kind in shape.kinds)


def _poisson(shape: Shape, dice: random.Random) -> Iterator[float]:
    at = 0.0
    while True:
        at += dice.expovariate(shape.highest)
        if at >= shape.seconds:
            return
        if dice.random() * shape.highest < shape.rate(at):
            yield at


def _job(at: float, kind: Kind, dice: random.Random) -> Job:
    factor = dice.lognormvariate(-(kind.spread**2) / 2, kind.spread) if kind.spread else 1.0
    return Job(at, kind.name, tuple((what, mean * factor) for what, mean in kind.stages))


# -- rates over time ---------------------------------------------------------------------------------------------------


def steps(*parts: tuple[float, float]) -> Callable[[float], float]:
    """``(from, rate)``, each until the next."""

    def rate(at: float) -> float:
        found = 0.0
        for since, value in parts:
            if at < since:
                break
            found = value
        return found

    return rate


def ramp(low: float, high: float, until: float, back: float = math.inf) -> Callable[[float], float]:
    """From ``low`` to ``high``, then ``high``; from ``back`` on ``low`` again."""
    return lambda at: low if at >= back else low + (high - low) * min(1.0, at / until)


def square(low: float, high: float, half: float) -> Callable[[float], float]:
    """``low`` and ``high`` in turn, each for ``half``."""
    return lambda at: high if int(at / half) % 2 else low


def wave(middle: float, swing: float, period: float) -> Callable[[float], float]:
    """A sine."""
    return lambda at: middle + swing * math.sin(2 * math.pi * at / period)


def bursts(low: float, high: float, seed: int, seconds: float, off: float, on: float) -> Callable[[float], float]:
    """``low`` and ``high`` in turn, each for a random, exponential time with those means."""
    dice, moments, at = random.Random(seed), list[float](), 0.0
    while at < seconds:
        at += dice.expovariate(1 / (on if len(moments) % 2 else off))
        moments.append(at)
    return lambda now: high if sum(moment <= now for moment in moments) % 2 else low


def _one(*stages: tuple[str, float], spread: float = 0.5) -> tuple[Kind, ...]:
    return (Kind("run", 1.0, stages, spread),)


# -- the shapes --------------------------------------------------------------------------------------------------------

_STUDY = (
    Shape("W1", "calls to a model, 0.4 s, a step up and down", 240, _one(("io", 0.4)),
          steps((0, 5), (60, 40), (160, 5)), 40, drops=(160,)),
    Shape("W2", "database that carries 8, 40 ms, a step", 180, _one(("db", 0.04), spread=0.3),
          steps((0, 40), (45, 150), (120, 40)), 150, capacity=lambda _: 8, drops=(120,)),
    Shape("W3", "computing, 20 ms", 180, _one(("cpu", 0.02), spread=0.3), steps((0, 15), (60, 36), (140, 15)), 36),
    Shape("W4", "90 ms waiting and 10 ms computing", 180, _one(("io", 0.09), ("cpu", 0.01), spread=0.3),
          steps((0, 20), (45, 75), (120, 20)), 75),
    Shape("W5", "database that carries 8, overloaded for a minute", 240, _one(("db", 0.04), spread=0.3),
          steps((0, 100), (60, 225), (120, 100)), 225, capacity=lambda _: 8),
    Shape("W6", "waiting, mostly 0.1 s and sometimes 3 s", 180,
          (Kind("run", 0.95, (("io", 0.1),), 0.3), Kind("run", 0.05, (("io", 3.0),), 0.0)),
          steps((0, 10), (40, 40)), 40),
    Shape("H1", "calls to a model, 1.5 s, on and off", 240, _one(("io", 1.5)), square(0.5, 24, 20), 24),
    Shape("H2", "database that carries 16, 20 ms, a ramp", 150, _one(("db", 0.02), spread=0.3),
          ramp(40, 640, 120), 640, capacity=lambda _: 16),
    Shape("H3", "30 ms waiting and 20 ms computing", 180, _one(("io", 0.03), ("cpu", 0.02), spread=0.3),
          steps((0, 15), (60, 36), (140, 15)), 36),
    Shape("H4", "waiting 0.2 s, rising and falling", 240, _one(("io", 0.2)), wave(70, 60, 60), 130),
    Shape("H5", "80 jobs at once, every 30 s", 240, _one(("io", 0.4)), steps((0, 4)), 4,
          batches=tuple((15.0 + 30 * number, 80) for number in range(8))),
    Shape("H6", "database that carries 4, 0.1 s, near saturation", 240, _one(("db", 0.1), spread=0.3),
          steps((0, 20), (40, 35)), 35, capacity=lambda _: 4),
    Shape("G1", "requests of 0.25 s, a long ramp", 240, _one(("io", 0.25)), ramp(5, 120, 200), 120),
    Shape("G2", "database that carries 6, 30 ms, a square wave", 180, _one(("db", 0.03), spread=0.3),
          square(40, 170, 30), 170, capacity=lambda _: 6),
    Shape("G3", "computing 50 ms, rarely 0.5 s", 240,
          (Kind("run", 0.98, (("cpu", 0.05),), 0.3), Kind("run", 0.02, (("cpu", 0.5),), 0.0)),
          steps((0, 5), (60, 12)), 12),
    Shape("G4", "200 ms waiting and 8 ms computing", 240, _one(("io", 0.2), ("cpu", 0.008), spread=0.3),
          square(20, 95, 40), 95),
    Shape("G5", "database that carries 10, at 120 % for a minute", 240, _one(("db", 0.05), spread=0.3),
          steps((0, 120), (60, 240), (120, 120)), 240, capacity=lambda _: 10),
    Shape("G6", "150 ms waiting, then a downstream that carries 12", 200, _one(("io", 0.15), ("db", 0.05), spread=0.3),
          steps((0, 40), (45, 190), (130, 40)), 190, capacity=lambda _: 12, drops=(130,)),
)  # fmt: skip

_OURS = (
    Shape("F1", "waiting 0.3 s, the load falls to a twentieth", 200, _one(("io", 0.3)),
          steps((0, 20), (20, 100), (100, 5)), 100, drops=(100,)),
    Shape("F2", "a downstream that loses two thirds for a minute", 240, _one(("db", 0.05), spread=0.3),
          steps((0, 90)), 90, capacity=steps((0, 16), (90, 6), (150, 16))),
    Shape("F3", "heavy-tailed waiting in random bursts", 240, _one(("io", 0.3), spread=1.2),
          bursts(3, 60, 7, 240, 15, 10), 60),
    Shape("F4", "quick look-ups beside slow answers, a ramp", 240,
          (Kind("lookup", 0.9, (("io", 0.02),), 0.3), Kind("answer", 0.1, (("io", 2.0),), 0.5)), ramp(10, 90, 120), 90),
    Shape("F5", "computing 30 ms, on and off", 240, _one(("cpu", 0.03), spread=0.3), square(1, 26, 15), 26),
    Shape("F6", "a soft downstream that carries 20, rising and falling", 180, _one(("db", 0.04), spread=0.3),
          wave(260, 180, 60), 440, capacity=lambda _: 20, collapse=0.15),
    Shape("F7", "few and long: 8 s of waiting", 300, _one(("io", 8.0), spread=0.3),
          steps((0, 0.5), (60, 4), (180, 0.5)), 4, drops=(180,)),
    Shape("F8", "a module that begins to need a downstream", 240,
          (Kind("run", 1.0, (("io", 0.05), ("db", 0.05)), 0.3),), steps((0, 60), (60, 110)), 110,
          capacity=steps((0, 60), (100, 8))),
    Shape("F9", "a flash crowd before a downstream that carries 10", 180, _one(("io", 0.1), ("db", 0.02), spread=0.4),
          steps((0, 35), (60, 350), (70, 35), (120, 350), (130, 35)), 350, capacity=lambda _: 10),
    Shape("F10", "almost idle, rarely a batch", 300, _one(("io", 1.0), spread=0.3), steps((0, 0.3)), 0.3,
          batches=((70.0, 30), (150.0, 40), (155.0, 30), (250.0, 45))),
    Shape("F11", "computing 15 ms beside waiting 0.5 s", 240,
          (Kind("crunch", 0.5, (("cpu", 0.015),), 0.3), Kind("fetch", 0.5, (("io", 0.5),), 0.4)),
          steps((0, 20), (60, 80), (180, 20)), 80, drops=(180,)),
    Shape("F12", "a day in minutes: sine, lunch break, evening rush", 300,
          (Kind("chat", 0.7, (("io", 0.6), ("cpu", 0.004)), 0.5), Kind("search", 0.3, (("db", 0.08),), 0.4)),
          lambda at: (25 + 20 * math.sin(at / 20)) * (0.1 if 120 < at < 150 else 1.0) + (20 if at > 220 else 0), 65,
          capacity=lambda _: 8),
)  # fmt: skip

_LATER = (
    Shape("N1", "calls of 2.5 s, a step up and down", 240, _one(("io", 2.5)), steps((0, 2), (60, 14), (150, 2)), 14,
          drops=(150,)),
    Shape("N2", "40 ms waiting, then a downstream that carries 14, rising and falling", 180,
          _one(("io", 0.04), ("db", 0.015), spread=0.3), wave(420, 360, 60), 780, capacity=lambda _: 14),
    Shape("N3", "25 ms waiting and 8 ms computing in random bursts", 240, _one(("io", 0.025), ("cpu", 0.008)),
          bursts(8, 95, 11, 240, 12, 12), 95),
    Shape("N4", "a flash crowd for work that waits 0.15 s", 180, _one(("io", 0.15)),
          steps((0, 20), (50, 240), (62, 20), (120, 240), (132, 20)), 240, drops=(62,)),
    Shape("N5", "a database that carries 5, 80 ms, close to what it can do", 200, _one(("db", 0.08), spread=0.3),
          square(25, 58, 25), 58, capacity=lambda _: 5),
    Shape("N6", "computing 30 ms beside waiting 1 s, a ramp", 240,
          (Kind("crunch", 0.2, (("cpu", 0.03),), 0.3), Kind("fetch", 0.8, (("io", 1.0),), 0.4)), ramp(5, 50, 150), 50),
)  # fmt: skip

SHAPES = {shape.name: shape for shape in (*_STUDY, *_OURS, *_LATER)}
HELD_OUT = ("G1", "G2", "G3", "G4", "G5", "G6", "F9", "F10", "F11", "F12")
"""A third, not looked at until the controller was done. It was then mended after F9 and F11, and so `FRESH` came."""
FRESH = tuple(shape.name for shape in _LATER)
"""Written after that look and before what it led to, and run when that was done."""

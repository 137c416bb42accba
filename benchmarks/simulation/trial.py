"""Pure: every controller through one shape, the same arrivals for all."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

from benchmarks.simulation.rivals import Adaptive, Fixed, Gradient2, Plain, QueueOnly, Vegas
from benchmarks.simulation.score import OURS, PLAIN, Cell, cell
from benchmarks.simulation.shapes import SHAPES, jobs
from benchmarks.simulation.world import Controller, simulate
from companion_async.autonomy.settings import AutonomySettings

CONTROLLERS: dict[str, Callable[[], Controller]] = {
    OURS: Adaptive,
    "fixed 5": lambda: Fixed(5),
    "fixed 16": lambda: Fixed(16),
    "fixed 50": lambda: Fixed(50),
    PLAIN: Plain,
    "queue only": QueueOnly,
    "Vegas": Vegas,
    "Gradient2": Gradient2,
}
_DRAWN = (OURS, PLAIN, "Vegas", "Gradient2")


class Trial(NamedTuple):
    """What came of one shape: a cell for each seed, by contender and by fixed limit, and the limit over time of those
    that are drawn, with the first seed.
    """

    name: str
    cells: dict[str, list[Cell]]
    fixed: dict[str, list[Cell]]
    limits: dict[str, list[int]]


def attempt(name: str, seeds: int, swept: Sequence[int]) -> Trial:
    """All controllers with ``seeds`` seeds, and the fixed limits ``swept`` with the first of them."""
    shape = SHAPES[name]
    trial = Trial(name, {who: [] for who in CONTROLLERS}, {}, {})
    for seed in range(1, seeds + 1):
        arrivals = jobs(shape, seed)
        for who, make in CONTROLLERS.items():
            going_home = AutonomySettings().surplus_retirement if who == OURS else math.inf
            course = simulate(shape, arrivals, make(), going_home)
            trial.cells[who].append(cell(shape, course))
            if seed == 1 and who in _DRAWN:
                trial.limits[who] = course.limits
    arrivals = jobs(shape, 1)
    for limit in swept:
        trial.fixed[str(limit)] = [cell(shape, simulate(shape, arrivals, Fixed(limit)))]
    return trial


def effort(name: str) -> float:
    """How long the simulation of a shape takes, beside others: its jobs at most."""
    return SHAPES[name].highest * SHAPES[name].seconds

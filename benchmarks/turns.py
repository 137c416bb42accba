"""Interleaved rounds: in each, every contender has its turn, and who begins changes from round to round."""

from __future__ import annotations

import gc
from collections import defaultdict
from collections.abc import Awaitable, Callable

from benchmarks.contenders import CONTENDERS, CallOfClient
from benchmarks.figures import Measurement
from benchmarks.report import Progress

Turn = Callable[[CallOfClient], Awaitable[dict[tuple[str, str], float]]]
"""A turn of one contender: a figure for each ``(setting, unit)``."""


async def interleave(
    warm_up: Callable[[CallOfClient], Awaitable[None]], turn: Turn, rounds: int, progress: Progress
) -> list[Measurement]:
    """Open each contender for its turn, warm it up, measure; repeat. Garbage is collected between turns."""
    names = list(CONTENDERS)
    figures: dict[tuple[str, str, str], list[float]] = defaultdict(list)
    turns = rounds * len(names)
    for number in range(rounds):
        shift = number % len(names)
        for place, name in enumerate(names[shift:] + names[:shift]):
            gc.collect()
            async with CONTENDERS[name]() as call_of:
                await warm_up(call_of)
                for (setting, unit), figure in (await turn(call_of)).items():
                    figures[name, setting, unit].append(figure)
            progress((number * len(names) + place + 1) / turns)
    return [
        Measurement(name, setting, unit, tuple(values))
        for (name, setting, unit), values in sorted(figures.items(), key=lambda entry: names.index(entry[0][0]))
    ]

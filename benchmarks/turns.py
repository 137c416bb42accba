"""Interleaved rounds: in each, every contender has its turn, and who begins changes from round to round."""

from __future__ import annotations

import asyncio
import gc
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TypeVar

from benchmarks.contender import Work
from benchmarks.contenders import CONTENDERS, OURS, CallOfClient, Contender
from benchmarks.figures import Measurement
from benchmarks.report import Absence, Progress

T = TypeVar("T")

TURN = 60.0
"""Seconds that a peer's turn may take, with its opening and closing."""
LOST: list[Absence] = []
"""Peers that failed in this process, which is that of one suite: `registry.measure` adds them to its report."""
SPENT: dict[str, float] = defaultdict(float)
"""Seconds of each contender's turns in this process, opening and closing included; it is added there too."""

Turn = Callable[[CallOfClient], Awaitable[Mapping[tuple[str, str], float]]]
"""A turn of one contender: a figure for each ``(setting, unit)``."""


async def interleave(
    warm_up: Callable[[CallOfClient], Awaitable[None]],
    turn: Turn,
    rounds: int,
    progress: Progress,
    contenders: Mapping[str, Contender] | None = None,
    work: Work | None = None,
) -> list[Measurement]:
    """Open each contender for its turn, warm it up, measure; repeat. Garbage is collected between turns.

    Everyone takes part in the first round, slow ones after that in every so-manieth only. A peer that fails, or is not
    done within `TURN` seconds, takes part no more and is added to `LOST`; when ours fail, that is raised.
    """
    taking_part = CONTENDERS if contenders is None else contenders
    names = list(taking_part)
    lost: set[str] = set()
    figures: dict[tuple[str, str, str], dict[int, float]] = defaultdict(dict)
    turns = [
        (number, name)
        for number in range(rounds)
        for name in rotated(names, number)
        if number % taking_part[name].every == 0
    ]
    for done, (number, name) in enumerate(turns, 1):
        # What peers have imported, thousands of objects, is kept out of the collections of others' turns.
        gc.unfreeze()
        gc.collect()
        gc.freeze()
        begun = time.perf_counter()
        if name not in lost:
            try:
                async with asyncio.timeout(None if name in OURS else TURN), taking_part[name](work) as call_of:
                    await warm_up(call_of)
                    found = await turn(call_of)
            except Exception as error:
                if name in OURS:
                    raise
                lost.add(name)
                LOST.append(Absence(name, f"failed in round {number + 1}: {type(error).__name__} {error}".strip()))
            else:
                for (setting, unit), figure in found.items():
                    figures[name, setting, unit][number] = figure
        SPENT[name] += time.perf_counter() - begun
        progress(done / len(turns))
    return [
        Measurement(name, setting, unit, tuple(values.values()), () if len(values) == rounds else tuple(values))
        for (name, setting, unit), values in sorted(figures.items(), key=lambda entry: names.index(entry[0][0]))
    ]


def rotated(everyone: Sequence[T], number: int) -> list[T]:
    """In whose turn they come in this round: who begins changes from one to the next."""
    shift = number % len(everyone)
    return [*everyone[shift:], *everyone[:shift]]

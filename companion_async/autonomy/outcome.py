"""Pure: what a decision was about, measured again later."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from companion_async.autonomy.decision import Expectation, Figure, Outcome
from companion_async.autonomy.scaling import CategoryLoad
from companion_async.autonomy.situation import CategoryReading, Situation

_OF_CATEGORY: Mapping[str, Callable[[CategoryReading], Figure]] = {
    "oldest_wait": lambda reading: reading.oldest_wait,
    "queued": lambda reading: reading.queued,
    "threads": lambda reading: reading.working + reading.idle,
    "abandoned": lambda reading: reading.abandoned,
}


def read_metric(metric: str, context: str, situation: Situation, loads: Mapping[str, CategoryLoad]) -> Figure:
    """The figure as it is now; None when what it belongs to is gone or it cannot be read.

    ``context`` is a category or a module; a category's figure asked of a module is that of its category.
    """
    if metric == "loop_lag":
        return situation.loop_lag
    module = situation.module(context)
    if metric == "state":
        return None if module is None else module.state
    name = context if module is None else module.category
    if metric == "throughput":
        return loads[name].throughput if name in loads else None
    reading = situation.category(name)
    return None if reading is None else _OF_CATEGORY[metric](reading)


def measure(expectation: Expectation, after: Figure, seconds: float) -> Outcome:
    """The expectation beside what came of it."""
    expected, met = expectation.expected, None
    if after is not None:
        if expectation.better == "equal" or isinstance(after, str) or isinstance(expected, str) or expected is None:
            met = after == expected
        else:
            met = after <= expected if expectation.better == "down" else after >= expected
    return Outcome(expectation.metric, expectation.before, expected, after, met, seconds)

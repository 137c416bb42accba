"""What a decision was about, read again later, and laid beside what was hoped for."""

from __future__ import annotations

import pytest

from companion_async.autonomy.decision import Expectation, Figure
from companion_async.autonomy.outcome import measure, read_metric
from companion_async.autonomy.scaling import CategoryLoad
from companion_async.autonomy.situation import CategoryReading, ModuleReading, Situation

SITUATION = Situation(
    now=0.0,
    categories=(
        CategoryReading(name="core", limit=4, configured=4, working=3, idle=2, abandoned=1, queued=7, oldest_wait=1.5),
    ),
    modules=(ModuleReading(name="m", category="core", state="paused"),),
    loop_lag=0.02,
)
LOADS = {"core": CategoryLoad(name="core", limit=4, configured=4, throughput=8.0)}


@pytest.mark.feature("X-19")
@pytest.mark.parametrize(
    ("metric", "context", "figure"),
    [
        ("oldest_wait", "core", 1.5),
        ("queued", "core", 7),
        ("threads", "core", 5),
        ("abandoned", "core", 1),
        ("abandoned", "m", 1),  # a figure of the module's category
        ("throughput", "core", 8.0),
        ("throughput", "gone", None),
        ("queued", "gone", None),
        ("state", "m", "paused"),
        ("state", "gone", None),
        ("loop_lag", "interpreter", 0.02),
    ],
)
def test_every_metric_is_read_where_it_belongs(metric: str, context: str, figure: Figure) -> None:
    """Of the category, of the module's category, of the module, of the loop; None when it is gone."""
    assert read_metric(metric, context, SITUATION, LOADS) == figure


@pytest.mark.feature("X-19")
@pytest.mark.parametrize(
    ("better", "expected", "after", "met"),
    [
        ("down", 2.0, 2.0, True),
        ("down", 2.0, 2.1, False),
        ("up", 2.0, 2.0, True),
        ("up", 2.0, 1.9, False),
        ("equal", "running", "running", True),
        ("equal", "running", "error", False),
        ("down", 2.0, None, None),
        ("equal", None, None, None),
    ],
)
def test_an_expectation_is_met_missed_or_unknown(
    better: str, expected: Figure, after: Figure, met: bool | None
) -> None:
    """At the bound it is met; with nothing to read it is neither."""
    outcome = measure(Expectation("x", 5.0, expected, 10.0, better), after, 12.0)
    assert (outcome.met, outcome.before, outcome.after, outcome.seconds) == (met, 5.0, after, 12.0)

"""What waits too long goes up, what cannot be done in time goes: tables, and the memory around them."""

from __future__ import annotations

from typing import Any

import pytest

from companion_async.autonomy.judgement import Judgement
from companion_async.autonomy.overload import expected_wait, raise_waiting, shed_late, shed_memory
from companion_async.autonomy.scaling import CategoryLoad
from companion_async.autonomy.settings import AutonomySettings
from companion_async.autonomy.situation import CategoryReading, Situation

SETTINGS = AutonomySettings()


def reading(**changes: Any) -> CategoryReading:
    crowded = {
        "name": "core",
        "limit": 4,
        "configured": 4,
        "working": 4,
        "queued": 100,
        "queued_by_level": (5, 15, 30, 40, 10),
        "oldest_wait": 31.0,
        "patience": 10.0,
    }
    return CategoryReading(**{**crowded, **changes})


def load(**changes: Any) -> CategoryLoad:
    return CategoryLoad(**{"name": "core", "limit": 4, "configured": 4, "throughput": 4.0, "service": 1.0, **changes})


@pytest.mark.feature("CB-F2")
@pytest.mark.parametrize(
    ("changes", "throughput", "raised"),
    [
        ({}, 4.0, True),
        ({"oldest_wait": 30.0}, 4.0, False),
        ({}, 0.0, False),  # nothing runs at all: order is not what is wrong
        ({"queued_by_level": (0, 0, 0, 100, 0)}, 4.0, False),  # one level: nothing overtakes them
    ],
)
def test_what_waits_while_others_are_run_goes_up_a_level(
    changes: dict[str, Any], throughput: float, raised: bool
) -> None:
    """Longer than 30 s, and only where raising it changes the order."""
    verdict = raise_waiting(reading(**changes), load(throughput=throughput), SETTINGS)
    assert (verdict is not None) is raised
    if verdict is not None:
        assert (verdict.type, verdict.data) == ("adjust_priority", {"waited": 30.0})


@pytest.mark.parametrize(
    ("changes", "service", "wait"),
    [
        ({}, 1.0, 25.0),
        ({"stuck": 2}, 1.0, 50.0),
        ({"stuck": 4}, 1.0, float("inf")),
        ({"queued": 0}, 1.0, None),
        ({}, None, None),
    ],
)
def test_the_expected_wait_is_the_queue_at_the_pace_of_the_sound_slots(
    changes: dict[str, Any], service: float | None, wait: float | None
) -> None:
    """Stuck slots carry nothing; without a pace nothing can be said."""
    assert expected_wait(reading(**changes), load(service=service)) == wait


@pytest.mark.parametrize(
    ("changes", "count"),
    [
        ({}, 50),  # 40 can be run in time, 50 of the two low levels are all that may go
        ({"patience": 20.0}, 20),
        ({"patience": 25.0}, None),
        ({"patience": None}, None),  # nothing says how long they are worth waiting for
        ({"queued_by_level": (50, 50, 0, 0, 0)}, None),  # never the upper levels
        ({"stuck": 4}, 50),
    ],
)
def test_work_that_would_run_too_late_goes_from_the_low_levels(changes: dict[str, Any], count: int | None) -> None:
    """So much that the rest can be run in time; critical, high and medium stay."""
    verdict = shed_late(reading(**changes), load(), SETTINGS)
    assert (verdict.data["count"] if verdict else None) == count
    if verdict is not None:
        assert (verdict.type, verdict.data["lowest"]) == ("shed_load", 4)


@pytest.mark.parametrize(
    ("fraction", "levels", "data"),
    [
        (0.94, (5, 15, 30, 40, 10), None),
        (0.95, (5, 15, 30, 40, 10), {"count": 50, "lowest": 4}),
        (0.95, (5, 15, 31, 0, 0), {"count": 16, "lowest": 3}),
        (0.99, (50, 50, 0, 0, 0), None),
    ],
)
def test_with_memory_nearly_gone_the_lowest_levels_go(
    fraction: float, levels: tuple[int, ...], data: dict[str, int] | None
) -> None:
    """SCA-07: all of low and idle, else half of medium; critical and high stay to the end."""
    verdict = shed_memory(reading(queued_by_level=levels), fraction, SETTINGS)
    assert (dict(verdict.data) if verdict else None) == data


def situations(*moments: float, **changes: Any) -> list[Situation]:
    def at(moment: float) -> Situation:
        counted = {"arrivals": int(8 * moment) + 100, "completions": int(4 * moment), "run_seconds": 4 * moment}
        return Situation(now=moment, categories=(reading(**{**counted, **changes}),), total_threads=4, max_threads=4)

    return [at(moment) for moment in moments]


def test_an_overload_must_last_before_anything_is_shed() -> None:
    """10 s of it; a queue that is worth waiting for in between begins the count again."""
    judgement = Judgement(SETTINGS)
    found = [
        [verdict.type for verdict in judgement.consider(situation)]
        for situation in (
            *situations(0.0, 5.0, 10.0, oldest_wait=1.0),
            *situations(12.0, patience=1000.0, oldest_wait=1.0),
            *situations(15.0, 20.0, 26.0, oldest_wait=1.0),
        )
    ]
    assert found == [[], [], [], [], [], [], ["shed_load"]]


@pytest.mark.feature("CB-F2", "CB-20")
def test_what_was_raised_is_given_time() -> None:
    """The same category is not raised again before the span has passed once more; after a failure it is."""
    judgement = Judgement(SETTINGS)
    raised = []
    for situation in situations(0.0, 10.0, 20.0, 30.0, 40.0, patience=None):
        for verdict in judgement.consider(situation):
            if verdict.type == "adjust_priority":
                raised.append(situation.now)
                if situation.now > 10.0:
                    judgement.carried_out(verdict, situation.now)
    assert raised == [10.0, 20.0]


def test_shedding_follows_the_memory_without_delay() -> None:
    """Memory pressure sheds in the pass that sees it, and growth is barred meanwhile."""
    judgement = Judgement(SETTINGS)
    situation = situations(10.0, patience=None)[0]
    pressed = Situation(
        now=10.0, categories=situation.categories, memory_fraction=0.96, total_threads=4, max_threads=50
    )
    assert [verdict.type for verdict in judgement.consider(pressed)] == ["shed_load"]

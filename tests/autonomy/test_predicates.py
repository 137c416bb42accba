"""The documents' three questions."""

from __future__ import annotations

import pytest

from companion_async.autonomy.predicates import prioritized, should_create, should_shrink


@pytest.mark.feature("CB-22")
@pytest.mark.parametrize(("load", "answer"), [(0.0, False), (0.8, False), (0.81, True), (1.0, True)])
def test_a_load_above_four_fifths_asks_for_a_thread(load: float, answer: bool) -> None:
    """0.8 itself does not."""
    assert should_create(load) is answer


@pytest.mark.feature("CB-22")
@pytest.mark.parametrize(("idle", "answer"), [(0.0, False), (300.0, False), (300.1, True)])
def test_a_thread_idle_for_more_than_five_minutes_should_go(idle: float, answer: bool) -> None:
    """300 seconds themselves are not more."""
    assert should_shrink(idle) is answer


@pytest.mark.feature("CB-22")
def test_tasks_go_by_level_then_age_and_equals_keep_their_order() -> None:
    """A stable sort: urgent first, older first, nothing else moves."""
    tasks = [("a", 3, 1.0), ("b", 1, 2.0), ("c", 1, 1.0), ("d", 3, 1.0), ("e", 5, 0.0)]
    ordered = prioritized(tasks, level=lambda task: task[1], created=lambda task: task[2])
    assert "".join(task[0] for task in ordered) == "cbade"

"""Ended tasks stay for a while, bounded in number and age."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from companion_async.scheduling.history import History


class Now:
    """Seconds that the test sets."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def now() -> Now:
    return Now()


def task(history: History, number: int, key: str | None = None) -> Any:
    made: Any = SimpleNamespace(number=number, ended=-1.0, more=SimpleNamespace(key=key))
    history.tasks[number] = made
    if key is not None:
        history.keep_key(key, made)
    return made


def end(history: History, one: Any, now: Now, at: float) -> None:
    one.ended = now.seconds = at
    history.ended.append(one)


def known(history: History) -> list[int]:
    return [one.number for one in history]


@pytest.mark.feature("PM-15")
def test_the_last_so_many_that_ended_are_known(now):
    """With room for three, the fourth to end pushes out the first to end, whatever the order of submission."""
    history = History(3, 1000.0, now)
    tasks = [task(history, number) for number in range(4)]
    for at, one in enumerate(reversed(tasks)):
        end(history, one, now, float(at))
    assert history.find(3) is None
    assert known(history) == [0, 1, 2]


@pytest.mark.feature("PM-15")
def test_living_tasks_are_known_however_many_end(now):
    """A task that has not ended is never forgotten."""
    history = History(2, 10.0, now)
    living = task(history, 0)
    for number in range(1, 100):
        end(history, task(history, number), now, float(number))
    now.seconds = 1e9
    assert history.find(0) is living
    assert known(history) == [0]


@pytest.mark.feature("PM-15")
def test_nothing_is_left_of_a_task_that_is_forgotten(now):
    """Of ten thousand keyed tasks with room for fifty, fifty tasks and fifty keys are left."""
    history = History(50, 1000.0, now)
    for number in range(10_000):
        end(history, task(history, number, f"key {number}"), now, 0.0)
    history.expire()
    assert len(history.tasks) == len(history.ended) == len(history._keys) == 50


@pytest.mark.feature("PM-15")
def test_a_task_that_ended_long_ago_is_forgotten(now):
    """What ended more than the configured seconds ago is not found, although nothing else has ended since."""
    history = History(100, 60.0, now)
    for number, at in [(1, 0.0), (2, 50.0), (3, 70.0)]:
        end(history, task(history, number, str(number)), now, at)
    assert known(history) == [2, 3]
    now.seconds = 110.5
    assert history.find(2) is None
    assert history.find(3) is not None
    now.seconds = 131.0
    assert history.by_key("3") is None


@pytest.mark.feature("PM-15")
def test_a_key_is_known_as_long_as_its_task(now):
    """The key goes with the task it stands for, and not with another that has it now."""
    history = History(1, 1000.0, now)
    first = task(history, 1, "key")
    end(history, first, now, 0.0)
    assert history.by_key("key") is first
    end(history, task(history, 2), now, 1.0)
    assert history.by_key("key") is None
    third = task(history, 3, "key")
    assert history.by_key("key") is third

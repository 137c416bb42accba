"""How often pictures of the moment are made, however often they are asked for."""

from __future__ import annotations

import pytest

from companion_async.http import allowance as allowances
from companion_async.http.allowance import BURST, OLDEST, SHARE, Allowance
from companion_async.http.answer import Answer
from companion_async.http.operations import OPERATIONS
from tests.http.servers import KINDS, a_brain, client_of

pytestmark = pytest.mark.feature("CB-31", "X-12")


class Ticking:
    """A clock that the test moves without a loop."""

    def __init__(self):
        self.at = 100.0

    def monotonic(self):
        return self.at


def painter(clock, cost):
    made = []

    def make():
        clock.at += cost
        made.append(clock.at)
        return Answer(200, str(len(made)).encode())

    return make, made


def test_pictures_take_a_tenth_of_the_time_however_often_they_are_asked_for():
    """Ten thousand questions in a second get pictures that are at most a few of their making times old."""
    clock = Ticking()
    allowance, (make, made) = Allowance(clock.monotonic), painter(clock, 0.002)
    began, ages = clock.at, []
    for _ in range(10_000):
        clock.at += 0.0001
        allowance.answer("status", make)
        ages.append(clock.at - made[-1])
    spent = 0.002 * len(made)
    assert spent <= BURST + SHARE * (clock.at - began) + 0.002
    assert max(ages) < 0.002 / SHARE + 0.002


def test_whoever_asks_now_and_then_always_gets_a_new_one():
    """Below the allowance nothing is handed out twice, so what one has just changed is seen."""
    clock = Ticking()
    allowance, (make, made) = Allowance(clock.monotonic), painter(clock, 0.002)
    for count in range(1, 200):
        clock.at += 0.05
        assert allowance.answer("status", make).body == str(count).encode()
    assert len(made) == 199


def test_each_question_has_its_own_answer_and_none_is_old():
    """Keys are apart, and after a second there is a new one even for those who ask too much."""
    clock = Ticking()
    allowance, (make, _) = Allowance(clock.monotonic), painter(clock, 2 * BURST)
    first = allowance.answer("a", make)
    clock.at += OLDEST / 4
    assert allowance.answer("a", make) is first
    assert allowance.answer("b", make) is not first
    clock.at += OLDEST
    assert allowance.answer("a", make) is not first
    for key in range(1000):
        allowance.answer(key, make)
    assert len(allowance._kept) <= 64


def test_errors_are_nobodys_picture():
    """What fails is asked for anew, and its time counts."""
    clock = Ticking()
    allowance = Allowance(clock.monotonic)

    def fails():
        clock.at += 1.0
        raise ValueError("no")

    for _ in range(2):
        with pytest.raises(ValueError, match="no"):
            allowance.answer("a", fails)


@pytest.mark.parametrize("kind", KINDS)
async def test_those_who_ask_too_often_share_an_answer(kind, monkeypatch):
    """With the allowance used up the same question gets the same bytes, and another one its own."""
    monkeypatch.setattr(allowances, "BURST", 0.0)
    monkeypatch.setattr(allowances, "OLDEST", 60.0)
    async with a_brain() as brain, client_of(kind, brain) as client:

        async def ask(path):
            answer = await client.get(path)
            assert answer.status_code == 200
            return answer.content

        assert await ask("/api/threads/status") == await ask("/api/threads/status")
        assert await ask("/api/modules/echo") == await ask("/api/modules/echo") != await ask("/api/modules/bad")
        assert await ask("/api/tasks?limit=1") != await ask("/api/threads/decisions?limit=1")


def test_what_is_shared_changes_nothing():
    """Only questions are; a change is made each time it is asked for."""
    shared = [operation for operation in OPERATIONS if operation.shared]
    assert {"threads_status", "modules", "tasks", "metrics"} <= {operation.name for operation in shared}
    assert not any(operation.changes or operation.streams for operation in shared)

"""How often and how soon a failing module is restarted."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from companion_async.errors import InvalidArgumentError
from companion_async.modules.restart import RestartHistory, RestartPolicy


def test_the_wait_doubles_up_to_its_cap():
    """A module that fails again and again waits 0.1, 0.2, 0.4 ... seconds, and never more than the cap."""
    history = RestartHistory(RestartPolicy(max_restarts=100, backoff_max=1.0))
    assert [history.next_delay(0.0) for _ in range(6)] == pytest.approx([0.1, 0.2, 0.4, 0.8, 1.0, 1.0])
    assert history.total == 6


def test_one_restart_too_many_is_quarantine_until_a_person_clears_it():
    """After max_restarts within the span the answer is None, and stays so however long nothing happens."""
    history = RestartHistory(RestartPolicy(max_restarts=3, within=60.0))
    assert None not in [history.next_delay(float(now)) for now in (0, 10, 20)]
    assert history.next_delay(30.0) is None
    assert history.exceeded
    assert history.next_delay(1e9) is None
    history.clear()
    assert history.next_delay(1e9) == pytest.approx(0.1)
    assert history.total == 4


def test_failures_far_apart_are_restarted_for_ever_and_at_once():
    """A failure after a stable period begins at the shortest wait again, and old restarts no longer count."""
    history = RestartHistory(RestartPolicy(max_restarts=2, within=60.0))
    assert [history.next_delay(100.0 * turn) for turn in range(50)] == pytest.approx([0.1] * 50)


def test_a_long_wait_is_no_stable_period():
    """Waiting for a restart is not running well: the wait itself does not reset the backoff."""
    history = RestartHistory(RestartPolicy(max_restarts=100, within=10.0, backoff_initial=8.0, backoff_max=64.0))
    assert history.next_delay(0.0) == 8.0
    assert history.next_delay(17.0) == 16.0
    assert history.next_delay(44.0) == 8.0


def test_no_restarts_at_all_can_be_asked_for():
    """With max_restarts=0 the first failure is quarantine."""
    assert RestartHistory(RestartPolicy(max_restarts=0)).next_delay(0.0) is None


@given(
    st.integers(0, 6),
    st.floats(0.1, 100),
    st.floats(0, 5),
    st.floats(0, 50),
    st.lists(st.floats(0, 40), max_size=60),
)
def test_the_intensity_is_never_passed(most, within, one, other, gaps):
    """No window of ``within`` seconds sees more than max_restarts, no wait leaves its bounds, ``left`` foretells."""
    initial, longest = sorted((one, other))
    history = RestartHistory(RestartPolicy(most, within, initial, longest))
    now, granted = 0.0, []
    for gap in gaps:
        now += gap
        left = history.left(now)
        assert history.left(now) is left
        delay = history.next_delay(now)
        assert left is (delay is not None)
        if delay is None:
            assert not history.left(now + 1e6)
            assert history.next_delay(now + 1e6) is None
            break
        assert initial <= delay <= longest
        granted.append(now + delay)
        now += delay
    for index, first in enumerate(granted):
        assert sum(later - first <= within for later in granted[index:]) <= most


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("max_restarts", value) for value in (-1, True, 1.0, "5", None, 10**6)),
        *(("within", value) for value in (0, -1, math.nan, math.inf, "60", None)),
        *(("backoff_initial", value) for value in (-1, math.nan, None)),
        *(("backoff_max", value) for value in (-1, math.inf, 0.01, None)),
    ],
)
def test_bad_values_are_refused_with_the_fields_name(field, value):
    """Every field says what would be right, and its name."""
    with pytest.raises(InvalidArgumentError, match=rf"restart\.{field}"):
        RestartPolicy(**{field: value})

"""When failed work is run again."""

from __future__ import annotations

import asyncio
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from companion_async.errors import InvalidArgumentError, TaskCrashedError
from companion_async.modules.retry import RetryPolicy

seconds = st.floats(0, 1e6)


def test_an_int_is_that_many_runs_in_all():
    """``parse`` takes an int for the number of runs, None for no policy, a policy as it is."""
    assert RetryPolicy.parse(4) == RetryPolicy(attempts=4)
    assert RetryPolicy.parse(None) is None
    policy = RetryPolicy(attempts=2, on=(OSError,))
    assert RetryPolicy.parse(policy) is policy


@pytest.mark.feature("CB-09")
@pytest.mark.parametrize(
    ("attempt", "draw", "wait"),
    [(1, 0.0, 0.1), (2, 0.0, 0.2), (3, 0.0, 0.4), (5, 0.0, 1.6), (6, 0.0, 2.0), (10**6, 0.0, 2.0), (2, 0.5, 0.19)],
)
def test_the_wait_doubles_up_to_its_cap(attempt, draw, wait):
    """0.1, 0.2, 0.4 ... up to the cap, less the share that chance takes away; no attempt number overflows."""
    assert RetryPolicy(wait_initial=0.1, wait_max=2.0, jitter=0.1).delay(attempt, draw) == pytest.approx(wait)


@pytest.mark.feature("CB-09")
@given(seconds, seconds, st.floats(0, 1), st.integers(1, 10**9), st.floats(0, 1, exclude_max=True))
def test_no_wait_leaves_its_bounds(one, other, jitter, attempt, draw):
    """Whatever the numbers, a wait is finite, at most the cap and at least the undrawn wait less its jitter."""
    initial, longest = sorted((one, other))
    policy = RetryPolicy(wait_initial=initial, wait_max=longest, jitter=jitter)
    delay = policy.delay(attempt, draw)
    assert 0 <= delay <= longest
    assert delay >= min(policy.delay(attempt, 0.0), longest) * (1 - jitter) * (1 - 1e-9)


@pytest.mark.feature("CB-09")
def test_exceptions_are_wanted_and_the_rest_is_not():
    """By default any Exception is worth another run; an exit, an interrupt or a cancellation is not."""
    policy = RetryPolicy()
    assert policy.wants(ValueError())
    for error in (SystemExit(), KeyboardInterrupt(), GeneratorExit(), asyncio.CancelledError()):
        assert not policy.wants(error)


def test_on_narrows_and_widens():
    """Only the named classes are retried, and an exit too where it is named."""
    assert not RetryPolicy(on=(OSError,)).wants(ValueError())
    assert RetryPolicy(on=(OSError,)).wants(ConnectionError())
    assert RetryPolicy(on=(SystemExit,)).wants(SystemExit())
    assert RetryPolicy(on=OSError).on == (OSError,)  # type: ignore[arg-type]


def test_a_crash_is_judged_by_what_was_raised():
    """The error that stands for a SystemExit is no more retried than the SystemExit itself."""
    crash = TaskCrashedError("t", "m", "SystemExit")
    assert not RetryPolicy().wants(crash)
    crash.__cause__ = SystemExit(1)
    assert not RetryPolicy().wants(crash)
    assert RetryPolicy(on=(SystemExit,)).wants(crash)
    assert RetryPolicy(on=(TaskCrashedError,)).wants(TaskCrashedError("t", "m", "SystemExit"))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("attempts", value) for value in (0, -1, True, 1.5, "3", None, 10**7)),
        *(("wait_initial", value) for value in (-1, math.nan, math.inf, "1", None)),
        *(("wait_max", value) for value in (-1, math.nan, 0.05)),
        *(("jitter", value) for value in (-0.1, 1.1, math.nan, True, "0", None)),
        *(("on", value) for value in ((), (1,), "OSError", ("OSError",), None, [OSError])),
    ],
)
def test_bad_values_are_refused_with_the_fields_name(field, value):
    """Every field says what would be right, and its name."""
    with pytest.raises(InvalidArgumentError, match=rf"retry\.{field}"):
        RetryPolicy(**{field: value})


@pytest.mark.parametrize("value", [0, -1, True, 2.0, "2", [2]])
def test_parse_refuses_what_is_no_number_of_runs(value):
    """Zero runs, a bool, a float or a string are no policy."""
    with pytest.raises(InvalidArgumentError, match="retry"):
        RetryPolicy.parse(value)

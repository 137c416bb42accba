"""How long a task may take, span by span."""

from __future__ import annotations

import math

import pytest

from companion_async.errors import InvalidArgumentError
from companion_async.modules.timeout import Timeout

BAD = [math.nan, math.inf, -math.inf, 0, 0.0, -1, True, False, "30", b"1", [], 10**400, object()]


def test_a_number_limits_the_run_and_none_limits_nothing():
    """``parse`` takes a number for the run's limit, None for no limit, and a Timeout as it is."""
    assert Timeout.parse(5) == Timeout(run=5.0)
    assert Timeout.parse(0.25) == Timeout(run=0.25)
    assert Timeout.parse(None) == Timeout()
    whole = Timeout(queue=1, run=2, total=3, idle=4)
    assert Timeout.parse(whole) is whole
    assert [type(limit) for limit in (whole.queue, whole.run, whole.total, whole.idle)] == [float] * 4


@pytest.mark.parametrize("value", BAD, ids=lambda value: f"{value!r:.20}")
@pytest.mark.parametrize("span", ["queue", "run", "total", "idle"])
def test_what_is_no_limit_is_refused_with_the_spans_name(span, value):
    """NaN, infinities, zero, negatives, bools, strings and the like are refused where they enter."""
    with pytest.raises(InvalidArgumentError, match=rf"timeout\.{span}"):
        Timeout(**{span: value})


@pytest.mark.parametrize("value", BAD, ids=lambda value: f"{value!r:.20}")
def test_parse_refuses_what_the_constructor_refuses(value):
    """No value slips in through ``parse``."""
    with pytest.raises(InvalidArgumentError, match="timeout"):
        Timeout.parse(value)


def test_a_timeout_cannot_be_changed():
    """A Timeout is a value: assigning to it raises."""
    with pytest.raises(AttributeError):
        Timeout(run=1).run = 2  # type: ignore[misc]

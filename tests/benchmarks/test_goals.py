"""Goals: what is reached, what is not, and what is only just."""

from __future__ import annotations

import pytest

from benchmarks.figures import Comparison, Measurement, Summary
from benchmarks.goals import GOALS, LEFT_BEHIND, LIMITS, Goal, Limit, judge, judge_course, judge_limits
from benchmarks.report import Sample

MORE = Goal("throughput", "200 clients", "peer", "at least", 4.0)
LESS = Goal("latency", "p50", "peer", "at most", 1.0)


def verdict(goal: Goal, low: float, median: float, high: float) -> tuple[bool, bool]:
    comparison = Comparison("companion", goal.peer, goal.setting, Summary(median, low, high, 5))
    (found,) = judge(goal.suite, [comparison], [goal])
    return found.reached, found.sure


@pytest.mark.parametrize(
    ("goal", "ratios", "expected"),
    [
        (MORE, (4.0, 4.5, 5.0), (True, True)),
        (MORE, (3.9, 4.0, 5.0), (True, False)),
        (MORE, (3.0, 3.9, 5.0), (False, False)),
        (MORE, (3.0, 3.5, 3.9), (False, True)),
        (LESS, (0.8, 0.9, 1.0), (True, True)),
        (LESS, (0.8, 1.0, 1.1), (True, False)),
        (LESS, (0.9, 1.1, 1.2), (False, False)),
        (LESS, (1.1, 1.2, 1.3), (False, True)),
    ],
)
def test_the_median_decides_and_the_spread_says_how_surely(goal, ratios, expected):
    """A goal counts as reached by the median alone; where the middle half of the rounds disagrees, that is said."""
    assert verdict(goal, *ratios) == expected


def test_a_goal_is_judged_in_its_own_suite_setting_and_peer_only():
    """Other suites, settings and peers yield no verdict."""
    ratio = Summary(9.0, 9.0, 9.0, 5)
    others = [
        Comparison("companion", "other", "200 clients", ratio),
        Comparison("companion", "peer", "1 client", ratio),
    ]
    assert judge("throughput", others, [MORE]) == []
    assert judge("latency", [Comparison("companion", "peer", "200 clients", ratio)], [MORE]) == []


def test_the_verdict_shows_goal_and_figures():
    """A person reads the bound, the median and the spread."""
    (found,) = judge(
        "throughput", [Comparison("companion", "peer", "200 clients", Summary(3.5, 3.25, 3.75, 5))], [MORE]
    )
    assert found.goal == "throughput at 200 clients >= 4 x peer"
    assert found.measured == "3.50 x (3.25 to 3.75)"
    (alone,) = judge_limits("s", "companion", [Measurement("companion", "peak", "", (7.0,))], [Limit("s", "peak", 9.0)])
    assert alone.measured == "7.00"


def test_the_promised_goals_stand():
    """The bounds that the project promised are the ones that are judged."""
    assert {(goal.suite, goal.setting, goal.peer, goal.sense, goal.bound) for goal in GOALS} == {
        ("throughput", "200 clients", "asyncio.to_thread", "at least", 5.0),
        ("throughput", "200 clients", "anyio.to_thread", "at least", 10.0),
        ("throughput", "200 clients", "APScheduler 4", "at least", 100.0),
        ("throughput", "200 clients", "dask in process", "at least", 100.0),
        ("latency", "p50", "asyncio.to_thread", "at most", 0.7),
        ("latency", "p50", "two queues", "at most", 2.5),
        ("gil", "throughput", "asyncio.to_thread", "at least", 1.0),
        ("locks", "alone", "asyncio.Lock", "at most", 2.0),
        ("http", "alone", "def route", "at least", 1.0),
        ("http", "beside a slow one, p99", "def route", "at most", 0.1),
        ("process", "throughput", "asyncio.to_thread", "at least", 1.8),
        ("process", "round trip, p50", "ProcessPoolExecutor", "at most", 1.0),
        ("events", "1,000 subscribers", "queue per subscriber", "at most", 0.5),
    }


@pytest.mark.parametrize(
    ("threads", "growth", "reached"),
    [(0, 0, True), (0, LEFT_BEHIND, True), (0, LEFT_BEHIND + 1, False), (1, 0, False), (-1, -5, True)],
)
def test_tasks_must_leave_nothing_behind(threads, growth, reached):
    """One thread more, or more memory than a few megabytes, misses the goal."""
    before, after = Sample("before", 3, 1e6), Sample("after", 3 + threads, 1e6 + growth)
    assert judge_course(1000, before, after).reached is reached


def test_a_limit_is_judged_by_our_own_figures():
    """By the median of ours alone, or of its ratio to another setting, round by round; others are not looked at."""
    ours = [
        Measurement("companion", "small", "us", (1.0, 2.0, 3.0)),
        Measurement("companion", "large", "us", (2.0, 6.0, 6.0)),
        Measurement("peer", "small", "us", (90.0, 90.0, 90.0)),
    ]
    limits = [
        Limit("state", "small", 2.0),
        Limit("state", "large", 2.0, "small"),
        Limit("state", "large", 5.0),
        Limit("other", "small", 0.0),
        Limit("state", "unmeasured", 0.0),
        Limit("state", "small", 0.0, "unmeasured"),
    ]
    verdicts = judge_limits("state", "companion", ours, limits)
    assert [(one.reached, one.sure) for one in verdicts] == [(True, False), (True, False), (False, False)]
    assert verdicts[0].goal == "state at small <= 2 us"
    assert verdicts[1].goal == "state at large <= 2 x small"
    assert verdicts[1].measured == "2.00 x (2.00 to 2.50)"


def test_a_limit_can_be_one_from_below():
    """What must be at least so much is missed by less, alone or beside another setting."""
    ours = [
        Measurement("companion", "deep", "tasks/s", (70.0, 80.0, 90.0)),
        Measurement("companion", "flat", "tasks/s", (100.0, 100.0, 100.0)),
    ]
    limits = [Limit("depth", "deep", 0.8, "flat", "at least"), Limit("depth", "deep", 95.0, sense="at least")]
    verdicts = judge_limits("depth", "companion", ours, limits)
    assert [(one.goal, one.reached, one.sure) for one in verdicts] == [
        ("depth at deep >= 0.8 x flat", True, False),
        ("depth at deep >= 95 tasks/s", False, True),
    ]


def test_the_promised_limits_stand():
    """The absolute bounds that the project promised are the ones that are judged."""
    assert {(one.suite, one.setting, one.bound, one.than) for one in LIMITS} >= {
        ("state", "10,000 keys", 20.0, ""),
        ("state", "1,000,000 keys", 3.0, "100 keys"),
        ("events", "no subscriber", 0.3, ""),
    }

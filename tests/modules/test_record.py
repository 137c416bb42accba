"""What is known of a module's work."""

from __future__ import annotations

import gc
import weakref
from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from companion_async.errors import InvalidArgumentError, SecurityError, StorageError, TaskCrashedError
from companion_async.modules.record import MOST_ERRORS, ModuleRecord, error_text
from companion_async.testing.clock import VirtualClock


@pytest.fixture
def record():
    return ModuleRecord(VirtualClock(start=100.0, epoch=1_767_225_600.0))


@pytest.mark.feature("CB-23", "PM-11")
def test_before_the_first_task(record):
    """A module without work has a success rate of 1.0, no averages and no activity."""
    assert (record.success_rate, record.tasks_ended, record.failures_in_row) == (1.0, 0, 0)
    assert (record.average_run, record.average_execution_time, record.cpu_share) == (None, None, None)
    assert (record.last_activity, record.started_at, list(record.errors)) == (None, None, [])


@pytest.mark.feature("CB-23", "PM-11")
def test_every_end_is_counted_once(record):
    """Each task counts in exactly one column; time-outs are failures, cancelled tasks are neither."""
    record.completed(1.0, 0.1, 0.2, None)
    record.completed(2.0, 0.1, 0.2, None)
    record.failed(3.0, 0.1, 0.2, None, ValueError("no"), "t3")
    record.timed_out(4.0, 0.1, 5.0, None, TimeoutError("late"), "t4")
    record.cancelled(5.0)
    counts = (record.tasks_completed, record.tasks_failed, record.tasks_timed_out, record.tasks_cancelled)
    assert counts == (2, 1, 1, 1)
    assert record.tasks_ended == 5
    assert record.success_rate == 0.5
    assert record.failures_in_row == 2
    assert record.last_activity == 5.0
    record.completed(6.0, 0.1, 0.2, None)
    assert record.failures_in_row == 0


@pytest.mark.parametrize(
    ("error", "counted"),
    [
        (ValueError("no"), 1),
        (InvalidArgumentError("no"), 0),
        (SecurityError("no"), 0),
        (StorageError("no"), 1),
        (TaskCrashedError("t", "m", "SystemExit"), 1),
    ],
)
def test_what_was_asked_wrongly_does_not_speak_against_the_module(record, error, counted):
    """A refusal is a failure of its task, and none of those in a row that have a module restarted."""
    record.failed(1.0, 0.1, 0.2, None, error, "t1")
    assert (record.tasks_failed, record.failures_in_row) == (1, counted)
    assert record.errors[0].type == type(error).__name__


@pytest.mark.feature("PE-05", "PM-11")
def test_the_average_execution_time_is_the_mean_of_all_runs(record):
    """``average_execution_time`` is the mean over every run, failed ones too; tasks that never ran are left out."""
    record.completed(1.0, 0.0, 0.2, None)
    record.failed(2.0, 0.0, 0.4, None, ValueError(), "t")
    record.timed_out(3.0, 9.0, None, None, TimeoutError(), "t")
    assert record.average_execution_time == pytest.approx(0.3)
    assert record.run_seconds == pytest.approx(0.6)
    assert (record.run.count, record.wait.count) == (2, 3)


@pytest.mark.feature("CB-23")
def test_run_times_and_waits_have_percentiles(record):
    """p50, p95 and p99 of runs and of waits are kept apart, each within 2 %."""
    for at in range(1, 1001):
        record.completed(float(at), at / 1e4, at / 1e3, None)
    assert record.run.quantiles((0.5, 0.95, 0.99)) == pytest.approx((0.5, 0.95, 0.99), rel=0.021)
    assert record.wait.quantiles((0.5, 0.95, 0.99)) == pytest.approx((0.05, 0.095, 0.099), rel=0.021)


def test_cpu_time_is_compared_with_the_runs_it_was_sampled_in(record):
    """Runs without a sample do not make the others look idle."""
    record.completed(1.0, 0.0, 1.0, 0.9)
    record.completed(2.0, 0.0, 50.0, None)
    record.failed(3.0, 0.0, 1.0, 0.7, ValueError(), "t")
    assert (record.cpu_seconds, record.cpu_run_seconds) == (pytest.approx(1.6), 2.0)
    assert record.cpu_runs == 2
    assert record.cpu_share == pytest.approx(0.8)


def test_the_moving_average_follows_what_runs_take_lately(record):
    """None before the first run, and after twenty of another length near that length."""
    assert record.average_run is None
    for _ in range(50):
        record.completed(1.0, 0.0, 1.0, None)
    assert record.average_run == pytest.approx(1.0)
    for _ in range(20):
        record.completed(1.0, 0.0, 0.002, None)
    average = record.average_run
    assert average is not None
    assert average < 0.02


@pytest.mark.feature("CB-24")
def test_the_last_errors_are_kept_and_no_more(record):
    """The newest twenty errors stand in the list, oldest first, each with its type, text, time and task."""
    for at in range(50):
        record.failed(float(at), 0.0, 0.1, None, ValueError(f"error {at}"), f"t{at}")
    record.fault(OSError("disk"))
    assert len(record.errors) == MOST_ERRORS
    assert [entry.task_id for entry in record.errors] == [*(f"t{at}" for at in range(31, 50)), None]
    last = record.errors[-1]
    assert (last.type, last.message, last.timestamp) == ("OSError", "disk", datetime(2026, 1, 1, tzinfo=UTC))
    assert record.tasks_failed == 50
    assert b'"timestamp":"2026-01-01T00:00:00Z"' in msgspec.json.encode(last)
    with pytest.raises(AttributeError):
        last.message = "other"


@pytest.mark.feature("CB-24")
def test_an_exception_that_cannot_say_what_it_is_does_no_harm(record):
    """A __str__ that raises, be it SystemExit, costs the text and nothing else."""

    class Mute(Exception):
        def __str__(self):
            raise SystemExit(3)

    record.failed(1.0, 0.0, 0.1, None, Mute(), "t")
    assert (record.errors[0].type, record.errors[0].message) == ("Mute", "<no text: its __str__ raised SystemExit>")


@pytest.mark.feature("CB-24")
@given(st.text(max_size=2000))
def test_no_message_is_longer_than_its_bound(text):
    """Texts up to 500 characters are kept whole, longer ones cut with a mark."""
    kept = error_text(ValueError(text))
    assert kept == text if len(text) <= 500 else kept == text[:497] + "..."


def test_no_exception_is_kept_alive(record):
    """The record holds text only: an error's frames, and what they hold, are freed."""

    class Big(Exception):
        pass

    error = Big("text")
    ref = weakref.ref(error)
    record.failed(1.0, 0.0, 0.1, None, error, "t")
    record.fault(error)
    del error
    gc.collect()
    assert ref() is None

"""Suites: each in a process of its own, and a failure of one is told, not hidden."""

from __future__ import annotations

import pytest

from benchmarks import contenders, registry
from benchmarks.contenders import KNOWN
from benchmarks.registry import SuiteFailedError, measure_alone, plan, present
from benchmarks.suites.latency import TWO_QUEUES


def test_the_plan_measures_each_suite_on_each_loop_once():
    """In the order asked for; a suite that does not depend on the loop has one run."""
    assert plan(["latency", "latency", "retrieval", "depth", "http"], ("asyncio", "uvloop")) == [
        ("latency", "asyncio"),
        ("latency", "uvloop"),
        ("retrieval", "asyncio"),
        ("depth", "uvloop"),
        ("http", "uvloop"),
    ]
    assert plan(["depth"], ("asyncio",)) == [("depth", "asyncio")]


def test_the_promised_suites_are_present():
    """At least the three that need nothing but the runtime."""
    assert set(present()) >= {"throughput", "latency", "memory"}


def test_a_suite_that_breaks_is_named_with_its_last_words():
    """The process's exit is noticed, and the line that says why is in the error."""
    with pytest.raises(SuiteFailedError, match=r"no_such_suite on asyncio ended with 1: ModuleNotFoundError: .*"):
        measure_alone("no_such_suite", "asyncio", quick=True, progress=lambda share: None)


def test_a_suite_that_is_stuck_is_ended(monkeypatch):
    """One that says nothing for too long is killed, and told as such."""
    monkeypatch.setattr(registry, "SILENCE", 0.001)
    with pytest.raises(SuiteFailedError, match=r"latency on asyncio was ended: it had said nothing for 0\.001 s"):
        measure_alone("latency", "asyncio", quick=True, progress=lambda share: None)


def test_what_a_suite_prints_is_no_part_of_its_report(monkeypatch, tmp_path):
    """A peer may write to standard output what it likes, and to standard error more than a pipe holds."""
    (tmp_path / "benchmarks" / "suites").mkdir(parents=True)
    (tmp_path / "benchmarks" / "suites" / "noisy.py").write_text(NOISY, encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    report = measure_alone("noisy", "asyncio", quick=True, progress=lambda share: None)
    assert report.notes == ("quick",)


NOISY = """
import os, sys
from benchmarks.report import Report

def measure(loop, *, quick, progress):
    print("{not json", flush=True)
    os.system("echo more of it")
    sys.stderr.write("x" * 1_000_000)
    return Report(suite="noisy", loop=loop, notes=("quick",) if quick else ())
"""


def test_a_suite_runs_in_a_process_of_its_own(monkeypatch):
    """Progress grows to 1 and the report comes back whole: a figure for each round of each contender, or why not."""
    monkeypatch.setattr(registry, "measure", lambda *args, **options: pytest.fail("measured in this process"))
    shares: list[float] = []
    report = measure_alone("latency", "asyncio", quick=True, progress=shares.append)
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1.0)
    assert (report.suite, report.loop) == ("latency", "asyncio")
    taking_part = {*contenders.taking_part("asyncio"), TWO_QUEUES}
    assert {len(one.rounds) for one in report.measurements} == {3}
    assert {one.contender for one in report.measurements} == taking_part == set(report.configurations)
    assert {one.contender for one in report.absences} == set(KNOWN) - taking_part
    assert {one.setting for one in report.measurements} == {"p50", "p99"}
    assert set(report.spent) == taking_part
    assert 0 < sum(report.spent.values()) <= report.seconds
    assert {verdict.ours for verdict in report.verdicts} == {"companion", "companion, watched"}

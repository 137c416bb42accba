"""The summary of a run in Markdown: ratios, what they do not say, goals and plots, nothing that was not measured."""

from __future__ import annotations

import msgspec

from benchmarks.figures import Measurement, compare
from benchmarks.machine import describe
from benchmarks.report import Absence, Report, Verdict
from benchmarks.results import Results
from benchmarks.summary import markdown

MEASUREMENTS = (
    Measurement("companion", "200 clients", "tasks/s", (900.0, 1000.0, 1100.0)),
    Measurement("asyncio.to_thread", "200 clients", "tasks/s", (300.0, 250.0, 220.0)),
    Measurement("APScheduler 4", "200 clients", "tasks/s", (1.0,), (1,)),
)
REPORT = Report(
    suite="throughput",
    loop="uvloop",
    says_not="Nothing about real work.",
    measurements=MEASUREMENTS,
    comparisons=tuple(compare(MEASUREMENTS, ["companion"])),
    verdicts=(Verdict("a", "companion", "4 x", True), Verdict("b", "companion", "2 x", False, False)),
    absences=(Absence("Ray", "not installed: pip install ray"), Absence("aiojobs", "cannot")),
)
PEERS = ["asyncio.to_thread", "anyio.to_thread", "aiojobs", "APScheduler 4", "Ray"]
MADE = Results(machine=describe(), quick=False, reports=[REPORT], commit="abc", made="2026-01-02", seconds=600.0)


def test_the_summary_has_ratios_goals_and_plots():
    """A column for each peer that took part or has a reason not to, and each goal with what was measured."""
    lines = markdown(MADE, {"throughput-uvloop": ["plots/a.svg"]}, PEERS).splitlines()
    assert "Made 2026-01-02 on commit `abc`, in 10 minutes." in lines
    assert "| suite | setting | asyncio.to_thread | aiojobs | APScheduler 4 | Ray |" in lines
    assert "| throughput on uvloop | 200 clients | 4.00 | has none | 1,000 | not installed |" in lines
    assert "- throughput: Nothing about real work." in lines
    assert "## Goals: 1 of 2 reached" in lines
    assert "| b | uvloop | companion | 2 x | **not reached**, narrowly |" in lines
    assert "![throughput on uvloop](plots/a.svg)" in lines


def test_a_suite_without_peers_has_no_ratios():
    """Where nothing was compared and no goal set, there is no empty table."""
    bare = msgspec.structs.replace(MADE, reports=[Report(suite="memory", loop="uvloop")])
    text = markdown(bare, {}, PEERS)
    assert "How many times" not in text
    assert "Goals" not in text
    assert "## Memory on uvloop" in text

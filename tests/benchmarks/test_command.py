"""``python -m benchmarks``: tables for a person, JSON for a machine, nothing asserted about time."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from rich.console import Console

from benchmarks import __main__ as command
from benchmarks import plots, results, tables
from benchmarks.figures import Measurement, compare
from benchmarks.loops import available
from benchmarks.machine import describe
from benchmarks.registry import SuiteFailedError
from benchmarks.report import Absence, Report, Sample, Verdict, told
from benchmarks.results import Results

ROOT = Path(__file__).parents[2]


def bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"}
    command = [sys.executable, "-m", "benchmarks", *arguments]
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, encoding="utf-8", check=False, timeout=200)


@pytest.mark.feature("PM-15")
def test_a_run_prints_tables_and_writes_every_figure(tmp_path):
    """A hundred thousand tasks leave nothing behind but a bounded history, and the verdict says so."""
    path = tmp_path / "figures.json"
    done = bench("memory", "--quick", "--json", str(path))
    assert done.returncode == 0, done.stderr
    results = msgspec.json.decode(path.read_bytes(), type=Results)
    assert results.quick
    assert results.machine == msgspec.structs.replace(describe(), load=results.machine.load)
    assert [one.loop for one in results.reports] == [available()[-1]]
    for one in results.reports:
        assert one.samples[-1].threads <= one.samples[0].threads  # what warmed up may be on its way home
        assert "1,000 tasks still known, with history_size=1,000" in one.notes
        assert [verdict.goal for verdict in one.verdicts] == ["100,000 tasks leave no threads and <= 4 MiB behind"]
        assert one.verdicts[0].reached
    for words in (f"Memory on {available()[-1]}", "Goals", "switch interval", "+0 threads"):
        assert words in done.stdout


def test_bad_usage_is_told():
    """A suite that is not there is refused before anything is measured."""
    done = bench("no_such_suite")
    assert done.returncode != 0
    assert "no_such_suite" in done.stdout + done.stderr


@pytest.fixture
def suites(monkeypatch) -> list[str]:
    """The names of those that ran, which end at once: `latency` fails, in `state` comes Ctrl-C, in `locks` SIGTERM."""
    ran = []

    def measure(name, loop, *, quick, progress) -> Report:
        ran.append(name)
        progress(1.0)
        if name == "latency":
            raise SuiteFailedError("latency on asyncio ended with 1: MemoryError")
        if name == "state":
            raise KeyboardInterrupt
        if name == "locks":
            signal.raise_signal(signal.SIGTERM)
        return Report(suite=name, loop=loop, measurements=(Measurement("companion", "alone", "us", (1.0,)),))

    monkeypatch.setattr(command, "measure_alone", measure)
    monkeypatch.setattr(command, "available", lambda: ("asyncio",))
    return ran


def test_a_suite_that_fails_is_told_and_the_rest_goes_on(suites, tmp_path, capsys):
    """The exit code says that something failed, the report what, and nothing of the others is lost."""
    path = tmp_path / "figures.json"
    assert command.main("throughput", "latency", "memory", json=path) == 1
    assert suites == ["throughput", "latency", "memory"]
    made = results.read(path)
    assert [one.suite for one in made.reports] == ["throughput", "memory"]
    assert made.failures == [results.Failure("latency", "asyncio", "latency on asyncio ended with 1: MemoryError")]
    assert "MemoryError" in capsys.readouterr().out


def test_one_loop_can_be_asked_for(suites, monkeypatch, tmp_path):
    """Every suite is then measured on that one, also those that would be on both or on the other."""
    monkeypatch.setattr(command, "available", lambda: ("asyncio", "uvloop"))
    path = tmp_path / "figures.json"
    assert command.main("throughput", "events", "depth", loop="uvloop", json=path) == 0
    assert [(one.suite, one.loop) for one in results.read(path).reports] == [
        ("throughput", "uvloop"),
        ("events", "uvloop"),
        ("depth", "uvloop"),
    ]


@pytest.mark.parametrize("last", ["state", "locks"])
def test_an_interrupted_run_keeps_what_it_has(last, suites, tmp_path, capsys):
    """Ctrl-C or SIGTERM ends the measuring; what came before it is written, and marked as not all of it."""
    path = tmp_path / "figures.json"
    assert command.main("throughput", last, "memory", json=path) == 130
    made = results.read(path)
    assert (suites, [one.suite for one in made.reports], made.interrupted) == (
        ["throughput", last],
        ["throughput"],
        True,
    )


def test_an_earlier_run_can_be_shown_again(suites, tmp_path, capsys):
    """From the file of a run come its tables and its page, all suites or some, and nothing is measured."""
    path, again = tmp_path / "figures.json", tmp_path / "again.json"
    command.main("throughput", "memory", json=path)
    suites.clear()
    assert command.main("memory", measured=(path,), json=again) == 0
    assert suites == []
    assert results.read(again).reports == results.read(path).reports[1:]
    assert "Memory on asyncio" in capsys.readouterr().out


@pytest.mark.parametrize("content", [None, "", "{}", '{"machine": 1}'])
def test_a_file_that_is_no_run_is_told(content, suites, tmp_path, capsys):
    """One that is not there, or something else, is named with what is wrong, and nothing is written over anything."""
    path = tmp_path / "figures.json"
    if content is not None:
        path.write_text(content)
    assert command.main(measured=(path,), json=tmp_path / "again.json") == 2
    assert "is not what --json writes" in capsys.readouterr().out
    assert not (tmp_path / "again.json").exists()


@pytest.mark.skipif(not plots.available(), reason="matplotlib is not installed")
def test_one_word_makes_the_whole_report(suites, tmp_path):
    """Figures, page, plots and a summary that shows them, in one folder."""
    (tmp_path / "results" / "plots").mkdir(parents=True)
    (tmp_path / "results" / "plots" / "of-an-earlier-run.svg").touch()
    assert command.main("throughput", "latency", into=tmp_path / "results") == 1
    made = sorted(path.relative_to(tmp_path / "results").as_posix() for path in (tmp_path / "results").rglob("*.*"))
    plot = "plots/throughput-asyncio"
    assert made == ["README.md", f"{plot}.png", f"{plot}.svg", "report.html", "results.json"]
    text = (tmp_path / "results" / "README.md").read_text(encoding="utf-8")
    assert f"![throughput on asyncio]({plot}.svg)" in text
    assert "**latency on asyncio failed:** latency on asyncio ended with 1: MemoryError" in text


def test_a_missing_library_is_told_before_anything_is_measured(suites, monkeypatch, tmp_path, capsys):
    """Nobody waits twenty minutes to learn that the plots cannot be drawn."""
    monkeypatch.setattr(plots, "available", lambda: False)
    assert command.main("throughput", html=tmp_path / "report.html") == 2
    assert suites == []
    assert "pip install -e '.[bench]'" in capsys.readouterr().out


def test_a_suite_that_is_none_is_one_line(suites, capsys):
    """It is told before anything is measured, with those that there are."""
    assert command.main("throughput", "nope") == 2
    assert suites == []
    assert capsys.readouterr().err.startswith("There is no suite 'nope'; there are throughput, ")


def shown(renderable) -> str:
    text = io.StringIO()
    Console(width=120, file=text).print(renderable)
    return text.getvalue()


def test_a_contest_shows_median_spread_and_ratio():
    """Beside every peer stands how many times its figure ours is."""
    measurements = (
        Measurement("companion", "1 client", "tasks/s", (40_000.0, 44_000.0, 48_000.0)),
        Measurement("asyncio.to_thread", "1 client", "tasks/s", (10_000.0, 11_000.0, 12_000.0)),
    )
    text = shown(
        tables.report(
            Report(
                suite="throughput",
                loop="uvloop",
                measurements=measurements,
                comparisons=tuple(compare(measurements, ["companion"])),
                notes=("three rounds",),
            )
        )
    )
    assert "Throughput on uvloop" in text
    assert "44,000 ±  5 %" in text
    (peer,) = [line for line in text.splitlines() if "asyncio.to_thread" in line]
    assert peer.split() == ["asyncio.to_thread", "11,000", "±", "5", "%", "4.00"]
    assert "three rounds" in text


def test_who_was_not_measured_is_shown():
    """A peer without a figure has the reason for it under the table, with the question and what it does not say."""
    absences = (
        Absence("Ray", "not installed: pip install ray"),
        Absence("dask", "would wait too long", "5,000 clients"),
    )
    text = shown(tables.report(Report(suite="s", loop="asyncio", asks="How?", says_not="Why.", absences=absences)))
    for words in ("Ray: not installed: pip install ray", "dask at 5,000 clients: would wait too long", "How?", "Why."):
        assert words in text


def test_who_lacks_the_same_is_named_together():
    """One sentence for each reason, however many it holds for; settings are kept apart."""
    absences = [Absence("a", "none"), Absence("b", "none"), Absence("a", "slow", "deep"), Absence("c", "none")]
    assert told(absences) == ["a, b, c: none", "a at deep: slow"]


def test_figures_without_peers_stand_alone():
    """What is compared with nobody has no column of ratios, and a single figure no spread."""
    measurements = (Measurement("ask", "hit rate at 1", "share", (0.875,)),)
    text = shown(tables.report(Report(suite="retrieval", loop="asyncio", measurements=measurements)))
    assert "/ this" not in text
    assert [line.split() for line in text.splitlines() if "ask" in line] == [["ask", "0.875"]]


def test_many_settings_have_a_row_each():
    """Nobody reads forty columns."""
    measurements = tuple(Measurement("companion", f"shape {n}", "s", (float(n),)) for n in range(20))
    text = shown(tables.report(Report(suite="scaling", loop="asyncio", measurements=measurements)))
    assert [line.split()[-1] for line in text.splitlines() if "shape 17" in line] == ["17.0"]
    assert max(map(len, text.splitlines())) < 80


def test_a_missed_goal_is_shown_as_missed():
    """Reached, not reached, and narrowly so, in words."""
    verdicts = (Verdict("a", "c", "1 x", True), Verdict("b", "c", "2 x", False), Verdict("d", "c", "3 x", False, False))
    lines = shown(tables.verdicts([Report(suite="s", loop="asyncio", verdicts=verdicts)])).splitlines()
    said = [" ".join(line.split()) for line in lines if "asyncio" in line]
    assert said == [
        "a asyncio c 1 x reached",
        "b asyncio c 2 x not reached",
        "d asyncio c 3 x not reached, narrowly",
    ]


def test_a_course_shows_each_moment_and_its_change():
    """Threads and resident memory, and what the moment before it had less."""
    samples = (Sample("before", 1, 10 * 2**20), Sample("after", 9, 12.5 * 2**20))
    text = shown(tables.report(Report(suite="memory", loop="asyncio", samples=samples)))
    assert [line.split() for line in text.splitlines() if "after" in line] == [["after", "9", "12.50", "+2.50"]]

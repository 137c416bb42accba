"""Runs: pieces are put together if they belong together, and what nobody can repeat is marked."""

from __future__ import annotations

import subprocess
from typing import Any

import msgspec
import pytest

from benchmarks import results
from benchmarks.machine import describe
from benchmarks.report import Report
from benchmarks.results import Failure, Results, UnreadableError, merge

HEAD = "0123456789abcdef"


def run(*suites: str, note: str = "", **changed) -> Results:
    reports = [Report(suite=name, loop="asyncio", notes=(note,)) for name in suites]
    fields: dict[str, Any] = {"quick": False, "commit": HEAD, "made": "2026-01-02", "seconds": 10.0}
    return Results(machine=describe(), reports=reports, **fields | changed)


def test_pieces_are_put_together():
    """Every suite once, in the usual order, the last figures of each; what failed and was repeated has not failed."""
    broken_off = run("memory", "latency", note="old", failures=[Failure("hang", "asyncio", "x")], interrupted=True)
    broken_off.failures.append(Failure("gil", "asyncio", "y"))
    rest = run("hang", "latency", note="new", made="2026-01-01", seconds=5.0)
    made = merge([broken_off, rest])
    assert [(one.suite, one.notes) for one in made.reports] == [
        ("latency", ("new",)),
        ("hang", ("new",)),
        ("memory", ("old",)),
    ]
    assert made.failures == [Failure("gil", "asyncio", "y")]
    assert (made.made, made.seconds, made.interrupted) == ("2026-01-01", 15.0, False)


def test_the_busiest_piece_speaks_for_the_machine():
    """A run is as good as the worst moment that it began in."""
    quiet, busy = (msgspec.structs.replace(describe(), load=load) for load in (0.1, 7.0))
    pieces = [msgspec.structs.replace(run("memory"), machine=machine) for machine in (quiet, busy, quiet)]
    assert merge(pieces).machine == busy


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"commit": "other"}, "of different commits"),
        ({"quick": True}, "one was --quick"),
        ({"machine": msgspec.structs.replace(describe(), cores=99)}, "of different machines"),
        ({"machine": msgspec.structs.replace(describe(), packages={"anyio": "1"})}, "with other packages"),
    ],
)
def test_what_does_not_belong_together_is_refused(changed, why):
    """Figures of two machines, commits or lengths in one report would be compared by whoever reads it."""
    other = msgspec.structs.replace(run("hang"), **changed)
    with pytest.raises(UnreadableError, match=why):
        merge([run("memory"), other])


def test_changed_files_are_told(tmp_path, monkeypatch):
    """The commit ends with a plus; not so for what the benchmarks themselves have written into their folder."""
    git = ["git", "-C", str(tmp_path), "-c", "user.name=n", "-c", "user.email=e"]
    (tmp_path / "benchmarks" / "results").mkdir(parents=True)
    code, report = tmp_path / "code.py", tmp_path / "benchmarks" / "results" / "results.json"
    for path in (code, report):
        path.write_text("1", encoding="utf-8")
    for words in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "m"]):
        subprocess.run([*git, *words], check=True)
    monkeypatch.setattr(results, "_ROOT", tmp_path)
    report.write_text("2", encoding="utf-8")
    assert not results.begin(quick=True).dirty
    code.write_text("2", encoding="utf-8")
    assert results.begin(quick=True).dirty

"""The report to read: whole in one file, true to its figures, and safe whatever a suite calls its things."""

from __future__ import annotations

from html.parser import HTMLParser

import msgspec
import pytest

pytest.importorskip("jinja2")

from benchmarks import page, plots, results
from benchmarks.machine import describe
from benchmarks.page import duration
from benchmarks.report import Absence, Report, Verdict
from benchmarks.results import Failure, Results
from tests.benchmarks.test_drawing import REPORT

pytestmark = pytest.mark.skipif(not plots.available(), reason="matplotlib is not installed")
VOID = {"meta", "br", "link", "img", "hr"}


class Reader(HTMLParser):
    """Keeps what a person would see, and what would be fetched; and refuses tags that are not closed in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text: list[str] = []
        self.fetched: list[str] = []
        self.anchors: set[str] = set()
        self.links: list[str] = []

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        if tag not in VOID:
            self.open.append(tag)
        self.anchors.add(given.get("id", ""))
        self.fetched += [value for name in ("src", "xlink:href") if (value := given.get(name))]
        if tag in ("link", "script", "iframe"):
            self.fetched.append(tag)
        if tag == "a":
            self.links.append(given["href"])

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" not in self.open:
            self.text.append(data)


def read(text: str) -> Reader:
    reader = Reader()
    reader.feed(text)
    reader.close()
    assert reader.open == []
    return reader


@pytest.fixture(scope="module")
def made() -> Results:
    one = msgspec.structs.replace(
        REPORT,
        asks="How long does one call take?",
        says_not="Nothing about real work.",
        verdicts=(
            Verdict("latency at p50 <= 0.7 x asyncio.to_thread", "companion", "0.23 x", True),
            Verdict("latency at p99 <= 10 us", "companion", "11 us", False, False),
        ),
        absences=(
            Absence("Ray", "not installed: pip install ray"),
            Absence("asyncio.to_thread", "gave up", "beside"),
        ),
        configurations={"companion": "eight threads"},
        notes=("three rounds",),
        seconds=62.4,
        spent={"asyncio.to_thread": 41.0, "companion": 3.0},
    )
    return Results(
        machine=describe(),
        quick=False,
        reports=[one],
        failures=[Failure("gil", "uvloop", "gil on uvloop ended with 1: <b>MemoryError</b>")],
        commit="0123456789abcdef+",
        made="2026-01-02T03:04:05+00:00",
        seconds=3.0,
    )


@pytest.fixture(scope="module")
def text(made) -> str:
    return page.render(made)


def test_the_page_says_it_all(made, text):
    """Machine, commit, goals, every peer or why not, how each was set up, and what the figures do not say."""
    seen = " ".join(" ".join(read(text).text).split())
    for words in (
        "2026-01-02 03:04:05 UTC, commit 0123456789ab",
        made.machine.python,
        "1 of 2",
        "1 failed",
        "gil on uvloop ended with 1: <b>MemoryError</b>",
        "How long does one call take?",
        "Nothing about real work.",
        "reached",
        "not reached, narrowly",
        "Goals that were not reached Goal Measured latency at p99 ≤ 10 us 11 us companion on uvloop, narrowly missed",
        "latency 1/2",
        "not installed: pip install ray",
        "asyncio.to_thread at beside: gave up",
        "eight threads",
        "three rounds",
        "1 min 2 s",
        "Where its time went asyncio.to_thread 41 s companion 3 s",
        "slow <peer>",
        "nobody can repeat exactly this",
    ):
        assert words in seen
    assert "A quick look" not in seen


def test_a_goal_is_named_once_for_all_who_missed_it(made):
    """With every figure beside it, on whatever loop; the link is to the first of them."""

    def missed(ours: str, measured: str) -> Verdict:
        return Verdict("g", ours, measured, False, ours == "a")

    three = missed("a", "1"), missed("b", "2"), Verdict("h", "a", "0", True)
    first = Report(suite="s", loop="asyncio", verdicts=three)
    second = Report(suite="s", loop="uvloop", verdicts=(missed("a", "3"),))
    assert page.missed([first, second]) == [
        ("s-asyncio", "g", [("a on asyncio", "1", True), ("b on asyncio", "2", False), ("a on uvloop", "3", True)])
    ]


def test_a_quick_look_is_called_one(made):
    """Figures of short rounds are not to be quoted, and the page says so above everything else."""
    assert "A quick look with few and short rounds" in page.render(
        msgspec.structs.replace(made, quick=True, reports=[])
    )


@pytest.mark.parametrize(("load", "told"), [(1.0, False), (1.1, True), (None, False)])
def test_a_busy_machine_is_told(made, load, told):
    """More than half of its cores at work before the start: the page says what the figures are worth."""
    machine = msgspec.structs.replace(made.machine, cores=2, load=load)
    page_text = page.render(msgspec.structs.replace(made, machine=machine, reports=[]))
    assert ("The machine was busy" in page_text) is told


def test_nothing_is_fetched(text):
    """One file: no script, no style sheet, no font, no picture from anywhere."""
    assert [value for value in read(text).fetched if not value.startswith("#")] == []
    for words in ("@import", "url(http", "url(//", "@font-face"):
        assert words not in text


def test_every_link_leads_somewhere(text):
    """The links at the top are to sections that are there."""
    reader = read(text)
    assert {link.removeprefix("#") for link in reader.links} <= reader.anchors


def test_names_are_text(text):
    """A peer's or a setting's name cannot become markup."""
    assert "<peer>" not in text
    assert "&lt;b&gt;MemoryError" in text


def test_a_run_without_reports_is_a_page_too(made):
    """Where every suite failed, that is what is shown."""
    seen = " ".join(" ".join(read(page.render(msgspec.structs.replace(made, reports=[]))).text).split())
    assert "0 suites measured, 1 failed" in seen
    assert "How many times better" not in seen


def test_the_file_is_written(made, tmp_path):
    """Into a folder that is made when it is not there."""
    bare = msgspec.structs.replace(made, reports=[])
    page.write(tmp_path / "new" / "report.html", bare)
    assert (tmp_path / "new" / "report.html").read_text(encoding="utf-8") == page.render(bare)


def test_results_survive_the_way_through_a_file(made, tmp_path):
    """What is read is what was written, so a page can be made again without measuring."""
    results.write(tmp_path / "new" / "results.json", made)
    assert results.read(tmp_path / "new" / "results.json") == made


@pytest.mark.parametrize(("seconds", "said"), [(0.4, "0 s"), (59.7, "1 min 0 s"), (125, "2 min 5 s")])
def test_durations_are_minutes_and_seconds(seconds, said):
    """Rounded to a second."""
    assert duration(seconds) == said

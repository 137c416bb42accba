"""How well questions find the right module of the standard library, and how long reading, indexing and asking take.

``python -m benchmarks.suites.retrieval`` prints it alone. The questions are those of ``tests/questions.toml`` and
``tests/fresh_questions.toml``: tuned ones, that everything was made with; those of development, that improvements may
look at; and held-out ones, of which only the totals are looked at. A question is hit at 3 if any of the first three
passages that come back is of a module that rightly answers it.
"""

from __future__ import annotations

import sys
import time
import tomllib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import msgspec

from benchmarks.figures import Measurement, percentile
from benchmarks.report import Progress, Report, Verdict
from companion_async.cognition.corpus.document import Document
from companion_async.cognition.corpus.reading import read
from companion_async.cognition.corpus.standard_library import standard_library_jobs
from companion_async.cognition.extract import extract
from companion_async.cognition.knowledge_retriever.module import KnowledgeRetriever
from companion_async.cognition.search_engine.library import Library
from companion_async.cognition.search_engine.semantics import semantics_installed

_TESTS = Path(__file__).parents[2] / "tests"
QUESTIONS = _TESTS / "questions.toml"
FRESH_QUESTIONS = _TESTS / "fresh_questions.toml"
GOALS = {1: 0.85, 3: 0.95}
_QUICK = 4


class Question(msgspec.Struct, frozen=True):
    """What is asked, the modules that rightly answer it, and whether the ranking was made without looking at it."""

    text: str
    modules: tuple[str, ...]
    held_out: bool = False

    def answered_by(self, document_id: str) -> bool:
        """Whether the document is of a right module."""
        return any(document_id == name or document_id.startswith((f"{name}.", f"{name}#")) for name in self.modules)


class Rates(msgspec.Struct, frozen=True):
    """The shares of questions hit at 1 and at 3, and the seconds that each took."""

    questions: int
    at_1: float
    at_3: float
    seconds: tuple[float, ...]


class Corpus(msgspec.Struct, frozen=True):
    """What was read, and the seconds of it; ``slowest`` of one job."""

    documents: tuple[Document, ...]
    jobs: int
    seconds: float
    slowest: float

    @property
    def characters(self) -> int:
        """Of all texts together."""
        return sum(len(document.text) for document in self.documents)


def questions(path: Path = QUESTIONS) -> list[Question]:
    """All of them, in the order of the file."""
    with path.open("rb") as file:
        return msgspec.convert(tomllib.load(file)["question"], list[Question], strict=True)


def question_sets() -> dict[str, list[Question]]:
    """Every question that has an answer: ``tuned``, ``development`` and ``held out``."""
    fresh = _fresh()
    return {
        "tuned": [each for each in questions() if not each.held_out],
        "development": fresh.development,
        "held out": [each for each in questions() if each.held_out] + fresh.held_out,
    }


def unanswerable() -> list[str]:
    """Questions that nothing in the library answers."""
    return [each.text for each in _fresh().unanswerable]


class _Text(msgspec.Struct, frozen=True):
    text: str


class _Fresh(msgspec.Struct, frozen=True):
    development: list[Question]
    held_out: list[Question]
    unanswerable: list[_Text]


def _fresh() -> _Fresh:
    with FRESH_QUESTIONS.open("rb") as file:
        return msgspec.convert(tomllib.load(file), _Fresh, strict=True)


def answered(retriever: KnowledgeRetriever, asked: Iterable[str], mode: str = "auto") -> float:
    """The share of questions to which the embedded responder finds an answer, right or wrong."""
    found = []
    for text in asked:
        passages = retriever.retrieve(text, 5, mode)
        found.append(bool(extract(text, passages, fit=max((each.fit for each in passages), default=0.0))))
    return sum(found) / len(found)


def read_corpus() -> Corpus:
    """The standard library's documentation, job after job in this thread."""
    began = time.perf_counter()
    documents: list[Document] = []
    taken = []
    jobs = standard_library_jobs()
    for job in jobs:
        start = time.perf_counter()
        documents.extend(read(job).documents)
        taken.append(time.perf_counter() - start)
    return Corpus(tuple(documents), len(jobs), time.perf_counter() - began, max(taken))


def hit_rates(retriever: KnowledgeRetriever, asked: Iterable[Question], mode: str = "auto") -> Rates:
    """Ask each, and count."""
    hits, seconds = {1: 0, 3: 0}, []
    for question in asked:
        start = time.perf_counter()
        passages = retriever.retrieve(question.text, 5, mode)
        seconds.append(time.perf_counter() - start)
        right = [question.answered_by(passage.document_id) for passage in passages]
        for first in hits:
            hits[first] += any(right[:first])
    return Rates(len(seconds), hits[1] / len(seconds), hits[3] / len(seconds), tuple(seconds))


def run(quick: bool = False, progress: Callable[[float], None] = lambda share: None) -> list[dict[str, object]]:
    """Rows of name, value and unit. ``quick`` asks every fourth question only."""
    report = measure("none", quick=quick, progress=progress)
    return [
        {"contender": each.contender, "name": each.setting, "value": each.rounds[0], "unit": each.unit}
        for each in report.measurements
    ]


def measure(loop: str, *, quick: bool, progress: Progress) -> Report:
    """Once through the corpus, and every question in every mode that is installed; no event loop takes part."""
    corpus = read_corpus()
    progress(0.3)
    library = Library()
    retriever = KnowledgeRetriever(library=library)
    began = time.perf_counter()
    retriever.index(corpus.documents)
    indexing = time.perf_counter() - began
    progress(0.4)
    step = _QUICK if quick else 1
    sets = {name: asked[::step] for name, asked in question_sets().items()}
    nonsense = unanswerable()[::step]
    measurements: list[Measurement] = []
    verdicts: list[Verdict] = []
    notes: list[str] = []
    modes = ("text", "hybrid", "semantic") if semantics_installed() else ("text",)
    for number, mode in enumerate(modes):
        retriever.retrieve("warm up", 5, mode)
        rates = {name: hit_rates(retriever, asked, mode) for name, asked in sets.items()}
        seconds = [second for each in rates.values() for second in each.seconds]
        for name, each in rates.items():
            measurements += [_one(mode, f"{name}, at {first}", "share", rate) for first, rate in _both(each)]
            if mode != "semantic":
                verdicts += [_verdict(mode, name, first, rate, each.questions) for first, rate in _both(each)]
        if mode != "semantic":
            # How near two texts are in meaning says nothing of what is missing from all of them.
            known = answered(retriever, [each.text for asked in sets.values() for each in asked], mode)
            unknown = answered(retriever, nonsense, mode)
            notes.append(
                f"{mode}: an answer is quoted to {known:.1%} of these, and to {unknown:.1%} of {len(nonsense)} "
                "questions that nothing in the library answers"
            )
        measurements += [
            _one(mode, f"ask p{percent}", "ms", 1e3 * percentile(seconds, percent)) for percent in (50, 95)
        ]
        progress(0.4 + 0.6 * (number + 1) / len(modes))
    library.close()
    return Report(
        suite="retrieval",
        loop=loop,
        asks="Do questions about the standard library find the module that answers them, and how fast?",
        says_not="How well it goes with other documents, which may be written less carefully.",
        measurements=tuple(measurements),
        verdicts=tuple(verdicts),
        notes=(
            f"{len(corpus.documents):,} documents of {corpus.characters / 1e6:.2f} million characters, read in "
            f"{corpus.seconds:.2f} s by {corpus.jobs} jobs (the slowest {1e3 * corpus.slowest:.0f} ms) and indexed in "
            f"{indexing:.2f} s, in one thread",
            *(f"{len(asked)} questions {name}" for name, asked in sets.items()),
            *notes,
            *(() if len(modes) > 1 else ("the extra ml is not installed: full text only",)),
        ),
    )


def _both(rates: Rates) -> Sequence[tuple[int, float]]:
    return (1, rates.at_1), (3, rates.at_3)


def _one(contender: str, setting: str, unit: str, value: float) -> Measurement:
    return Measurement(contender, setting, unit, (value,))


def _verdict(mode: str, name: str, first: int, rate: float, count: int) -> Verdict:
    goal = f"right module at {first} >= {GOALS[first]:g} ({name}, {count} questions)"
    return Verdict(goal, mode, f"{rate:.3f}", rate >= GOALS[first])


def main(*flags: str) -> None:
    """Print the report."""
    from rich.console import Console

    from benchmarks import tables

    report = measure("no loop", quick="--quick" in flags, progress=lambda share: None)
    console = Console()
    console.print(tables.report(report))
    console.print(tables.verdicts([report]))


if __name__ == "__main__":
    main(*sys.argv[1:])

"""How long the ten best of many memories take to come to mind, on a file, against reading every one that matches.

The memories are ten words each, drawn as words are in text (Zipf's law), spread over a month; the questions are one to
eight words of the same kind, some of them narrowed to a type, a person or a span. ``bm25 over all`` is what one would
write with SQLite's own ranking: every memory that has a word is scored.

A million are filled up for many minutes. With the folder ``RECALL_FOLDER`` in the environment they are kept there for
the next run, which leaves out the sizes that they have grown beyond.
"""

from __future__ import annotations

import itertools
import os
import random
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.contenders import OURS
from benchmarks.figures import Measurement, compare, distribute, percentile
from benchmarks.goals import judge_limits
from benchmarks.report import Progress, Report
from companion_async.memory.long_term import Fact, LongTermMemory

SIZES, SIZES_QUICK = (10_000, 100_000, 1_000_000), (2_000, 10_000)
BARE = "bm25 over all"
_WORDS = 20_000
_BLOCK = 5_000
_BARE_ROUNDS = 2  # a third of a second for each question among a million
_SPAN = 30 * 86_400.0
_BM25 = "SELECT rowid FROM words WHERE words MATCH ? ORDER BY rank LIMIT 10"


def measure(loop: str, *, quick: bool, progress: Progress) -> Report:
    """Rounds of questions for each size, each round's p95."""
    sizes = SIZES_QUICK if quick else SIZES
    rounds, questions = (3, 20) if quick else (5, 40)
    measurements: list[Measurement] = []
    distributions, notes = [], []
    with tempfile.TemporaryDirectory() as folder:
        memory = LongTermMemory(Path(os.environ.get("RECALL_FOLDER", folder)) / "memories.db")
        rng = random.Random(1)
        vocabulary = Vocabulary(rng)
        for done, size in enumerate(sizes):
            if size < len(memory):
                notes.append(f"{size:,} memories: left out, the file has {len(memory):,}")
                continue
            began = time.perf_counter()
            fill(memory, size, vocabulary, _share(progress, done / len(sizes), 0.7 / len(sizes)))
            notes.append(f"{size:,} memories: filled up in {time.perf_counter() - began:.0f} s")
            began = time.perf_counter()
            while memory.tidy():  # as consolidation does, step by step
                pass
            notes.append(f"{size:,} memories: tidied up in {time.perf_counter() - began:.1f} s")
            setting = f"{size:,} memories, p95"
            ours: list[list[float]] = []
            bare: list[list[float]] = []
            for _ in range(rounds):
                asked = [vocabulary.question() for _ in range(questions)]
                ours.append([_timed(partial(memory.recall, text, 10, **narrowed)) for text, narrowed in asked])
                if len(bare) < _BARE_ROUNDS:
                    bare.append([_timed(partial(_plainly, memory, text)) for text, _ in asked])
            for name, spans in ((OURS[0], ours), (BARE, bare)):
                p95 = tuple(percentile(each, 95) for each in spans)
                measurements.append(Measurement(name, setting, "ms", p95, tuple(range(len(p95)))))
                distributions.append(distribute(name, setting, "ms", list(itertools.chain.from_iterable(spans))))
            progress((done + 1) / len(sizes))
        memory.close()
    return Report(
        suite="recall",
        loop=loop,
        asks="How long do the ten best of many memories take to come to mind?",
        says_not="Whether they are the ones a person would think of; and the memories are made of drawn words.",
        measurements=tuple(measurements),
        comparisons=tuple(compare(measurements, OURS[:1])),
        verdicts=tuple(judge_limits("recall", OURS[0], measurements)),
        distributions=tuple(distributions),
        configurations={
            OURS[0]: "LongTermMemory on a file in WAL mode, recall counts written back",
            BARE: "the same file and index; ORDER BY rank, no filters, nothing read but the ids",
        },
        notes=tuple(notes),
    )


class Vocabulary:
    """Words as text has them: the n-th as often as 1/n."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._words = [f"word{number}" for number in range(_WORDS)]
        self._weights = list(itertools.accumulate(1 / (number + 1) for number in range(_WORDS)))
        self.end = time.time()

    def text(self, length: int) -> str:
        """So many words."""
        return " ".join(self._rng.choices(self._words, cum_weights=self._weights, k=length))

    def fact(self) -> Fact:
        """Something to remember; most things matter little."""
        return Fact(
            content=self.text(10),
            type=f"type{self._rng.randrange(5)}",
            importance=self._rng.random() ** 3,
            participants=(f"person{self._rng.randrange(100)}",),
            at=self.end - self._rng.random() * _SPAN,
        )

    def question(self) -> tuple[str, dict[str, Any]]:
        """Words, and in two of three cases something that narrows."""
        narrowed: list[dict[str, Any]] = [
            {},
            {},
            {"type": "type1"},
            {"participant": "person7"},
            {"purpose": "decision"},
            {"since": self.end - _SPAN / 2},
        ]
        return self.text(self._rng.choice((1, 2, 3, 5, 8))), self._rng.choice(narrowed)


def fill(memory: LongTermMemory, size: int, vocabulary: Vocabulary, progress: Progress) -> None:
    """Remember until there are so many."""
    first = len(memory)
    for start in range(first, size, _BLOCK):
        memory.remember_all(_facts(vocabulary, min(_BLOCK, size - start)))
        progress((start - first) / max(1, size - first))


def _facts(vocabulary: Vocabulary, count: int) -> Iterator[Fact]:
    return (vocabulary.fact() for _ in range(count))


def _plainly(memory: LongTermMemory, question: str) -> None:
    memory.file.rows(_BM25, (" OR ".join(dict.fromkeys(question.split())),))


def _share(progress: Progress, start: float, part: float) -> Progress:
    return lambda share: progress(start + part * share)


def _timed(act: Callable[[], object]) -> float:
    began = time.perf_counter()
    act()
    return 1_000 * (time.perf_counter() - began)

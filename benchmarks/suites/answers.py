"""What a whole companion answers: sums, units and dates, programs to run, facts, facts by way of another, questions
that follow others, quotations, and what nothing answers.

``python -m benchmarks answers`` asks the questions of ``tests/mixed_questions.toml`` of a `CompanionBrain` without a
model that has read the standard library's documentation, this project's documents and ``tests/mixed_corpus``. Right is
an answer that is the one named, or has all the words named; a source is right when it is of a file named. What nothing
answers is refused when the answer says so. The questions marked as held out are counted apart.
"""

from __future__ import annotations

import asyncio
import tomllib
from pathlib import Path

import msgspec

from benchmarks.figures import Measurement, percentile
from benchmarks.report import Progress, Report
from companion_async.companion.answer import Answer
from companion_async.companion.companion import CompanionBrain
from companion_async.companion.config import CompanionConfig

_TESTS = Path(__file__).parents[2] / "tests"
QUESTIONS = _TESTS / "mixed_questions.toml"
CORPUS = _TESTS / "mixed_corpus"
DOCUMENTS = _TESTS.parent / "docs"
_QUICK = 3


class Question(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is asked, and what is right: the ``answer`` itself, how it ``begins``, words that it ``contains``, and files
    as sources. ``earlier`` are the questions of the same conversation before it, ``lot`` says when it was written.
    """

    text: str
    earlier: tuple[str, ...] = ()
    answer: str = ""
    begins: str = ""
    contains: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    held_out: bool = False
    lot: int = 1

    def is_right(self, answer: Answer) -> bool:
        """Whether the text is what it should be; of a question without an answer, whether that is said."""
        if not self.answer and not self.begins and not self.contains:
            return not answer.found
        return (
            answer.found
            and (not self.answer or answer.text == self.answer)
            and answer.text.startswith(self.begins)
            and all(word in answer.text for word in self.contains)
        )

    def has_source(self, answer: Answer, first: int) -> bool:
        """Whether one of the first sources is right."""
        return any(name in each.location for each in answer.sources[:first] for name in self.sources)


def questions() -> dict[str, list[Question]]:
    """All of them by kind."""
    with QUESTIONS.open("rb") as file:
        return msgspec.convert(tomllib.load(file), dict[str, list[Question]], strict=True)


async def ask_all(asked: list[Question], companion: CompanionBrain) -> list[tuple[Question, Answer]]:
    """Each question with its answer, one after the other; one that follows others in a conversation of its own."""
    return [(question, await _asked(question, companion)) for question in asked]


async def _asked(question: Question, companion: CompanionBrain) -> Answer:
    if not question.earlier:
        return await companion.ask(question.text)
    for each in question.earlier:
        await companion.chat(each, conversation=question.text)
    return await companion.chat(question.text, conversation=question.text)


def measure(loop: str, *, quick: bool, progress: Progress) -> Report:
    """Every question once; ``quick`` every third one."""
    return asyncio.run(_measured(loop, _QUICK if quick else 1, progress))


async def _measured(loop: str, step: int, progress: Progress) -> Report:
    measurements: list[Measurement] = []
    notes: list[str] = []
    # A share that is read on a busy machine may take its time: what is counted is answers.
    async with CompanionBrain(CompanionConfig(default_timeout=None)) as companion:
        await companion.learn()
        await companion.learn(DOCUMENTS, CORPUS)
        progress(0.4)
        kinds = questions()
        for number, (kind, asked) in enumerate(kinds.items(), 1):
            told = await ask_all(asked[::step], companion)
            for held_out in (False, True):
                some = [(question, answer) for question, answer in told if question.held_out is held_out]
                measurements += _figures(f"{kind}{', held out' if held_out else ''}", some)
            # Of those held out only the totals are told: whoever reads a miss may mend it.
            missed = [question for question, answer in told if not question.held_out and not question.is_right(answer)]
            wrong = [question.text.split("\n")[0] for question in missed]
            notes.append(f"{kind}: {len(told)} asked" + (f"; not right: {' | '.join(wrong)}" if wrong else ""))
            progress(0.4 + 0.6 * number / len(kinds))
        off = ", ".join(companion.modules_off)
    notes += [f"off: {off}"] if off else []
    return Report(suite="answers", loop=loop, measurements=tuple(measurements), notes=tuple(notes))


def _figures(name: str, told: list[tuple[Question, Answer]]) -> list[Measurement]:
    if not told:
        return []
    right = sum(question.is_right(answer) for question, answer in told) / len(told)
    wrong = sum(answer.found and not question.is_right(answer) for question, answer in told) / len(told)
    figures = [
        Measurement("companion", f"{name}, right", "share", (right,)),
        Measurement("companion", f"{name}, wrong and not refused", "share", (wrong,)),
    ]
    sourced = [(question, answer) for question, answer in told if question.sources]
    if sourced:
        for first in (1, 3):
            share = sum(question.has_source(answer, first) for question, answer in sourced) / len(sourced)
            figures.append(Measurement("companion", f"{name}, right source at {first}", "share", (share,)))
    taken = percentile([answer.seconds for _, answer in told], 95)
    return [*figures, Measurement("companion", f"{name}, p95", "ms", (1e3 * taken,))]

"""One question on its way to its answer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
from loguru import logger

from companion_async.clock import Clock
from companion_async.cognition.advanced_reasoning.step import Step
from companion_async.cognition.model_router.prompt import Passage, Prompt, Said
from companion_async.cognition.model_router.reply import Reply
from companion_async.cognition.search_engine.module import MODULE as SEARCH
from companion_async.companion.answer import Answer, Source
from companion_async.companion.decision import Decision, decide, redirected
from companion_async.companion.follow_up import Reading
from companion_async.errors import InvalidArgumentError
from companion_async.scheduling.task import Task
from companion_async.security import check_text
from companion_async.status.picture import FrozenMap

_EXCERPT = 400  # characters
_LONGEST_QUESTION = 20_000  # characters


def check_question(question: Any) -> str:
    """The question without the blanks around it, if it is one."""
    if not isinstance(question, str) or not question.strip() or len(question) > _LONGEST_QUESTION:
        raise InvalidArgumentError(f"question must be text of 1 to {_LONGEST_QUESTION:,} characters, not all blank.")
    return check_text(question.strip(), "question")


class Case:
    """What has been gathered for a question so far, and how long each step took.

    ``there`` are the modules that it may be given to; what it is given to is decided at once.
    """

    def __init__(self, question: str, conversation: str | None, clock: Clock, there: frozenset[str]) -> None:
        self.question = question
        self.conversation = conversation
        self.there = there
        self.decision: Decision = decide(question, there)
        self.spelt_out = question
        self.said: tuple[Said, ...] = ()
        self.summary = ""
        self.passages: tuple[Passage, ...] = ()
        self.steps: list[Step] = []
        self.notes: list[str] = []
        self.learnt: list[str] = []
        self.manner = ""
        self.perceiving: Task[object] | None = None
        self._clock = clock
        self._began = clock.monotonic()
        self._timings: dict[str, float] = {}

    @property
    def user(self) -> str:
        """Whose mood and manner count: a conversation is one user's."""
        return self.conversation or "default"

    @property
    def quotes(self) -> bool:
        """Whether its words in quotes are to be found as they stand."""
        return SEARCH in self.decision.modules

    def read_as(self, reading: Reading) -> None:
        """Take it for what it asks in the light of what was said before, and decide anew what is to be done."""
        self.spelt_out = reading.text
        if reading.whole and reading.text != self.question:
            self.decision = decide(reading.text, self.there, points_back=True)
            self.steps.append(Step("rewrite", self.question, reading.text))

    def go(self, way: str) -> None:
        """Take another way than was decided."""
        self.decision = redirected(self.decision, way)

    def prompt(self, kind: str | None) -> Prompt:
        """What a responder is given of it."""
        return Prompt(self.question, self.passages, self.said, self.summary, kind, self.spelt_out)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Count the time of this block under ``name``."""
        began = self._clock.monotonic()
        try:
            yield
        finally:
            self._timings[name] = self._clock.monotonic() - began

    def answer(self, reply: Reply, text: str) -> Answer:
        """The answer that ``reply`` makes of it, said as ``text``."""
        steps = ", ".join(f"{step} {took:.4f} s" for step, took in self._timings.items())
        logger.debug("Answered by {} from {} passages: {}.", reply.responder, len(reply.cited), steps)
        passages = [self.passages[number] for number in reply.cited]
        return Answer(
            text=text,
            sources=tuple(Source(title=p.title, location=p.location, excerpt=_excerpt(p.text)) for p in passages),
            responder=reply.responder,
            found=reply.found,
            conversation=self.conversation,
            note=" ".join(filter(None, (*self.notes, reply.fell_back))),
            seconds=self._clock.monotonic() - self._began,
            timings=FrozenMap(self._timings),
            decision=msgspec.structs.replace(self.decision, learnt=tuple(self.learnt)),
            manner=self.manner,
            steps=tuple(self.steps),
        )


def _excerpt(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= _EXCERPT else flat[:_EXCERPT].rsplit(" ", 1)[0] + " ..."

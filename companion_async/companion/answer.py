"""What a companion gives back."""

from __future__ import annotations

from collections.abc import Mapping

from companion_async.cognition.advanced_reasoning.step import Step
from companion_async.companion.decision import Decision
from companion_async.status.picture import FrozenMap, Picture


class Source(Picture, frozen=True, kw_only=True):
    """A passage that an answer rests on. ``location`` says where to look it up."""

    title: str
    location: str
    excerpt: str


class Answer(Picture, frozen=True, kw_only=True):
    """An answer and what it rests on, the most important source first.

    ``responder`` is the endpoint that wrote it; ``embedded-extractive``, which writes nothing and quotes; ``sympy``,
    ``units`` or ``calendar``, which worked it out; or ``code_executor``, which ran a program. ``found`` is false where
    nothing was found that answers; then the text says so. ``decision`` says which modules the question was given to and
    why, ``steps`` how an answer was come by that was worked out, run or took several searches. ``note`` says what did
    not go as configured or decided. ``timings`` are the seconds of each step, ``seconds`` those of the whole.
    """

    text: str
    sources: tuple[Source, ...] = ()
    responder: str
    found: bool = True
    conversation: str | None = None
    note: str = ""
    seconds: float = 0.0
    timings: Mapping[str, float] = FrozenMap()
    decision: Decision = Decision(way="retrieve", modules=(), reason="")
    steps: tuple[Step, ...] = ()
    manner: str = ""

    @property
    def origin(self) -> str:
        """Where an answer without sources comes from; empty where it has some, or says that nothing was found."""
        if self.sources or not self.found:
            return ""
        if not self.steps:
            return "No source was found."
        told = [
            step.text if step.kind == "parse" else f"{step.text}: {step.result}"
            for step in self.steps
            if step.text != step.result
        ]
        return f"By {self.responder} ({'; '.join(told)})."

    def __str__(self) -> str:
        """The text, then its sources, one a line, numbered as the text cites them."""
        if not self.sources:
            return "\n\n".join(filter(None, (self.text, self.origin)))
        listed = "\n".join(f"[{number}] {each.title} ({each.location})" for number, each in enumerate(self.sources, 1))
        return f"{self.text}\n\nSources:\n{listed}"


class Progress(Picture, frozen=True, kw_only=True):
    """How far a reading is: ``done`` of ``total`` shares, ``documents`` so far."""

    done: int
    total: int
    documents: int


class Learned(Picture, frozen=True, kw_only=True):
    """What a reading yielded. ``notes`` say what was left out or cut short, and why. ``unchanged`` files were as they
    had been read before and were not read again, of the running Python's documentation so many documents; documents of
    files that are ``gone`` were forgotten.
    """

    documents: int = 0
    shares: int = 0
    unchanged: int = 0
    gone: int = 0
    notes: tuple[str, ...] = ()
    seconds: float = 0.0

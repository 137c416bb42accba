"""Questions over HTTP, answered whole or as the answer comes."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated

import msgspec
from msgspec import Meta

from companion_async.cognition.advanced_reasoning.step import Step
from companion_async.companion.answer import Answer as Found
from companion_async.companion.answer import Source
from companion_async.companion.case import check_question
from companion_async.companion.companion import CompanionBrain
from companion_async.http.answer import EVENT_STREAM, Answer
from companion_async.http.events import sse
from companion_async.http.operation import Call
from companion_async.http.refusal import Refusal, answer_to, at_the_door
from companion_async.status.picture import FrozenMap, Picture


class Question(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is asked, within a ``conversation`` or alone."""

    question: Annotated[str, Meta(min_length=1, max_length=20_000)]
    conversation: Annotated[str, Meta(min_length=1, max_length=200)] | None = None
    stream: bool = False


class Told(Picture, frozen=True, kw_only=True):
    """An answer with its sources, the most important first; ``found`` is false where it says that there is none.

    ``steps`` say how an answer was come by that was worked out, run or took several searches.
    """

    answer: str
    sources: tuple[Source, ...]
    responder: str
    found: bool
    conversation: str | None
    note: str
    seconds: float
    timings: dict[str, float] = FrozenMap()
    steps: tuple[Step, ...] = ()


async def ask(call: Call) -> Told | Answer:
    """The answer, or the stream of it: events ``piece``, and at the end ``answer`` or ``error``.

    A piece of another ``responder`` than the one before voids what came so far.
    """
    brain, question = call.brain, call.body
    if not isinstance(brain, CompanionBrain):
        raise Refusal(501, "no_companion", "This brain has no built-in modules, so there is nobody to ask.")
    with at_the_door():
        text = check_question(question.question)
    if question.stream:
        return Answer(200, _stream(call, brain, text), EVENT_STREAM)
    return _told(await brain.ask(text, conversation=question.conversation))


async def _stream(call: Call, brain: CompanionBrain, text: str) -> AsyncGenerator[bytes, None]:
    try:
        async with aclosing(brain.stream(text, conversation=call.body.conversation)) as parts:
            async for part in parts:
                if isinstance(part, Found):
                    yield sse("answer", msgspec.json.encode(_told(part)))
                else:
                    yield sse("piece", msgspec.json.encode({"text": part.text, "responder": part.responder}))
    except Exception as error:
        refused = answer_to(error, expose=call.exposes)
        assert isinstance(refused.body, bytes)
        yield sse("error", msgspec.json.encode(msgspec.json.decode(refused.body)["error"]))


def _told(answer: Found) -> Told:
    return Told(
        answer=answer.text,
        sources=answer.sources,
        responder=answer.responder,
        found=answer.found,
        conversation=answer.conversation,
        note=answer.note,
        seconds=answer.seconds,
        timings=dict(answer.timings),
        steps=answer.steps,
    )

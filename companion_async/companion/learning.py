"""What a companion learnt from ratings, followed where things look nearly as good, and the ratings themselves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from loguru import logger

from companion_async.cognition.advanced_reasoning.module import MODULE as REASONING
from companion_async.cognition.expectation import expectation
from companion_async.cognition.self_learning.learner import Advice
from companion_async.cognition.self_learning.module import MODULE as LEARNING
from companion_async.companion.answer import Answer
from companion_async.companion.case import Case
from companion_async.companion.near_ties import document_of, features, preferred, put_first, reason, ties
from companion_async.errors import BrainClosedError, CompanionError
from companion_async.modules.timeout import Timeout

if TYPE_CHECKING:
    from companion_async.companion.companion import CompanionBrain

WAY, SOURCE, MANNER = "answering/way", "answering/source", "answering/manner"
"""The topics of `SelfLearning` that ratings teach. Forgetting one takes its influence away."""

OWN, PLAIN = "own", "plain"
# Whoever asks does not wait for long on what only might do better.
_PATIENCE = Timeout(total=1.0)


class Learning:
    """Follows what was learnt, within limits: never in the place of what is worked out or run, never on fewer than
    three ratings, and only between what looks nearly as good without it. Loop only.
    """

    def __init__(self, brain: CompanionBrain) -> None:
        self._brain = brain
        self._follows = brain.config.answering.follow_learning
        # Without a rating, now or in the file of an earlier run, there is nothing to ask for.
        self._rated = brain.config.learning.file is not None

    async def rate(self, question: str, answer: Answer, reward: float) -> None:
        """Learn how an answer served. What of it was nobody's choice teaches nothing."""
        self._rated = True
        context = features(question)
        lessons: list[tuple[str, str]] = (
            [(WAY, answer.decision.way)] if answer.decision.way in ("hops", "retrieve") else []
        )
        lessons += [(SOURCE, document_of(source.location)) for source in answer.sources[:1]]
        if answer.manner:
            lessons.append((MANNER, answer.manner))
        for topic, option in lessons:
            await self._brain.submit(LEARNING, "learn", topic, option, reward, context)

    async def way(self, case: Case) -> None:
        """Take one search in the place of several, or several in that of one, where that was rated better.

        A question that asks for no fact is always looked up in one.
        """
        way = case.decision.way
        if way == "hops":
            case.go(await self._instead(case, WAY, ("hops", "retrieve"), "Way") or way)
        elif way == "retrieve" and REASONING in case.there and expectation(case.question) is not None:
            case.go(await self._instead(case, WAY, ("retrieve", "hops"), "Way") or way)

    async def order(self, case: Case) -> None:
        """Of passages that fit nearly as well put those of the document first whose answers were rated better."""
        documents = ties(case.passages)
        first = await self._instead(case, SOURCE, documents, "Source") if documents else None
        if first is not None:
            case.passages = put_first(case.passages, first)

    async def manner(self, case: Case) -> str:
        """Whether an answer is given the companion's manner, or left as it is."""
        return await self._instead(case, MANNER, (OWN, PLAIN), "Manner") or OWN

    async def _instead(self, case: Case, topic: str, options: Sequence[str], kind: str) -> str | None:
        """The option that was rated clearly better than the first; the case then knows why."""
        if not (self._follows and self._rated and LEARNING in case.there):
            return None
        try:
            known: Advice | None = await self._brain.submit(
                LEARNING, "advise", topic, options, features(case.question), priority="high", timeout=_PATIENCE
            )
        except BrainClosedError:
            raise
        except CompanionError as error:
            logger.debug("What was learnt on {} was not waited for: {}", topic, error)
            return None
        best = preferred(options, known) if known is not None else None
        if best is not None and known is not None:
            case.learnt.append(reason(kind, best, options[0], known))
        return best

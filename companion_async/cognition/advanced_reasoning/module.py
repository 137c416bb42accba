"""The built-in module ``advanced_reasoning``."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import msgspec

from companion_async.cognition.advanced_reasoning import strategies
from companion_async.cognition.advanced_reasoning.algebra import LONGEST
from companion_async.cognition.advanced_reasoning.comparison import Comparison, Measured, measured
from companion_async.cognition.advanced_reasoning.constraints import Solved, solve
from companion_async.cognition.advanced_reasoning.hops import Lead, Trail, at_once, followed, leads
from companion_async.cognition.advanced_reasoning.inquiry import Inquiry
from companion_async.cognition.advanced_reasoning.planning import Action, Plan, cheapest_plan
from companion_async.cognition.advanced_reasoning.settings import ReasoningSettings
from companion_async.cognition.advanced_reasoning.step import Reasoned, Step
from companion_async.cognition.advanced_reasoning.worked import is_exact, worked_out
from companion_async.cognition.model_router.embedded import NOTHING_FOUND
from companion_async.cognition.model_router.prompt import Passage, Prompt
from companion_async.cognition.model_router.reply import Reply
from companion_async.cognition.model_router.settings import EMBEDDED
from companion_async.cognition.pinpoint import SupportsPassage
from companion_async.cognition.reference import taken_apart
from companion_async.errors import CompanionError, InvalidArgumentError, TaskTimeoutError
from companion_async.modules.module import BaseModule
from companion_async.security import check_count, check_labels, check_text

MODULE = "advanced_reasoning"
"""The name it is registered under."""

STRATEGIES = ("auto", "exact", "hops", "chain", "tree", "reflection", "react")
_OF_A_MODEL = ("chain", "tree", "reflection", "react")
_ROUTER, _RETRIEVER = "model_router", "knowledge_retriever"
_LONGEST_QUESTION = 4_000
_PASSAGES = 5


class ModelMissingError(CompanionError):
    """A way of thinking that wants a model, and none answered."""


class AdvancedReasoning(BaseModule):
    """Thinks in steps, and hands back every one of them.

    Without a model: arithmetic and algebra (`calculate`), logic and constraints (`satisfy`) and plans over small worlds
    (`plan`) exactly, and questions over what was read in several searches. With one (an endpoint of ``model_router``):
    chains and trees of thought, self-refinement, and the use of tools.
    """

    interruptible = True  # what works out sums is Python, and keeps nothing that could be left half-done

    def __init__(self, settings: ReasoningSettings | None = None) -> None:
        super().__init__()
        self._settings = settings or ReasoningSettings()

    async def reason(self, question: str, strategy: str = "auto", limit: int = 20) -> Reasoned:
        """An answer, and how it was come by. ``strategy`` is one of `STRATEGIES`; ``auto`` is exact where the question
        is a sum, an equation, a measure or a date, else the use of tools with a model, else several searches, which
        cite at most ``limit`` passages.

        A strategy that wants a model raises `ModelMissingError` where none answers. Cancelling ends the step under way.
        """
        if not check_text(question, "question", longest=_LONGEST_QUESTION).strip():
            raise InvalidArgumentError("question must be a text, and this one is blank.")
        if strategy not in STRATEGIES:
            raise InvalidArgumentError(f"strategy must be one of {', '.join(STRATEGIES)}; {strategy!r:.80} is not.")
        check_count(limit, "limit", maximum=100)
        if strategy in ("auto", "exact"):
            exact = await self._worked(question)
            if exact is not None and (exact.found or strategy == "exact"):
                return exact
            if strategy == "exact":
                return Reasoned("This is no sum, equation, measure or date.", "exact", (), found=False)
        if strategy in _OF_A_MODEL or (strategy == "auto" and await self._has_model(question)):
            try:
                return await self._with_model(question, "react" if strategy == "auto" else strategy)
            except ModelMissingError:
                if strategy != "auto":
                    raise
        return await self._hops(question, limit)

    def calculate(self, text: str) -> Reasoned:
        """A sum, an equation, a derivative, an integral of a polynomial, factors, one unit in another, a date: in signs
        or in English.
        """
        found = worked_out(check_text(text, "text", longest=LONGEST))
        if found is None:
            raise InvalidArgumentError(f"{text!r:.80} is no sum, equation, measure or date that is understood here.")
        return found

    def satisfy(self, program: str, limit: int = 1) -> Solved:
        """Answer sets of a logic program in clingo's language (ASP); see `solve`."""
        return solve(program, check_count(limit, "limit", maximum=10_000), self._settings.solver_seconds)

    def plan(
        self,
        start: Collection[str],
        goal: Collection[str],
        actions: Sequence[Action | Mapping[str, Any]],
        most: int = 50_000,
    ) -> Plan:
        """The cheapest way to make ``goal`` true from ``start``; see `cheapest_plan`."""
        try:
            known = msgspec.convert(actions, list[Action])
        except (msgspec.ValidationError, UnicodeError) as error:
            raise InvalidArgumentError(f"An action has a name, needs, adds, removes and a cost: {error}") from error
        begun, wanted = check_labels(start, "start"), check_labels(goal, "goal")
        return cheapest_plan(begun, wanted, known, check_count(most, "most", maximum=1_000_000))

    # -- without a model -------------------------------------------------------------------------------------------

    async def _worked(self, question: str) -> Reasoned | None:
        if not is_exact(question):
            return None
        seconds = self._settings.solver_seconds
        try:
            found: Reasoned = await self.brain.submit(MODULE, "calculate", question, timeout=seconds)
        except TaskTimeoutError:
            given_up = Step("solve", "given up", f"it takes longer than {seconds:g} s")
            return Reasoned(f"This was not worked out within {seconds:g} s.", "exact", (given_up,), found=False)
        return found

    def begin_trail(self, question: str, passages: Sequence[SupportsPassage]) -> tuple[Trail | None, list[Lead]]:
        """What of ``passages`` answers ``question`` at once, and where to go on from them unless that is all of it."""
        wanted = taken_apart(question)
        if wanted is None:
            return None, []
        found = at_once(wanted, passages)
        return found, [] if found is not None and found.support == 1.0 else leads(wanted, passages)

    def follow_trail(self, question: str, lead: Lead, passages: Sequence[SupportsPassage]) -> Trail | None:
        """What of ``passages`` answers ``question`` together with what led to them."""
        wanted = taken_apart(question)
        return None if wanted is None else followed(wanted, lead, passages)

    def measure(self, compared: Comparison, thing: str, passages: Sequence[SupportsPassage]) -> Measured | None:
        """What ``passages`` have of a thing that is compared."""
        return measured(compared, thing, passages)

    async def _hops(self, question: str, limit: int) -> Reasoned:
        """Search for what is asked and for its parts, and quote what answers each."""
        steps: list[Step] = []

        async def search(query: str) -> list[Passage]:
            return await self._searched(query, steps)

        async def begin(asked: str, passages: Sequence[Passage]) -> tuple[Trail | None, list[Lead]]:
            found: tuple[Trail | None, list[Lead]] = await self.brain.submit(MODULE, "begin_trail", asked, passages)
            return found

        async def follow(asked: str, lead: Lead, passages: Sequence[Passage]) -> Trail | None:
            found: Trail | None = await self.brain.submit(MODULE, "follow_trail", asked, lead, passages)
            return found

        async def measure(compared: Comparison, thing: str, passages: Sequence[Passage]) -> Measured | None:
            found: Measured | None = await self.brain.submit(MODULE, "measure", compared, thing, passages)
            return found

        inquiry = Inquiry(search, begin, follow, measure, self._settings.hops)
        found = await inquiry.answer(question)
        if found is None:
            settled = inquiry.settled
            return Reasoned(NOTHING_FOUND, "hops", tuple(steps), found=False, settled=settled, responder="retrieval")
        cited = list(dict.fromkeys(passage for passage, _ in found.quoted))[:limit]
        parts = [f"{text} [{cited.index(passage) + 1}]" for passage, text in found.quoted if passage in cited]
        if found.verdict:
            parts.insert(0, found.verdict)
        places = tuple(passage.location for passage in cited)
        way = f"by way of {', '.join(dict.fromkeys(found.by_way_of))}" if found.by_way_of else "at once"
        steps.append(Step("solve", way, "\n".join(parts), places))
        return Reasoned(
            "\n\n".join(parts),
            "hops",
            tuple(steps),
            confidence=found.support,
            responder="retrieval",
            passages=tuple(cited),
        )

    async def _searched(self, query: str, steps: list[Step]) -> list[Passage]:
        found = await self.brain.submit(_RETRIEVER, "retrieve", query, _PASSAGES)
        titles = "; ".join(each.title for each in found)
        steps.append(Step("search", query, titles, tuple(each.location for each in found)))
        return [Passage(each.title, each.location, each.text, each.fit) for each in found]

    # -- with one --------------------------------------------------------------------------------------------------

    async def _has_model(self, question: str) -> bool:
        try:
            route = await self.brain.submit(_ROUTER, "route", question)
        except CompanionError:
            return False
        return bool(route.endpoints)

    async def _with_model(self, question: str, strategy: str) -> Reasoned:
        responders: list[str] = []

        async def ask(instructions: str, text: str) -> str:
            prompt = Prompt(text, kind="reasoning", instructions=instructions)
            reply: Reply = await self.brain.submit(_ROUTER, "answer", prompt, timeout=None)
            if reply.responder == EMBEDDED:
                raise ModelMissingError(
                    f"The strategy {strategy!r} wants a model, and none answered. {reply.fell_back or ''}".strip()
                    + " Configure an endpoint (CompanionConfig(models=...)), or use the strategy 'hops' or 'exact'."
                )
            responders.append(reply.responder)
            return reply.text

        if strategy == "react":
            found = await strategies.react(ask, question, self._settings, self._tools())
        else:
            found = await getattr(strategies, strategy)(ask, question, self._settings)
        return msgspec.structs.replace(found, responder=responders[-1])

    def _tools(self) -> dict[str, strategies.Tool]:
        async def calculate(text: str) -> str:
            seconds = self._settings.solver_seconds
            return str((await self.brain.submit(MODULE, "calculate", text, timeout=seconds)).answer)

        async def search(text: str) -> str:
            found = await self.brain.submit(_RETRIEVER, "retrieve", text, _PASSAGES)
            return "\n".join(f"{each.title} ({each.location}): {each.excerpt}" for each in found) or "nothing"

        async def logic(text: str) -> str:
            solved = await self.brain.submit(MODULE, "satisfy", text)
            return "; ".join(" ".join(model) for model in solved.models) or f"satisfiable: {solved.satisfiable}"

        return {"calculate": _told(calculate), "search": _told(search), "logic": _told(logic)}


def _told(tool: strategies.Tool) -> strategies.Tool:
    """A tool whose failures the model is told of, by their kind and our own words."""

    async def use(text: str) -> str:
        try:
            return await tool(text)
        except CompanionError as error:
            return f"{type(error).__name__}: {error}"

    return use

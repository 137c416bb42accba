"""The built-in module ``converse``."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any, cast

import msgspec

from companion_async.cognition.controller.decision import is_greeting, partner
from companion_async.cognition.controller.social import greeted
from companion_async.cognition.converse.words import instructions, intent, recalls, sentences
from companion_async.cognition.mind import LONGEST_NAME, MindModule, check_agent_name
from companion_async.cognition.model_router.prompt import Prompt
from companion_async.cognition.model_router.reply import Piece, Reply
from companion_async.cognition.model_router.settings import EMBEDDED
from companion_async.errors import (
    ChannelClosedError,
    CompanionError,
    InvalidArgumentError,
    MissingExtraError,
    ModuleUnavailableError,
    UnknownModuleError,
)
from companion_async.events.channel import Channel
from companion_async.security import check_text

MODULE = "converse"
"""The name it is registered under."""

TEMPLATES = "templates"
"""The responder where no model spoke."""

LONGEST_TALK = 10_000
"""Characters of what is said at once; of an answer of a model, what others hear of it."""

_ROUTER = "model_router"
_INBOX = 64
_ATTEMPTS = 100
_ABSENT = (UnknownModuleError, ModuleUnavailableError, MissingExtraError)


class Said(msgspec.Struct, frozen=True):
    """All that was said at once, by whom (an endpoint's name, or `TEMPLATES`), and of what: the step, and the number of
    the decision, 0 where none was broadcast.
    """

    text: str
    responder: str
    step: str
    decision: int
    to: str


class Converse(MindModule):
    """Says what the agent is about to do: talk follows the controller's decision, as acting does.

    With an endpoint of ``model_router`` the model is told the decision and words it; without one, and where it fails,
    templates say it, which quote and understand nothing. Every `Said` names the one that spoke.
    """

    def start(self) -> None:
        """Be the agent's voice: from now on its talk is done when it is said."""
        super().start()
        self.mind.voices += 1

    def stop(self) -> None:
        """Be silent."""
        self.mind.voices -= 1
        super().stop()

    def hear(self, by: str, text: str, answer: bool = True) -> None:
        """Take in what somebody says: it is remembered, and where it wants an ``answer`` stands as ``heard`` in the
        agent's state until it has one.
        """
        if not check_text(by, "by", longest=LONGEST_NAME):
            raise InvalidArgumentError("by is the name of whoever speaks, and this one is empty.")
        check_text(text, "text", longest=LONGEST_TALK)
        if answer:
            self._set("heard", {"by": by, "text": text, "at": self.mind.clock.time()})
        self.mind.memory.observe(f"{by} said: {text}", 0.5, event_type="talk", participants={by})

    def listen(self) -> int:
        """Hear what other agents have told this one; how much it was. All of it is remembered, the last stands."""
        channel, count = inbox(self.brain, self.mind.name), 0
        while count < _INBOX and len(channel):
            try:
                by, text, answer = channel.get(timeout=0)
            except (TimeoutError, ChannelClosedError):
                break
            self.hear(by, text, answer)
            count += 1
        return count

    async def say(self, to: str = "", message: str = "") -> AsyncGenerator[Piece | Said, None]:
        """Speak, in pieces as they come; the last item is all of it. ``message`` is what is answered, else what was
        heard last. A piece of another responder than before says that what came so far is void.
        """
        check_text(to, "to", longest=LONGEST_NAME)
        check_text(message, "message", longest=LONGEST_TALK)
        heard = self._get("heard")
        what = intent(self._get("decision"), heard, self._get("plan"))
        if heard is not None and not message and to in ("", heard["by"]):
            to, message = heard["by"], heard["text"]
        to = to or partner(what.step)
        has_model = await self._has_model()
        remembered, spoken = "", ""
        if has_model or recalls(what):
            remembered = await self.brain.to_thread(self._remembered, to or what.step)
        if has_model:
            told = instructions(self.mind.name, what, to, remembered)
            prompt = Prompt(message or "(Nobody has spoken.)", instructions=told)
            task = self.brain.submit(_ROUTER, "stream", prompt, timeout=None)
            try:
                async with aclosing(cast("AsyncGenerator[Piece | Reply, None]", task.items())) as items:
                    async for item in items:
                        if isinstance(item, Piece) and item.responder != EMBEDDED:
                            yield item
                        elif isinstance(item, Reply) and item.responder != EMBEDDED:
                            spoken = item.text
                            yield await self._spoke(Said(spoken, item.responder, what.step, what.decision, to))
            finally:
                task.cancel("nobody listens any more")
        if not spoken:
            words = sentences(what, to, message, remembered)
            for number, sentence in enumerate(words):
                yield Piece(sentence if number == 0 else f" {sentence}", TEMPLATES)
            yield await self._spoke(Said(" ".join(words), TEMPLATES, what.step, what.decision, to))

    async def _has_model(self) -> bool:
        try:
            route = await self.brain.submit(_ROUTER, "route", "say", "chat")
        except _ABSENT:
            return False
        return bool(route.endpoints)

    async def _spoke(self, said: Said) -> Said:
        await self.brain.to_thread(self._remember, said)
        return said

    def _remembered(self, cue: str) -> str:
        found = self.mind.memory.long_term.recall(cue, 1, purpose="conversation")
        return found[0].content if found else ""

    def _remember(self, said: Said) -> None:
        if said.to and self._is_agent(said.to):
            # An answer to an answer would have no end.
            answer = not said.step.startswith("answer ")
            inbox(self.brain, said.to).put((self.mind.name, said.text[:LONGEST_TALK], answer))

        def tell(tx: Any) -> None:
            tx.set(self.mind.path("said"), msgspec.to_builtins(said))
            heard = tx.get(self.mind.path("heard"))
            if heard is not None and heard["by"] == said.to:  # answered
                tx.delete(self.mind.path("heard"))
            if is_greeting(said.step):
                relations = self.mind.path("relations")
                tx.set(relations, greeted(tx.get(relations, {}), partner(said.step)))

        self.brain.state.transact(tell, attempts=_ATTEMPTS, module=self.mind.name)
        who = {said.to} if said.to else ()
        self.mind.memory.observe(f"said: {said.text[:500]}", 0.3, event_type="talk", participants=who)

    def _is_agent(self, name: str) -> bool:
        try:
            return name != self.mind.name and self.brain.state.get(f"agents.{check_agent_name(name)}") is not None
        except CompanionError:  # somebody whose name can be no agent's
            return False


def inbox(brain: Any, name: str) -> Channel[tuple[str, str, bool]]:
    """The channel of what an agent is told: by whom, what, and whether that wants an answer. Of more than `_INBOX` the
    oldest goes.
    """
    name = f"{check_agent_name(name)}.heard"
    found: Channel[tuple[str, str, bool]] = brain.channel(name, _INBOX, overflow="drop_oldest")
    return found

"""`CompanionBrain`: a brain with the built-in modules, that reads documents and answers questions about them."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from pathlib import Path
from typing import Self, cast

import anyio
from loguru import logger

from companion_async.brain.assembly import ShutdownReport
from companion_async.brain.brain import Brain
from companion_async.brain.config import BrainConfig
from companion_async.clock import Clock, TimerHandle
from companion_async.cognition.context_manager.conversation import Turn, Window, exchanges
from companion_async.cognition.context_manager.module import MODULE as CONTEXT
from companion_async.cognition.context_manager.module import ContextManager, Conversations
from companion_async.cognition.knowledge_retriever.module import MODULE as RETRIEVER
from companion_async.cognition.model_router.connection import check_installed
from companion_async.cognition.model_router.module import MODULE as ROUTER
from companion_async.cognition.model_router.module import ModelRouter
from companion_async.cognition.model_router.prompt import Said
from companion_async.cognition.model_router.reply import Piece, Reply
from companion_async.cognition.model_router.rules import classify
from companion_async.cognition.reflection.module import MODULE as REFLECTION
from companion_async.companion.agents import Agents
from companion_async.companion.answer import Answer, Learned, Progress
from companion_async.companion.built_in import built_in_modules, sort_out
from companion_async.companion.case import Case, check_question
from companion_async.companion.config import CompanionConfig
from companion_async.companion.decision import phrases
from companion_async.companion.follow_up import reading
from companion_async.companion.reader import MOST_SOURCES, Reader
from companion_async.companion.ways import Ways
from companion_async.errors import CompanionError, MissingExtraError
from companion_async.modules.spec import ModuleSpec
from companion_async.security import check_count, check_fraction
from companion_async.status.picture import FrozenMap


class CompanionBrain(Brain):
    """A `Brain` whose built-in modules read, search, remember and answer.

    ``async with CompanionBrain() as brain: print(await brain.ask("..."))``. Every step of an answer is a task of the
    module it belongs to, so that it shows in the status, waits its turn and keeps its limits like any other work.
    """

    config: CompanionConfig

    def __init__(
        self, config: BrainConfig | None = None, *, clock: Clock | None = None, seed: int | None = None
    ) -> None:
        settings = CompanionConfig.of(config)
        check_installed(settings.models.endpoints)
        super().__init__(settings, clock=clock, seed=seed)
        self._conversations = Conversations(settings.context)
        self._reader = Reader(self, self._clock)
        self._ways = Ways(self)
        self._off: FrozenMap[str] = FrozenMap()
        self._consolidating: TimerHandle | None = None
        self.agents = Agents(self, clock=clock, taken=(settings.mind.name,))
        """Agents beside the one that the companion is."""

    # -- life ------------------------------------------------------------------------------------------------------

    async def start(self) -> Self:
        """As of a `Brain`; the built-in modules are up, or being healed, when it returns. Nothing is read yet.

        Modules whose extra is not installed are left out, and `modules_off` says how to have them.
        """
        if self.phase != "not started":
            return await super().start()
        await super().start()
        try:
            found = await anyio.to_thread.run_sync(sort_out, built_in_modules(self.config, self._clock))
            await self.register_all((*self._reader.modules(), *self._own_modules(), *found.specs))
            self._leave_out(found.off)
            if any(spec.name == REFLECTION for spec in found.specs):
                self._consolidate_later()
        except BaseException:
            await self.shutdown(timeout=0)
            raise
        return self

    async def shutdown(self, timeout: float = 15.0) -> ShutdownReport:
        """As of a `Brain`. A reading that is under way is given up first: it would go on submitting."""
        await self._reader.close()
        if self._consolidating is not None:
            self._consolidating.cancel()
        report = await super().shutdown(timeout)
        self._reader.let_go()
        self._conversations.close()
        return report

    @property
    def modules_off(self) -> Mapping[str, str]:
        """The built-in modules that are left out, each with the command that brings what it lacks.

        Work for one of them raises `MissingExtraError`. A command takes effect in the next process.
        """
        return self._off

    def _leave_out(self, off: Mapping[str, str]) -> None:
        self._off = FrozenMap({name: MissingExtraError.command(extra) for name, extra in off.items()})
        if not off:
            return
        listed = "; ".join(f"{name}: {command}" for name, command in self._off.items())
        logger.info("Built-in modules that are off, and what turns each on: {}", listed)
        parts = self._open("start()")
        parts.scheduler.extras.update(off)
        parts.decisions.record("leave_out", "companion", {"extras": dict(off)}, f"Off: {listed}", rule="built_in")

    def _consolidate_later(self) -> None:
        """Consolidate again and again, the first time a period from now: there is nothing to consolidate at a start."""
        period = self.config.mind.consolidate

        def begin() -> None:
            try:
                self.every(REFLECTION, "consolidate", period=period)
            except CompanionError:  # it is stopped just now
                self._consolidate_later()

        if period:
            self._consolidating = self._clock.call_later(period, begin)

    def _own_modules(self) -> tuple[ModuleSpec, ...]:
        models, conversations, traced = self.config.models, self._conversations, self.config.tracing.enabled
        return (
            ModuleSpec(
                ROUTER,
                ModelRouter,
                "core",
                "critical",
                factory=lambda: ModelRouter(models, traced=traced, clock=self._clock),
            ),
            ModuleSpec(CONTEXT, ContextManager, "core", "high", factory=lambda: ContextManager(conversations)),
        )

    # -- reading ---------------------------------------------------------------------------------------------------

    async def learn(self, *paths: str | Path, on_progress: Callable[[Progress], object] | None = None) -> Learned:
        """Read files and folders, in parallel; without any, the configured ones, or the running Python's documentation.

        Of files that were read before only those are read again that have changed (by size or time of change); what was
        read of files that are gone is forgotten. The documentation of one Python version is read into a database once.
        Reading the default twice is done once: whoever asks for it while it is under way waits for the same reading.
        ``on_progress`` is called on the loop. Cancelled, a reading of one's own stops; one that others wait for goes
        on.
        """
        return await self._reader.learn(paths, on_progress)

    async def unlearn(self, *paths: str | Path) -> int:
        """Forget what was read of files, and of all files below folders, named as they were to `learn`.

        How many documents that were. What is configured comes back with the next reading of it.
        """
        forgotten: int = await self.submit(RETRIEVER, "forget", *map(str, paths))
        return forgotten

    # -- answering -------------------------------------------------------------------------------------------------

    async def ask(
        self, question: str, *, conversation: str | None = None, limit: int = 5, kind: str | None = None
    ) -> Answer:
        """Answer from what was read, with at most ``limit`` sources; work out a sum; run a program that is to be run.

        The answer's ``decision`` says which of these, and why. To look something up with nothing read so far, what is
        configured is read first, once. Within a ``conversation`` earlier turns count
        and this one is remembered. ``kind`` of task (``code``, ``math``, ``summary``, ``reasoning``, ``chat``) is found
        out where it is not given. Cancelling ends the step that is under way and remembers nothing.
        """
        case = await self._opened(question, conversation, limit, kind)
        reply = await self._ways.work_out(case) or await self._looked_up(case, limit)
        if reply is None:
            # With nobody to ask, the step is the embedded responder's alone and need not pass by the loop.
            target = "answer" if self.config.models.endpoints else "extract"
            with case.step("answer"):
                reply = await self.submit(ROUTER, target, case.prompt(kind), timeout=None)
        return await self._concluded(case, reply)

    async def stream(
        self, question: str, *, conversation: str | None = None, limit: int = 5, kind: str | None = None
    ) -> AsyncGenerator[Piece | Answer, None]:
        """`ask` as it comes: pieces of text, and at the end the whole `Answer`.

        A piece of another responder than the one before means that what came so far is void. An answer that is given
        the companion's manner comes in one piece. Closing the generator ends the request.
        """
        case = await self._opened(question, conversation, limit, kind)
        reply = await self._ways.work_out(case) or await self._looked_up(case, limit)
        # A manner is given to the whole of an answer.
        whole = reply is not None or self.config.personality.enabled
        if reply is None:
            with case.step("answer"):
                task = self.submit(ROUTER, "stream", case.prompt(kind), timeout=None)
                try:
                    async with aclosing(cast("AsyncGenerator[Piece | Reply, None]", task.items())) as items:
                        async for item in items:
                            if isinstance(item, Reply):
                                reply = item
                            elif not whole:
                                yield item
                finally:
                    task.cancel("nobody reads the answer any more")
        if reply is None:
            raise AssertionError("a stream of the router ends with its reply")
        answer = await self._concluded(case, reply)
        if whole:
            yield Piece(answer.text, answer.responder)
        yield answer

    async def chat(self, message: str, *, conversation: str = "default", limit: int = 5) -> Answer:
        """`ask` within a conversation: what was said before counts, and "it" is what was spoken of last."""
        return await self.ask(message, conversation=conversation, limit=limit)

    async def think(self, question: str, *, conversation: str | None = None, limit: int = 8) -> Answer:
        """`ask` with a wider look around, by the endpoint that is meant for reasoning."""
        return await self.ask(question, conversation=conversation, limit=limit, kind="reasoning")

    async def history(self, conversation: str = "default", limit: int = 50) -> tuple[Turn, ...]:
        """The last turns of a conversation, oldest first."""
        turns: tuple[Turn, ...] = await self.submit(CONTEXT, "history", conversation, limit)
        return turns

    async def forget(self, conversation: str = "default") -> bool:
        """Forget a conversation; False where there is none of that name."""
        known: bool = await self.submit(CONTEXT, "clear", conversation)
        return known

    async def rate(self, question: str, answer: Answer, reward: float) -> None:
        """Say how an answer to ``question`` served, from 0 (it did not) to 1 (it did), and learn from it.

        From three ratings on, where it is clear, what was rated better is preferred among what looks nearly as good:
        the document that an answer rests on first, one search or several, with the companion's manner or without;
        ``answer.decision.learnt`` says so. What is worked out or run is not up to ratings. Forgetting a topic
        (``submit("self_learning", "forget", "answering/source")``) undoes it,
        ``AnsweringSettings(follow_learning=False)`` turns it off. Without the extra ``learn`` it raises
        `MissingExtraError`.
        """
        await self._ways.learning.rate(check_question(question), answer, check_fraction(reward, "reward"))

    async def _opened(self, question: str, conversation: str | None, limit: int, kind: str | None) -> Case:
        """What is asked, what was said before, and what is to be done about it."""
        check_count(limit, "limit", maximum=MOST_SOURCES)
        text = check_question(question)
        classify(text, kind)  # a kind that is none is refused, whoever answers
        modules = self._open("ask()").roster.registry
        there = self._ways.there([(module.name, module.state) for module in modules])
        case = Case(text, conversation, self._clock, there)
        if conversation is not None:
            with case.step("recall"):
                window: Window = await self.submit(CONTEXT, "window", conversation)
            case.read_as(reading(case.question, exchanges(window.turns)))
            case.said, case.summary = tuple(Said(turn.role, turn.text) for turn in window.turns), window.summary
        self._ways.perceive(case)
        await self._ways.learning.way(case)
        return case

    async def _looked_up(self, case: Case, limit: int) -> Reply | None:
        """Find what was read on it. The answer, where several searches have come to one that no model is to write."""
        if not self._reader.has_read:
            with case.step("read"):
                await self._reader.be_ready()
        if case.decision.way == "hops":
            reply = await self._ways.search_on(case, limit)
            if reply is not None and not self.config.models.endpoints:
                return reply
        with case.step("retrieve"):
            found = await self._reader.retrieve(case.spelt_out, limit, phrases(case.question) if case.quotes else ())
        known = {passage.location for passage in case.passages}
        case.passages = (*case.passages, *(each for each in found if each.location not in known))[:limit]
        await self._ways.learning.order(case)
        return None

    async def _concluded(self, case: Case, reply: Reply) -> Answer:
        text = await self._ways.styled(case, reply.text)
        if case.conversation is not None:
            with case.step("remember"):
                await self.submit(CONTEXT, "exchange", case.conversation, case.question, text)
        self._ways.learn(case, reply)
        return case.answer(reply, text)

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
from companion_async.clock import Clock
from companion_async.cognition.context_manager.conversation import Turn, Window
from companion_async.cognition.context_manager.module import MODULE as CONTEXT
from companion_async.cognition.context_manager.module import ContextManager, Conversations
from companion_async.cognition.model_router.connection import check_installed
from companion_async.cognition.model_router.module import MODULE as ROUTER
from companion_async.cognition.model_router.module import ModelRouter
from companion_async.cognition.model_router.prompt import Prompt, Said
from companion_async.cognition.model_router.reply import Piece, Reply
from companion_async.companion.answer import Answer, Learned, Progress
from companion_async.companion.built_in import built_in_modules, sort_out
from companion_async.companion.case import Case, check_question
from companion_async.companion.config import CompanionConfig
from companion_async.companion.follow_up import search_text
from companion_async.companion.reader import MOST_SOURCES, Reader
from companion_async.errors import MissingExtraError
from companion_async.modules.spec import ModuleSpec
from companion_async.security import check_count
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
        self._off: FrozenMap[str] = FrozenMap()

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
        except BaseException:
            await self.shutdown(timeout=0)
            raise
        return self

    async def shutdown(self, timeout: float = 15.0) -> ShutdownReport:
        """As of a `Brain`. A reading that is under way is given up first: it would go on submitting."""
        await self._reader.close()
        report = await super().shutdown(timeout)
        self._reader.let_go()
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

    def _own_modules(self) -> tuple[ModuleSpec, ...]:
        models, conversations, traced = self.config.models, self._conversations, self.config.tracing.enabled
        return (
            ModuleSpec(ROUTER, ModelRouter, "core", "critical", factory=lambda: ModelRouter(models, traced=traced)),
            ModuleSpec(CONTEXT, ContextManager, "core", "high", factory=lambda: ContextManager(conversations)),
        )

    # -- reading ---------------------------------------------------------------------------------------------------

    async def learn(self, *paths: str | Path, on_progress: Callable[[Progress], object] | None = None) -> Learned:
        """Read files and folders, in parallel; without any, the configured ones, or the running Python's documentation.

        Documents read again take the place of their former text. Reading the default twice is done once: whoever asks
        for it while it is under way waits for the same reading. ``on_progress`` is called on the loop. Cancelled, a
        reading of one's own stops; one that others wait for goes on.
        """
        return await self._reader.learn(paths, on_progress)

    # -- answering -------------------------------------------------------------------------------------------------

    async def ask(
        self, question: str, *, conversation: str | None = None, limit: int = 5, kind: str | None = None
    ) -> Answer:
        """Answer from what was read, with at most ``limit`` sources.

        With nothing read so far, what is configured is read first, once. Within a ``conversation`` earlier turns count
        and this one is remembered. ``kind`` of task (``code``, ``math``, ``summary``, ``reasoning``, ``chat``) is found
        out where it is not given. Cancelling ends the step that is under way and remembers nothing.
        """
        case = await self._prepared(question, conversation, limit, kind)
        # With nobody to ask, the step is the embedded responder's alone and need not pass by the loop.
        target = "answer" if self.config.models.endpoints else "extract"
        with case.step("answer"):
            reply: Reply = await self.submit(ROUTER, target, case.prompt, timeout=None)
        return await self._concluded(case, reply)

    async def stream(
        self, question: str, *, conversation: str | None = None, limit: int = 5, kind: str | None = None
    ) -> AsyncGenerator[Piece | Answer, None]:
        """`ask` as it comes: pieces of text, and at the end the whole `Answer`.

        A piece of another responder than the one before means that what came so far is void. Closing the generator ends
        the request.
        """
        case = await self._prepared(question, conversation, limit, kind)
        reply: Reply | None = None
        with case.step("answer"):
            task = self.submit(ROUTER, "stream", case.prompt, timeout=None)
            try:
                async with aclosing(cast("AsyncGenerator[Piece | Reply, None]", task.items())) as items:
                    async for item in items:
                        if isinstance(item, Reply):
                            reply = item
                        else:
                            yield item
            finally:
                task.cancel("nobody reads the answer any more")
        if reply is None:
            raise AssertionError("a stream of the router ends with its reply")
        yield await self._concluded(case, reply)

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

    async def _prepared(self, question: str, conversation: str | None, limit: int, kind: str | None) -> Case:
        """Everything that an answer is made of: what was read, what was said, what was found."""
        check_count(limit, "limit", maximum=MOST_SOURCES)
        case = Case(check_question(question), conversation, self._clock)
        if not self._reader.has_read:
            with case.step("read"):
                await self._reader.be_ready()
        window = Window()
        if conversation is not None:
            with case.step("recall"):
                window = await self.submit(CONTEXT, "window", conversation)
        earlier = [turn.text for turn in window.turns if turn.role == "user"]
        spelt_out = search_text(case.question, earlier)
        with case.step("retrieve"):
            case.passages = await self._reader.retrieve(spelt_out, limit)
        said = tuple(Said(turn.role, turn.text) for turn in window.turns)
        case.prompt = Prompt(case.question, case.passages, said, window.summary, kind, spelt_out)
        return case

    async def _concluded(self, case: Case, reply: Reply) -> Answer:
        if case.conversation is not None:
            with case.step("remember"):
                await self.submit(CONTEXT, "exchange", case.conversation, case.question, reply.text)
        return case.answer(reply)

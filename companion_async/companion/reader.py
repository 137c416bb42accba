"""What a companion has read, and how it reads: in shares, side by side, through its modules."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING, cast

from loguru import logger

from companion_async.clock import Clock
from companion_async.cognition.corpus.document import ReadJob
from companion_async.cognition.corpus.folders import folder_jobs
from companion_async.cognition.corpus.stamps import Pending
from companion_async.cognition.corpus.standard_library import standard_library_jobs
from companion_async.cognition.knowledge_retriever.module import MODULE as RETRIEVER
from companion_async.cognition.knowledge_retriever.module import Indexed, KnowledgeRetriever
from companion_async.cognition.model_router.prompt import Passage
from companion_async.cognition.search_engine.library import Library
from companion_async.cognition.search_engine.module import MODULE as SEARCH
from companion_async.cognition.search_engine.module import Hit, SearchEngine
from companion_async.companion.answer import Learned, Progress
from companion_async.companion.receipt import Receipt
from companion_async.errors import BrainClosedError, CompanionError, InvalidArgumentError
from companion_async.modules.spec import ModuleSpec

if TYPE_CHECKING:
    from companion_async.companion.companion import CompanionBrain

MOST_SOURCES = 50
# Questions asked meanwhile go first.
_PRIORITY = "low"

OnProgress = Callable[[Progress], object]


class Reader:
    """Reads for one companion, and finds again what it has read. Loop only."""

    def __init__(self, brain: CompanionBrain, clock: Clock) -> None:
        self._brain = brain
        self._clock = clock
        self._settings = brain.config.knowledge
        self._library = Library(self._settings.database)
        database = self._settings.database
        self._receipt = Receipt(database, self._settings.documents) if database is not None else None
        self._reading: asyncio.Task[Learned] | None = None
        self._watchers: list[OnProgress] = []
        self._waiting = 0
        self.has_read = False

    def modules(self) -> tuple[ModuleSpec, ...]:
        """The modules that read and search. Their library outlives their restarts."""
        library, decoding = self._library, self._brain.config.decoding
        return (
            ModuleSpec(SEARCH, SearchEngine, "phase2", "medium", factory=lambda: SearchEngine(library=library)),
            ModuleSpec(
                RETRIEVER,
                KnowledgeRetriever,
                "phase1",
                "high",
                factory=lambda: KnowledgeRetriever(library=library, decoding=decoding),
            ),
        )

    async def learn(self, paths: Sequence[str | Path], on_progress: OnProgress | None) -> Learned:
        """Read ``paths``; without any, what is configured, in one reading for all who ask at the same time."""
        if paths:
            watchers = [on_progress] if on_progress is not None else []
            return await self._read(tuple(map(str, paths)), watchers)
        if self._reading is None:
            self._reading = asyncio.get_running_loop().create_task(self._read_configured(), name="companion reading")
        reading = self._reading
        if on_progress is not None:
            self._watchers.append(on_progress)
        self._waiting += 1
        try:
            return await asyncio.shield(reading)
        finally:
            self._waiting -= 1
            if on_progress is not None:
                self._watchers.remove(on_progress)
            if not self._waiting:
                reading.cancel()

    async def be_ready(self) -> None:
        """Read what is configured, if nothing has been read yet, now or by an earlier run into the same database.

        Of documents that an earlier run has read, those that have changed are read anew.
        """
        known = False
        if self._receipt is not None and self._reading is None:
            known = await self._brain.submit(RETRIEVER, self._was_read, self._receipt)
            self.has_read = known and not self._settings.documents
        if not self.has_read:
            try:
                await self.learn((), None)
            except InvalidArgumentError as error:
                if not known:
                    raise
                # The documents are not where they were; what was read of them is.
                logger.warning("What changed in the documents could not be told: {}", error)
                self.has_read = True

    async def retrieve(self, question: str, limit: int, phrases: Sequence[str] = ()) -> tuple[Passage, ...]:
        """The passages that fit ``question`` best; before them those with the ``phrases``, searched for meanwhile."""
        retrieving = self._brain.submit(RETRIEVER, "retrieve", question, limit)
        quoted = " ".join(f'"{phrase}"' for phrase in phrases)
        searching = self._brain.submit(SEARCH, "search", quoted, limit) if quoted else None
        found = [Passage(each.title, each.location, each.text, each.fit, each.score) for each in await retrieving]
        hits: list[Hit] = []
        if searching is not None:
            try:
                hits = await searching
            except BrainClosedError:
                raise
            except Exception as error:
                logger.warning("Words in quotes could not be searched for: {}", error)
        return tuple(with_phrases(found, hits, limit))

    async def close(self) -> None:
        """Give up the reading that is under way, if there is one; let go of the library."""
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.wait([self._reading])

    def let_go(self) -> None:
        """Close the library. For when no module uses it any more."""
        self._library.close()

    async def _read_configured(self) -> Learned:
        receipt, submit = self._receipt, self._brain.submit
        try:
            if receipt is not None:
                if not self._settings.documents and await submit(RETRIEVER, self._was_read, receipt):
                    # One version of Python has one documentation.
                    self.has_read = True
                    return Learned(unchanged=await submit(RETRIEVER, "count"))
                await submit(RETRIEVER, self._begin_again, receipt)
            learned = await self._read(self._settings.documents, self._watchers)
            if receipt is not None:
                await submit(RETRIEVER, receipt.end)
            return learned
        finally:
            self._reading = None

    def _was_read(self, receipt: Receipt) -> bool:
        return receipt.holds() and self._library.count() > 0

    def _begin_again(self, receipt: Receipt) -> None:
        if not receipt.begin():
            self._library.clear()

    async def _read(self, paths: tuple[str, ...], watchers: Sequence[OnProgress]) -> Learned:
        brain = self._brain
        began = self._clock.monotonic()
        find = (folder_jobs, paths) if paths else (standard_library_jobs,)
        listed: list[ReadJob] = await brain.submit(RETRIEVER, *find, priority=_PRIORITY, timeout=None)
        left: Pending = await brain.submit(RETRIEVER, "pending", listed, priority=_PRIORITY, timeout=None)
        jobs = left.jobs
        notes: list[str] = []
        documents = done = 0
        shares = brain.map(
            RETRIEVER,
            "read",
            jobs,
            limit=brain.config.categories["phase1"],
            return_exceptions=True,
            priority=_PRIORITY,
            timeout=None,
        )
        async with aclosing(cast("AsyncGenerator[Indexed | BaseException, None]", shares)) as results:
            async for share in results:
                done += 1
                if isinstance(share, Indexed):
                    documents += share.documents
                    notes.extend(share.notes)
                else:
                    reason = share.message if isinstance(share, CompanionError) else type(share).__name__
                    notes.append(f"one share of {len(jobs)} could not be read: {reason}")
                for watch in tuple(watchers):
                    watch(Progress(done=done, total=len(jobs), documents=documents))
        self.has_read = True
        took = self._clock.monotonic() - began
        logger.info("Read {} documents in {} shares and {:.2f} s, {} notes.", documents, len(jobs), took, len(notes))
        return Learned(
            documents=documents,
            shares=len(jobs),
            unchanged=left.unchanged,
            gone=len(left.gone),
            notes=tuple(notes),
            seconds=took,
        )


def with_phrases(found: Sequence[Passage], hits: Sequence[Hit], limit: int) -> list[Passage]:
    """``found`` with the ``hits`` first: the passages that are among both, then an excerpt of those that are not."""
    places = {hit.location for hit in hits}
    both = [passage for passage in found if passage.location in places]
    known = {passage.location for passage in both}
    fit = max((passage.fit for passage in found), default=1.0)
    fresh = [Passage(hit.title, hit.location, hit.excerpt, fit) for hit in hits if hit.location not in known]
    return [*both, *fresh, *(passage for passage in found if passage.location not in known)][:limit]

"""Whom ``companion chat`` talks to: a companion in this process, or the one of a running server."""

from __future__ import annotations

import concurrent.futures
import queue
import uuid
from collections.abc import Generator
from contextlib import closing
from typing import Protocol

from anyio.from_thread import BlockingPortal
from rich.console import RenderableType

from companion_async.cli.remote import NoAnswerError, answer_of, answering, by_name, get, stream
from companion_async.cli.tables import threads_table
from companion_async.cognition.model_router.reply import Piece
from companion_async.companion.answer import Answer
from companion_async.companion.companion import CompanionBrain

CONVERSATION = "terminal"

Said = tuple[str, str]
"""Who, and what."""


class Partner(Protocol):
    """What a session needs of whom it talks to. Everything here is called by the main thread, and Ctrl-C ends it."""

    def ask(self, question: str) -> Generator[Piece | Answer, None, None]:
        """The pieces of the answer as they come, and at last the whole. Closing it stops the answer."""

    def forget(self) -> None:
        """Begin a new conversation."""

    def history(self) -> list[Said]:
        """What was said in this one, oldest first."""

    def threads(self) -> RenderableType:
        """The threads at work."""


class Here:
    """A companion in this process, whose loop runs in the portal's thread."""

    def __init__(self, companion: CompanionBrain, portal: BlockingPortal) -> None:
        self._companion = companion
        self._portal = portal

    def ask(self, question: str) -> Generator[Piece | Answer, None, None]:
        pieces: queue.SimpleQueue[Piece | Answer | None] = queue.SimpleQueue()

        async def follow() -> None:
            try:
                async for item in self._companion.stream(question, conversation=CONVERSATION):
                    pieces.put(item)
            finally:
                pieces.put(None)

        running = self._portal.start_task_soon(follow)
        try:
            while (item := pieces.get()) is not None:
                yield item
            running.result()
        except BaseException:
            running.cancel()
            concurrent.futures.wait([running], timeout=2.0)
            raise

    def forget(self) -> None:
        self._portal.call(self._companion.forget, CONVERSATION)

    def history(self) -> list[Said]:
        return [(turn.role, turn.text) for turn in self._portal.call(self._companion.history, CONVERSATION)]

    def threads(self) -> RenderableType:
        return self._portal.call(self._threads)

    async def _threads(self) -> RenderableType:
        status = self._companion.status()
        modules = {name: self._companion.module_status(name).to_dict() for name in status.module_threads}
        return threads_table(status.to_dict(), modules)


class There:
    """The companion of the server at ``url``. Its routes can neither list nor end a conversation, so this side keeps
    what was said, and a new one gets a name of its own. Raises `NoAnswerError` where the server does not answer.
    """

    def __init__(self, url: str, token: str | None) -> None:
        self._url = url
        self._token = token
        self.forget()

    def greet(self) -> None:
        """Find out whether the server is there and lets us in."""
        with answering(self._url):
            by_name(get(self._url, "/api/modules", self._token))

    def ask(self, question: str) -> Generator[Piece | Answer, None, None]:
        asked = {"question": question, "conversation": self._conversation, "stream": True}
        with answering(self._url), closing(stream(self._url, "/api/ask", self._token, asked)) as events:
            for kind, told in events:
                if kind == "piece":
                    yield Piece(told["text"], told["responder"])
                elif kind == "answer":
                    answer = answer_of(told)
                    self._said += [("user", question), ("assistant", answer.text)]
                    yield answer
                    return
        raise NoAnswerError(f"the server at {self._url} went away in the middle of its answer.")

    def forget(self) -> None:
        self._conversation = f"{CONVERSATION}-{uuid.uuid4().hex[:12]}"
        self._said: list[Said] = []

    def history(self) -> list[Said]:
        return self._said

    def threads(self) -> RenderableType:
        with answering(self._url):
            status = get(self._url, "/api/threads/status", self._token)
            return threads_table(status, by_name(get(self._url, "/api/modules", self._token)))

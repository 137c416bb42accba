"""The built-in module ``model_router``."""

from __future__ import annotations

import math
import os
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing

import msgspec

from companion_async.clock import Clock, SystemClock
from companion_async.cognition.model_router.breaker import Breaker
from companion_async.cognition.model_router.cache import AnswerCache, CacheFigures
from companion_async.cognition.model_router.call_span import CallSpan
from companion_async.cognition.model_router.connection import Connection, KeyMissingError, check_installed, connect
from companion_async.cognition.model_router.embedded import embedded_reply
from companion_async.cognition.model_router.prompt import (
    DESCRIBE,
    LISTEN,
    LOOK,
    Medium,
    Prompt,
    check_medium,
    check_prompt,
    cited,
    compose,
)
from companion_async.cognition.model_router.reply import Failure, Piece, Reply, Usage
from companion_async.cognition.model_router.rules import Route, classify, route
from companion_async.cognition.model_router.settings import Endpoint, ModelSettings
from companion_async.cognition.tokens import estimated_tokens
from companion_async.modules.module import BaseModule
from companion_async.security import check_count, check_text

MODULE = "model_router"
"""The name it is registered under."""

_LONGEST_PAUSE = 3_600.0
_LONGEST_TOKEN = 32  # characters, on an average that no text comes near to


class EndlessAnswerError(Exception):
    """The endpoint wrote on far beyond what it was asked to keep to."""


class ModelRouter(BaseModule):
    """Sends each question to the endpoint that suits it, to the next one where that fails, and at last to the embedded
    responder, which needs no model. Every reply says who gave it and who could not.

    A configured endpoint whose SDK is not installed raises `MissingExtraError` here; one whose key is not set is passed
    over, and the replies say so. So is one that has failed too often lately or has used up its budget. ``traced``: each
    call of an endpoint is an OpenTelemetry span.
    """

    def __init__(
        self,
        settings: ModelSettings | None = None,
        *,
        env: Mapping[str, str] = os.environ,
        traced: bool = False,
        clock: Clock | None = None,
    ) -> None:
        super().__init__()
        self._clock = clock if clock is not None else SystemClock()
        self._traced = traced
        known = settings or ModelSettings()
        self._endpoints = {endpoint.name: endpoint for endpoint in known.endpoints}
        self._cache = AnswerCache(known.cache_size, known.cache_likeness, known.cache_seconds)
        self._breakers = {
            name: Breaker(each.breaker_failures, each.breaker_seconds, each.tokens_per_hour)
            for name, each in self._endpoints.items()
        }
        self._env = env
        self._connections: dict[str, Connection] = {}
        self._unreachable: dict[str, Failure] = {}
        check_installed(tuple(self._endpoints.values()))

    def start(self) -> None:
        """Make the connections. Nothing is sent yet; a plain ``def``, because importing an SDK takes seconds."""
        for name, endpoint in self._endpoints.items():
            try:
                self._connections[name] = connect(endpoint, self._env)
            except KeyMissingError as error:
                self._unreachable[name] = Failure(name, f"the environment variable {error} is not set")

    async def stop(self) -> None:
        """Close the connections."""
        while self._connections:
            await self._connections.popitem()[1].close()

    def route(self, question: str, kind: str | None = None, tokens: int | None = None) -> Route:
        """Who would be asked ``question``, and why. ``tokens``: the size of all that is sent, if it is more than it."""
        prompt = Prompt(check_text(question, "question"), kind=kind)
        size = prompt.tokens if tokens is None else check_count(tokens, "tokens", minimum=0)
        return route(classify(question, kind), size, self._ordered)

    async def cache(self) -> CacheFigures:
        """How the cache of answers does: how often it was asked, and how often it had one."""
        return self._cache.figures

    def extract(self, prompt: Prompt) -> Reply:
        """The embedded responder's own answer, whatever endpoints there are."""
        return embedded_reply(check_prompt(prompt), classify(prompt.question, prompt.kind))

    async def answer(self, prompt: Prompt) -> Reply:
        """The whole answer. Cancelling ends the request to the endpoint."""
        async with aclosing(self.stream(prompt)) as items:
            async for item in items:
                if isinstance(item, Reply):
                    return item
        raise AssertionError("a stream ends with its reply")

    async def stream(self, prompt: Prompt) -> AsyncGenerator[Piece | Reply, None]:
        """The answer in pieces as they come, then the whole `Reply`, which alone knows what it rests on."""
        kind = classify(check_prompt(prompt).question, prompt.kind)
        failures: list[Failure] = []
        cached = self._cache.get(prompt, kind, self._clock.monotonic())
        if cached is not None:
            yield Piece(cached.text, cached.responder)
            yield cached
            return
        async with aclosing(self._asked(prompt, kind, failures)) as items:
            async for item in items:
                if isinstance(item, Reply):
                    self._cache.put(prompt, kind, item, self._clock.monotonic())
                    yield item
                    return
                yield item
        # In a thread of its own: picking sentences takes milliseconds that the loop has not got.
        quoted: Reply = await self.brain.submit(MODULE, "extract", prompt)
        yield Piece(quoted.text, quoted.responder)
        yield msgspec.structs.replace(quoted, failures=tuple(failures))

    async def caption(self, picture: Medium, question: str = DESCRIBE) -> Reply:
        """What a model that takes images sees in ``picture``. Where none does, or none answers, ``found`` is false,
        ``text`` and ``responder`` are empty, and ``failures`` say why: there is nothing to fall back on.
        """
        asked = check_text(question, "question")
        return await self._perceived(Prompt(asked, instructions=LOOK, medium=check_medium(picture)))

    async def transcribe(self, sound: Medium) -> Reply:
        """What is said in ``sound``, by a model that takes audio; the rest as of `caption`."""
        return await self._perceived(Prompt("", instructions=LISTEN, medium=check_medium(sound)))

    async def _perceived(self, prompt: Prompt) -> Reply:
        kind = prompt.medium.sense if prompt.medium is not None else ""
        failures: list[Failure] = []
        async with aclosing(self._asked(prompt, kind, failures)) as items:
            async for item in items:
                if isinstance(item, Reply):
                    return msgspec.structs.replace(item, found=True)
        return Reply("", "", kind, found=False, failures=tuple(failures))

    async def _asked(self, prompt: Prompt, kind: str, failures: list[Failure]) -> AsyncGenerator[Piece | Reply, None]:
        """What the endpoints say, one after the other until one has answered; ``failures`` become those that have not.
        Ends without a `Reply` where none has.
        """
        medium = prompt.medium
        sense = medium.sense if medium is not None else "text"
        for name in route(kind, prompt.tokens, self._ordered, sense).endpoints:
            endpoint, parts, usage = self._endpoints[name], list[str](), None
            connection = self._connections.get(name)
            if connection is None:
                failures.append(self._unreachable.get(name) or Failure(name, "not connected"))
                continue
            breaker = self._breakers[name]
            refusal = breaker.refusal(self._clock.monotonic(), prompt.tokens)
            if refusal:
                failures.append(Failure(name, refusal))
                continue
            composed = compose(prompt, endpoint.context_tokens - endpoint.max_output_tokens)
            span = CallSpan(endpoint, "transcribe" if sense == "audio" else "chat") if self._traced else None
            broken: BaseException | None = None
            try:
                most = endpoint.max_output_tokens * _LONGEST_TOKEN
                async with aclosing(_bounded(connection.pieces(composed), most)) as pieces:
                    async for piece in pieces:
                        if isinstance(piece, Usage):
                            usage = piece
                        else:
                            parts.append(piece)
                            yield Piece(piece, name)
            except Exception as error:
                broken = error
                breaker.failed(self._clock.monotonic(), _again_after(error))
                failures.append(Failure(name, _reason(error)))
                self.logger.warning("endpoint {} failed: {}", name, _reason(error))
                continue
            except BaseException as gone:  # nobody wants the answer any more
                broken = gone
                breaker.left()
                raise
            finally:
                if span is not None:
                    span.close(broken, usage)
            text = "".join(parts).strip()
            used = usage.input_tokens + usage.output_tokens if usage else prompt.tokens + estimated_tokens(text)
            breaker.answered(self._clock.monotonic(), used)
            if text or sense == "audio":  # nobody may have said anything
                yield _reply(text, endpoint, kind, prompt, tuple(failures), usage)
                return
            failures.append(Failure(name, "an empty answer"))

    @property
    def _ordered(self) -> tuple[Endpoint, ...]:
        return tuple(self._endpoints.values())


async def _bounded(pieces: AsyncGenerator[str | Usage, None], most: int) -> AsyncGenerator[str | Usage, None]:
    """The same pieces; `EndlessAnswerError` once they are more than ``most`` characters."""
    async with aclosing(pieces):
        async for piece in pieces:
            if isinstance(piece, str):
                most -= len(piece)
                if most < 0:
                    raise EndlessAnswerError
            yield piece


def _reply(
    text: str, endpoint: Endpoint, kind: str, prompt: Prompt, failures: tuple[Failure, ...], usage: Usage | None
) -> Reply:
    # Passages keep the numbers under which the model knew them; those behind the last one it cited have no part in it.
    named = cited(text, len(prompt.passages))
    used = max(named) + 1 if named else len(prompt.passages)
    return Reply(
        text=text,
        responder=endpoint.name,
        kind=kind,
        cited=tuple(range(used)),
        found=bool(prompt.passages),
        failures=failures,
        usage=usage,
        model=endpoint.model,
    )


def _again_after(error: Exception) -> float:
    """The seconds for which a server asks to be left alone, at most an hour; 0 where it does not say."""
    headers = getattr(getattr(error, "response", None), "headers", {})
    try:
        seconds = float(headers.get("retry-after", 0.0))
    except ValueError:  # a date; the breaker's own pause does
        return 0.0
    return min(max(seconds, 0.0), _LONGEST_PAUSE) if math.isfinite(seconds) else 0.0


def _reason(error: Exception) -> str:
    """The kind of ``error`` alone: providers repeat parts of keys and prompts in their messages."""
    status = getattr(error, "status_code", None)
    return f"{type(error).__name__} (HTTP {status})" if isinstance(status, int) else type(error).__name__

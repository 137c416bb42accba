"""Talking to one endpoint through its provider's own SDK. Needs the extra ``llm``."""

from __future__ import annotations

import base64
import contextlib
import importlib.util
import os
from collections.abc import AsyncGenerator, Callable, Mapping
from io import BytesIO
from typing import TYPE_CHECKING, Any, Protocol, cast

from companion_async.cognition.model_router.prompt import Composed, Medium
from companion_async.cognition.model_router.reply import Usage
from companion_async.cognition.model_router.settings import Endpoint
from companion_async.errors import MissingExtraError

if TYPE_CHECKING:
    from anthropic.types import MessageParam
    from openai.types.chat import ChatCompletionMessageParam

_PACKAGES = {"openai": "openai", "ollama": "openai", "anthropic": "anthropic"}
# Local servers want no key, but the SDK insists on sending one.
_NO_KEY = "none"
_CONNECT_SECONDS = 5.0


class KeyMissingError(Exception):
    """The environment variable that should hold the key is not set."""


class BrokenOffError(Exception):
    """The stream ended before the provider said that the answer is complete."""


class NoAnswerError(Exception):
    """What came is no answer, though the provider said that all went well."""


class Connection(Protocol):
    """One endpoint, ready to be asked. Made in any thread, used and closed on the loop."""

    def pieces(self, composed: Composed) -> AsyncGenerator[str | Usage, None]:
        """The answer as it comes, and the provider's token count if it gives one. Closing it ends the request.

        Half an answer ends in `BrokenOffError`: a connection that closes looks like an end to the SDKs.
        """

    async def close(self) -> None:
        """Let go of the sockets."""


def check_installed(endpoints: tuple[Endpoint, ...]) -> None:
    """Raise `MissingExtraError` if the SDK of one of ``endpoints`` is not there. Imports nothing."""
    for endpoint in endpoints:
        if importlib.util.find_spec(_PACKAGES[endpoint.provider]) is None:
            raise MissingExtraError("llm", f"The endpoint {endpoint.name!r} ({endpoint.provider})")


def connect(endpoint: Endpoint, env: Mapping[str, str] = os.environ) -> Connection:
    """A connection to ``endpoint``. Imports the SDK, which takes seconds the first time: not for the event loop."""
    key = _NO_KEY
    if endpoint.key_variable is not None:
        key = env.get(endpoint.key_variable, "").strip()
        if not key:
            raise KeyMissingError(endpoint.key_variable)
    check_installed((endpoint,))
    if endpoint.provider == "anthropic":
        return _AnthropicConnection(endpoint, key)
    return _OpenAIConnection(endpoint, key)


class _OpenAIConnection:
    def __init__(self, endpoint: Endpoint, key: str) -> None:
        from openai import AsyncOpenAI, Timeout
        from openai.types.audio import Transcription
        from openai.types.chat import ChatCompletionChunk

        self._endpoint = endpoint
        self._client = AsyncOpenAI(
            api_key=key,
            base_url=endpoint.address,
            timeout=Timeout(endpoint.timeout, connect=min(endpoint.timeout, _CONNECT_SECONDS)),
            max_retries=endpoint.retries,
        )
        # The SDK imports its parts, and builds the classes of its answers, when they are first reached for: here, and
        # not on the loop.
        self._completions, self._transcriptions = self._client.chat.completions, self._client.audio.transcriptions
        for model in (ChatCompletionChunk, Transcription):
            model.model_rebuild()

    async def pieces(self, composed: Composed) -> AsyncGenerator[str | Usage, None]:
        from openai import omit

        endpoint, medium = self._endpoint, composed.medium
        if medium is not None and medium.sense == "audio":
            for part in await self._transcript(medium):
                yield part
            return
        messages = _messages((("system", composed.system), *composed.messages), medium, _openai_image)
        # OpenAI's newer models refuse the older name of this limit, which is the one that compatible servers know.
        own = endpoint.provider == "openai" and endpoint.base_url is None
        stream = await self._completions.create(
            model=endpoint.model,
            messages=cast("list[ChatCompletionMessageParam]", messages),
            stream=True,
            stream_options={"include_usage": True},
            max_completion_tokens=endpoint.max_output_tokens if own else omit,
            max_tokens=omit if own else endpoint.max_output_tokens,
        )
        complete = False
        async with stream:
            async for chunk in stream:
                for choice in chunk.choices:
                    complete = complete or choice.finish_reason is not None
                    # Some compatible servers end with a choice that has no delta, whatever the type says.
                    text = getattr(choice.delta, "content", None)
                    if text:
                        yield text
                if chunk.usage is not None:
                    yield Usage(chunk.usage.prompt_tokens, chunk.usage.completion_tokens)
        if not complete:
            raise BrokenOffError

    async def _transcript(self, sound: Medium) -> list[str | Usage]:
        name = f"sound.{sound.mime.partition('/')[2]}"
        # As a file it goes in parts; in one piece it would hold the loop up.
        file = (name, BytesIO(sound.content), sound.mime)
        answer = await self._transcriptions.create(model=self._endpoint.model, file=file, response_format="json")
        # What is no JSON the SDK hands out as text, and JSON of another form without its fields.
        text: object = getattr(answer, "text", None)
        if not isinstance(text, str):
            raise NoAnswerError
        usage: Any = getattr(answer, "usage", None)
        counted = getattr(usage, "type", "") == "tokens"
        return [text, Usage(usage.input_tokens, usage.output_tokens)] if counted else [text]

    async def close(self) -> None:
        await self._client.close()


class _AnthropicConnection:
    def __init__(self, endpoint: Endpoint, key: str) -> None:
        from anthropic import AsyncAnthropic, Timeout, types

        self._endpoint = endpoint
        self._client = AsyncAnthropic(
            api_key=key,
            base_url=endpoint.address,
            timeout=Timeout(endpoint.timeout, connect=min(endpoint.timeout, _CONNECT_SECONDS)),
            max_retries=endpoint.retries,
        )
        self._messages = self._client.messages
        for model in (
            types.Message,
            types.RawMessageStartEvent,
            types.RawContentBlockStartEvent,
            types.RawContentBlockDeltaEvent,
            types.RawContentBlockStopEvent,
            types.RawMessageDeltaEvent,
            types.RawMessageStopEvent,
        ):
            model.model_rebuild()
        with contextlib.suppress(ImportError):
            import opentelemetry.propagate  # noqa: F401 (the SDK wants it with its first request)

    async def pieces(self, composed: Composed) -> AsyncGenerator[str | Usage, None]:
        messages = _messages(composed.messages, composed.medium, _anthropic_image)
        async with self._messages.stream(
            model=self._endpoint.model,
            max_tokens=self._endpoint.max_output_tokens,
            system=composed.system,
            messages=cast("list[MessageParam]", messages),
        ) as stream:
            async for text in stream.text_stream:
                yield text
            message = await stream.get_final_message()
            if message.stop_reason is None:
                raise BrokenOffError
            yield Usage(message.usage.input_tokens, message.usage.output_tokens)

    async def close(self) -> None:
        await self._client.close()


def _messages(
    turns: tuple[tuple[str, str], ...], medium: Medium | None, shown: Callable[[Medium, str], dict[str, Any]]
) -> list[dict[str, Any]]:
    """The turns as both protocols have them; ``medium`` goes before the words of the last one."""
    messages: list[dict[str, Any]] = [{"role": role, "content": text} for role, text in turns]
    if medium is not None:
        data = base64.b64encode(medium.content).decode("ascii")
        messages[-1]["content"] = [shown(medium, data), {"type": "text", "text": messages[-1]["content"]}]
    return messages


def _openai_image(medium: Medium, data: str) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": f"data:{medium.mime};base64,{data}"}}


def _anthropic_image(medium: Medium, data: str) -> dict[str, Any]:
    return {"type": "image", "source": {"type": "base64", "media_type": medium.mime, "data": data}}

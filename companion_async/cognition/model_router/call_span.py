"""One call of a model as an OpenTelemetry span, by the conventions for generative AI. Holds no text of the talk."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from companion_async.cognition.model_router.reply import Usage
from companion_async.cognition.model_router.settings import Endpoint

if TYPE_CHECKING:
    from opentelemetry.trace import Span

_SCOPE = "companion_async"


class CallSpan:
    """Opened with the request, below the span that is current; `close` ends it, once."""

    def __init__(self, endpoint: Endpoint, operation: str = "chat") -> None:
        from opentelemetry import trace

        place = urlsplit(endpoint.address)
        port = place.port or (443 if place.scheme == "https" else 80)
        facts: dict[str, Any] = {
            "gen_ai.operation.name": operation,
            "gen_ai.provider.name": endpoint.provider,
            "gen_ai.request.model": endpoint.model,
            "gen_ai.request.max_tokens": endpoint.max_output_tokens,
            "gen_ai.request.stream": operation == "chat",
            "server.address": place.hostname or "",
            "server.port": port,
        }
        tracer = trace.get_tracer(_SCOPE)
        # Not made the current one: an async generator may be closed in another context than it began in.
        self._span: Span = tracer.start_span(
            f"{operation} {endpoint.model}", kind=trace.SpanKind.CLIENT, attributes=facts
        )
        self._failed = trace.StatusCode.ERROR

    def close(self, error: BaseException | None, usage: Usage | None) -> None:
        """The call is over. Of an error the type alone is told: providers repeat keys and prompts in their messages."""
        if usage is not None:
            self._span.set_attribute("gen_ai.usage.input_tokens", usage.input_tokens)
            self._span.set_attribute("gen_ai.usage.output_tokens", usage.output_tokens)
        if error is not None:
            self._span.set_attribute("error.type", type(error).__name__)
            self._span.set_status(self._failed)
        self._span.end()

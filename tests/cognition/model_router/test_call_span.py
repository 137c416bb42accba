"""Calls of models as spans."""

from __future__ import annotations

import importlib.util

import pytest

from companion_async.brain.brain import Brain
from companion_async.brain.config import BrainConfig
from companion_async.cognition.model_router.module import ModelRouter
from companion_async.cognition.model_router.prompt import Prompt
from companion_async.cognition.model_router.settings import Endpoint, ModelSettings
from companion_async.scheduling.settings import TracingSettings
from tests.cognition.model_router.model_server import serving

trace = pytest.importorskip("opentelemetry.trace", reason="the extra otel is not installed")
sdk = pytest.importorskip("opentelemetry.sdk.trace", reason="opentelemetry-sdk is not installed")
memory = pytest.importorskip("opentelemetry.sdk.trace.export.in_memory_span_exporter")
export = pytest.importorskip("opentelemetry.sdk.trace.export")

pytestmark = [
    pytest.mark.feature("X-13", "CB-40"),
    pytest.mark.skipif(importlib.util.find_spec("openai") is None, reason="the extra llm is not installed"),
]


async def test_a_call_of_a_model_is_a_span_in_the_words_of_the_conventions(monkeypatch):
    """Under the router's run: who was asked for which model, the tokens that the provider counted, and of one that
    failed the type of the error. No text of question, passages or answer.
    """
    exporter = memory.InMemorySpanExporter()
    provider = sdk.TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(export.SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "get_tracer", provider.get_tracer)
    with serving(status=401) as refusing, serving() as fine:
        endpoints = tuple(
            Endpoint(name=name, model=f"{name}-model", base_url=f"{server.url}/v1", retries=0)
            for name, server in (("refusing", refusing), ("fine", fine))
        )
        settings = ModelSettings(endpoints=endpoints)
        async with Brain(BrainConfig(plugins=False, tracing=TracingSettings(enabled=True))) as brain:
            await brain.register(
                "model_router", ModelRouter, factory=lambda: ModelRouter(settings, env={}, traced=True)
            )
            reply = await brain.submit("model_router", "answer", Prompt("How hot is the secret tea?"))
    assert reply.responder == "fine"
    spans = {span.name: span for span in exporter.get_finished_spans()}
    run, failed, call = (spans[name] for name in ("run model_router.answer", "chat refusing-model", "chat fine-model"))
    assert call.parent.span_id == failed.parent.span_id == run.context.span_id
    assert call.kind is trace.SpanKind.CLIENT
    assert dict(call.attributes) == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "fine-model",
        "gen_ai.request.max_tokens": 1024,
        "gen_ai.request.stream": True,
        "gen_ai.usage.input_tokens": 11,
        "gen_ai.usage.output_tokens": 3,
        "server.address": "127.0.0.1",
        "server.port": fine.server_address[1],
    }
    assert failed.attributes["error.type"] == "AuthenticationError"
    assert not failed.status.is_ok
    assert "secret" not in "".join(span.to_json() for span in spans.values())
    provider.shutdown()

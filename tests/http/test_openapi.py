"""The description is true: what it says is what is answered, whatever is asked."""

from __future__ import annotations

from typing import Any

import jsonschema_rs
import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from companion_async.brain.config import BrainConfig
from companion_async.http.openapi import describe
from companion_async.http.operations import OPERATIONS
from companion_async.integrations.fastapi import companion_lifespan, companion_router
from tests.http.servers import GUARDED, OPERATOR, TOKEN, a_brain, client_of

pytestmark = pytest.mark.feature("X-12")


def an_app() -> FastAPI:
    app = FastAPI(lifespan=companion_lifespan(BrainConfig(plugins=False, **GUARDED)))
    app.include_router(companion_router(), prefix="/companion")
    return app


def test_every_operation_is_described_and_nothing_else():
    """The paths of the document are those of the table, each with its body, its fields and its refusals."""
    document = an_app().openapi()
    described = {(path, method.upper()) for path, methods in document["paths"].items() for method in methods}
    assert described == {(f"/companion{op.path.replace(':path', '')}", op.method) for op in OPERATIONS}
    order = document["paths"]["/companion/api/tasks"]["post"]
    fields = order["requestBody"]["content"]["application/json"]["schema"]
    assert fields["required"] == ["module"]
    assert fields["additionalProperties"] is False
    assert set(order["responses"]) == {
        *("202", "400", "401", "403", "404", "408", "409", "413", "415", "421", "422", "429", "503")
    }
    assert order["security"]
    assert "security" not in document["paths"]["/companion/livez"]["get"]
    assert "HTTPValidationError" not in str(document)


def test_descriptions_refer_to_nothing_outside_of_themselves():
    """Each can be put into any document, under any name."""
    for operation in OPERATIONS:
        assert "$ref" not in str(describe(operation))


def asked(examples: int) -> Any:
    """Whatever the description allows, and what it forbids, is answered as it says, by an app that runs."""
    schema: Any = schemathesis.openapi.from_dict(an_app().openapi())
    found = [each.ok() for each in schema.get_all_operations()]
    # A stream has no end, and the page's files are whatever the installation has.
    found = [each for each in found if each.path not in ("/companion/api/events", "/companion/static/{file}")]
    return found, examples


def check(examples: int) -> None:
    operations, examples = asked(examples)
    with TestClient(an_app(), base_url="http://localhost", raise_server_exceptions=True) as client:
        for operation in operations:
            modes = st.one_of(
                operation.as_strategy(generation_mode=schemathesis.GenerationMode.POSITIVE),
                operation.as_strategy(generation_mode=schemathesis.GenerationMode.NEGATIVE),
            )

            @given(modes)
            @settings(max_examples=examples, suppress_health_check=list(HealthCheck))
            def answers(case: Any) -> None:
                sent = case.as_transport_kwargs(base_url="http://localhost")
                headers = {**dict(sent.get("headers") or {}), **OPERATOR}
                answer = client.request(
                    sent["method"], sent["url"], headers=headers, **_content(sent), follow_redirects=False
                )
                described = case.operation.definition.raw["responses"]
                assert str(answer.status_code) in described, (case.method, case.formatted_path, answer.text[:300])
                content = described[str(answer.status_code)].get("content", {})
                media = answer.headers["content-type"].partition(";")[0]
                if content:
                    assert media in content, (case.formatted_path, media)
                if media == "application/json":
                    jsonschema_rs.validate(content[media]["schema"], answer.json())

            answers()


def _content(sent: dict[str, Any]) -> dict[str, Any]:
    kept = {key: sent[key] for key in ("json", "data", "params") if sent.get(key) is not None}
    if not isinstance(kept.get("data", {}), dict):
        kept["content"] = kept.pop("data")  # its own client calls raw bytes data, ours content
    return kept


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_what_is_answered_is_what_is_described():
    """Requests of every kind, right and wrong, for each operation."""
    check(100)


async def test_what_is_usually_answered_is_what_is_described():
    """The answer of every operation, and of most of its refusals, has the form that its description gives it."""
    async with a_brain(**GUARDED) as brain, client_of("serve", brain) as client:
        task = brain.submit("echo")
        await task
        with pytest.raises(ValueError, match="secret"):
            await brain.submit("bad")
        brain.pause("echo", "for the log")
        brain.resume("echo")
        nothing: list[dict[str, Any]] = [{}]
        requests: dict[str, list[dict[str, Any]]] = {
            "task_submit": [
                {"json": {"module": "echo"}},
                {"json": {"module": "nobody"}},
                {"json": {}},
                {"content": b"x"},
            ],
            "ask": [{"json": {"question": "?"}}],
            "sign_in": [{"data": {"token": TOKEN}}, {"data": {"token": "x"}}],
            "events": [{"params": {"kinds": "none"}}],
        }
        for operation in OPERATIONS:
            path = operation.path.replace("{name}", "bad").replace("{task_id}", task.id).replace("{file:path}", "x.js")
            described = describe(operation)["responses"]
            for request in [*requests.get(operation.name, nothing), {"params": {"surplus": "1"}}]:
                for who in (OPERATOR, {}):
                    answer = await client.request(operation.method, path, headers=who, **request)
                    content = described[str(answer.status_code)].get("content", {})
                    media = answer.headers["content-type"].partition(";")[0]
                    assert not content or media in content, (operation.name, media)
                    if media == "application/json":
                        jsonschema_rs.validate(content[media]["schema"], answer.json())

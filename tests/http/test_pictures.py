"""Status, modules, decisions, health and figures over HTTP."""

from __future__ import annotations

import json
import re
import sys

import pytest
from loguru import logger
from prometheus_client.parser import text_string_to_metric_families

from companion_async.http import modules
from companion_async.http.refusal import new_id
from tests.http.servers import GUARDED, KINDS, OPERATOR, READER, a_brain, client_of
from tests.http.test_tasks import data

pytestmark = pytest.mark.feature("X-12")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.feature("CB-31", "CB-33")
async def test_the_status_is_that_of_the_brain(kind):
    """Threads, categories, modules and totals, with the names that the brain's own status has."""
    async with a_brain() as brain, client_of(kind, brain) as client:
        await brain.submit("echo")
        there = brain.status().to_dict()
        shown = await data(client.get("/api/threads/status"))
        assert set(shown) == set(there)
        assert shown["stats"] == there["stats"]
        assert shown["categories"]["core"]["max"] == brain.status().categories["core"].max
        assert shown["module_threads"]["echo"]["tasks_completed"] == 1
        listed = await data(client.get("/api/modules"))
        assert [module["name"] for module in listed] == ["bad", "echo"]
        one = await data(client.get("/api/modules/echo"))
        assert one["run_seconds"] == brain.module_status("echo").to_dict()["run_seconds"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.feature("CB-31", "CB-30")
async def test_the_last_fifty_decisions_unless_asked_for_another_number(kind):
    """Newest last, with reasons; no more than are kept."""
    async with a_brain() as brain, client_of(kind, brain) as client:
        for number in range(40):
            brain.pause("echo", f"pause {number}")
            brain.resume("echo", f"resume {number}")
        last = await data(client.get("/api/threads/decisions"))
        assert len(last) == 50
        assert last[-1]["reason"] == "resume 39"
        assert [each["decision_id"] for each in last] == sorted(each["decision_id"] for each in last)
        assert len(await data(client.get("/api/threads/decisions?limit=3"))) == 3
        assert len(await data(client.get("/api/threads/decisions?limit=1000"))) == 80


@pytest.mark.parametrize("kind", KINDS)
async def test_a_persons_word_goes_into_the_log_with_its_reason(kind):
    """Pause, resume and restart act, answer with the module as it is then, and are decisions with the reason given."""
    async with a_brain() as brain, client_of(kind, brain) as client:
        paused = await data(client.post("/api/modules/echo/pause", json={"reason": "  it is too loud "}))
        assert paused["state"] == "paused"
        assert (await data(client.post("/api/modules/echo/resume", json={"reason": "enough"})))["state"] == "running"
        assert (await data(client.post("/api/modules/echo/restart")))["restarts"] == 1
        log = [(each.type, each.context, each.reason) for each in brain.decisions()]
        assert log == [
            ("pause", "echo", "it is too loud"),
            ("resume", "echo", "enough"),
            ("restart", "echo", modules._UNSAID),
        ]
        assert (await client.post("/api/modules/echo/pause", json={"reason": "x" * 501})).status_code == 422
        assert (await client.post("/api/modules/echo/pause", json={"why": "x"})).status_code == 422


@pytest.mark.parametrize("kind", KINDS)
async def test_a_module_that_takes_no_work_is_409(kind):
    """What is stopped is told as a conflict, without the text of whatever stopped it."""

    class Broken:
        def start(self) -> None:
            raise ValueError("the secret text")

        def run(self) -> None: ...

    async with a_brain() as brain, client_of(kind, brain) as client:
        await brain.register("broken", Broken)
        shown = await data(client.get("/api/modules/broken"))
        assert shown["state"] in ("error", "initializing")
        assert "secret" not in json.dumps(shown)
        assert brain._parts is not None
        await brain._parts.roster.registry.get("broken").quarantine("it had the secret text")
        refused = await client.post("/api/tasks", json={"module": "broken"})
        assert refused.status_code == 409
        assert "secret" not in refused.text


@pytest.mark.parametrize("kind", KINDS)
async def test_errors_have_type_id_and_time_and_the_log_has_the_text(kind):
    """A module's errors hold no text, for operators neither unless the config says so; the id is the log's."""
    lines: list[str] = []
    logger.enable("companion_async")
    logger.add(lines.append, level="WARNING", format="{message}")
    for exposes in (False, True):
        async with a_brain(expose_errors=exposes, **GUARDED) as brain, client_of(kind, brain) as client:
            with pytest.raises(ValueError, match="secret"):
                await brain.submit("bad")
            for who, sees in ((READER, False), (OPERATOR, exposes)):
                answer = await client.get("/api/modules/bad", headers=who)
                (error,) = answer.json()["data"]["errors"]
                assert {"type", "id", "timestamp"} <= set(error)
                assert ("secret" in answer.text) is sees
                assert any(error["id"] in line and "secret" in line for line in lines)


@pytest.mark.parametrize("kind", KINDS)
async def test_what_fails_inside_is_an_id_and_nothing_else(kind, monkeypatch):
    """An error of ours is 500 with an id; its text and traceback stand in the log under that id."""
    lines: list[str] = []
    logger.enable("companion_async")
    logger.add(lines.append, level="ERROR", format="{message}")
    for exposes in (False, True):
        async with a_brain(expose_errors=exposes, **GUARDED) as brain, client_of(kind, brain) as client:
            monkeypatch.setattr(brain, "status", lambda: 1 / 0)
            for who, sees in ((READER, False), (OPERATOR, exposes)):
                answer = await client.get("/api/threads/status", headers=who)
                error = answer.json()["error"]
                assert (answer.status_code, error["code"]) == (500, "internal_error")
                assert ("division" in answer.text) is sees
                assert any(error["id"] in line and "ZeroDivisionError" in line for line in lines)
    assert len({new_id() for _ in range(100)}) == 100


@pytest.mark.parametrize("kind", KINDS)
async def test_alive_and_ready_are_two_questions(kind):
    """A brain that ends is alive and not ready; everything else is 503 with a time to come back, and costs nobody."""
    async with a_brain(**GUARDED) as brain, client_of(kind, brain) as client:
        assert (await data(client.get("/livez"))) == {"status": "alive"}
        assert (await data(client.get("/readyz"))) == {"status": "ready"}
        await brain.shutdown()
        assert (await client.get("/livez")).status_code == 200
        for path in ("/readyz", "/api/modules", "/metrics", "/api/events"):
            answer = await client.get(path, headers=OPERATOR)
            assert answer.status_code == 503, path
            assert answer.headers["retry-after"] == "1"
        assert (await client.get("/api/modules")).status_code == 401


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.feature("X-13")
async def test_figures_for_prometheus(kind):
    """They parse, agree with the status, follow the conventions for names, and have no ids in their labels."""
    async with a_brain(**GUARDED) as brain, client_of(kind, brain) as client:
        for _ in range(3):
            task = brain.submit("echo")
            await task
        with pytest.raises(ValueError, match="secret"):
            await brain.submit("bad")
        brain.submit("echo", timeout=5).cancel()
        assert (await client.get("/metrics")).status_code == 401
        answer = await client.get("/metrics", headers=READER)
        assert answer.headers["content-type"].startswith("text/plain")
        families = {family.name: family for family in text_string_to_metric_families(answer.text)}
        samples = {
            (sample.name, *sample.labels.values()): sample.value
            for family in families.values()
            for sample in family.samples
        }
        assert samples["companion_tasks_total", "echo", "completed"] == 3
        assert samples["companion_tasks_total", "bad", "failed"] == 1
        assert samples["companion_tasks_total", "bad", "timed_out"] == 0
        assert samples["companion_tasks_total", "echo", "cancelled"] == 1
        assert samples["companion_run_seconds_count", "echo"] == 3
        assert 0 < samples["companion_run_seconds_sum", "echo"] < 60
        assert families["companion_run_seconds"].type == "summary"
        assert samples["companion_run_seconds", "echo", "0.5"] > 0
        assert samples["companion_thread_limit", "core"] == brain.status().categories["core"].max
        assert samples["companion_module_state", "echo", "running"] == 1
        assert samples["companion_max_threads",] == 50
        for name, family in families.items():
            assert re.fullmatch(r"companion_[a-z0-9_]+", name)
            assert family.documentation
            assert not name.endswith(("_ms", "_percent", "_created"))
            labels = {label for sample in family.samples for label in sample.labels}
            assert labels <= {"category", "module", "outcome", "quantile", "state"}
        assert task.id not in answer.text
        modern = await client.get("/metrics", headers={**READER, "accept": "application/openmetrics-text"})
        assert modern.text.endswith("# EOF\n")


@pytest.mark.feature("X-13")
async def test_without_prometheus_its_figures_say_what_to_install(monkeypatch):
    """Everything else works, and /metrics names the line to type."""
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    async with a_brain() as brain, client_of("serve", brain) as client:
        answer = await client.get("/metrics")
        assert answer.status_code == 501
        assert "pip install 'companion-async[metrics]'" in answer.json()["error"]["message"]
        assert (await client.get("/api/modules")).status_code == 200

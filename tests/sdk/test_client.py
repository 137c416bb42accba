"""The companion for programs without a loop."""

from __future__ import annotations

import json
import threading
from datetime import datetime, timedelta
from typing import Any

import pytest

from companion_async.brain.config import BrainConfig
from companion_async.companion.companion import CompanionBrain
from companion_async.errors import (
    BrainClosedError,
    InvalidArgumentError,
    MissingExtraError,
    TaskCancelledError,
    TaskTimeoutError,
    UnknownModuleError,
    UnknownTargetError,
    UnknownTaskError,
)
from companion_async.sdk.client import BrainClient
from tests.sdk.actors import PATIENCE

SYSTEM = {
    "enabled",
    "total_threads",
    "active_threads",
    "max_threads",
    "auto_scaling",
    "uptime",
    "categories",
    "module_threads",
    "stats",
}
MODULE = {
    "thread_id",
    "name",
    "category",
    "state",
    "priority",
    "tasks_completed",
    "tasks_failed",
    "success_rate",
    "uptime",
    "queue_size",
    "last_activity",
    "is_alive",
    "errors",
}
STATS = {
    "total_threads_created",
    "total_tasks_completed",
    "total_tasks_failed",
    "threads_auto_scaled",
    "threads_restarted",
    "uptime_start",
}


@pytest.fixture
def client(gate):
    client = BrainClient(app_type="chatbot")
    yield client
    gate.open()
    client.shutdown(5)


@pytest.mark.feature("CB-30", "CB-27", "CB-33")
def test_the_status_has_the_documented_keys(client):
    """Keys and types are those of the documents, all of it is JSON, and the modules' names are the keys of the map."""
    status = client.get_thread_status()
    assert status.keys() == SYSTEM
    assert json.loads(json.dumps(status)) == status
    assert (status["enabled"], status["max_threads"], status["auto_scaling"]) == (True, 50, True)
    assert {"model_router", "context_manager", "knowledge_retriever", "search_engine"} <= status[
        "module_threads"
    ].keys()
    for module in status["module_threads"].values():
        assert module.keys() == {"state", "tasks_completed", "success_rate", "uptime", "queue_size"}
    assert {name: category["max"] for name, category in status["categories"].items()} == {
        "core": 10,
        "phase1": 5,
        "phase2": 5,
        "phase3": 8,
        "phase4": 6,
        "phase5": 4,
        "advanced": 8,
        "agi": 6,
        "monitoring": 3,
    }
    assert all(category.keys() == {"active", "total", "max"} for category in status["categories"].values())
    assert status["stats"].keys() == STATS


@pytest.mark.feature("CB-30", "CB-06", "CB-23", "CB-26")
def test_work_is_done_and_counted(client):
    """A callable runs in the module's place with its arguments, and module and system know of it."""
    task_id = client.submit_task_to_module(
        module_name="search_engine", function=lambda a, b=0: a + b, args=(1,), kwargs={"b": 2}, priority="high"
    )
    assert client.get_task_result(task_id) == 3
    assert client.get_task_status(task_id) == "completed"
    failed = client.submit_task_to_module("search_engine", lambda: dict[str, int]()["missing"], priority="CRITICAL")
    with pytest.raises(KeyError):
        client.get_task_result(failed)
    assert client.get_task_status(failed) == "failed"
    status = client.get_module_thread_status("search_engine")
    assert (status["tasks_completed"], status["tasks_failed"], status["success_rate"]) == (1, 1, 0.5)
    assert client.get_thread_status()["module_threads"]["search_engine"]["tasks_completed"] == 1
    stats = client.get_thread_status()["stats"]
    assert (stats["total_tasks_completed"], stats["total_tasks_failed"]) == (1, 1)


@pytest.mark.feature("CB-30", "CB-24")
def test_one_module_s_status_is_as_documented(client):
    """Every key is there and JSON; the errors are texts that name their task; an unknown module is None."""
    task_id = client.submit_task_to_module("model_router", lambda: 1 / 0)
    client.get_task_future(task_id).exception()
    status = client.get_module_thread_status("model_router")
    assert status.keys() == MODULE
    assert json.loads(json.dumps(status)) == status
    assert (status["name"], status["category"], status["state"], status["priority"]) == (
        "model_router",
        "core",
        "running",
        1,
    )
    assert status["is_alive"] is True
    assert status["errors"] == [f"Task {task_id}: ZeroDivisionError: division by zero"]
    assert len(status["thread_id"]) == 8
    assert client.get_module_thread_status("model_router")["thread_id"] == status["thread_id"]
    assert client.get_module_thread_status("nobody") is None


@pytest.mark.feature("CB-30")
def test_last_activity_is_a_local_moment_and_never_none(client):
    """Before the first task it is the start; it compares with datetime.now(), also after the shutdown."""
    before = datetime.now()
    for _ in range(2):
        last = datetime.fromisoformat(client.get_module_thread_status("search_engine")["last_activity"])
        assert last.tzinfo is None
        assert abs(last - before) < timedelta(seconds=60)
        client.get_task_result(client.submit_task_to_module("search_engine", int))
    start = datetime.fromisoformat(client.get_thread_status()["stats"]["uptime_start"])
    assert abs(start - before) < timedelta(seconds=60)
    first = client.get_module_thread_status("context_manager")["last_activity"]
    client.shutdown()
    status = client.get_module_thread_status("context_manager")
    assert (status["state"], status["is_alive"]) == ("stopped", False)
    assert client.get_module_thread_status("context_manager")["last_activity"] == status["last_activity"]
    assert abs(datetime.fromisoformat(status["last_activity"]) - datetime.fromisoformat(first)) < timedelta(seconds=1)


@pytest.mark.feature("CB-30", "CB-12", "CB-13")
def test_a_module_can_be_paused_and_resumed(client):
    """Its work is held meanwhile; both say whether there is such a module."""
    assert client.pause_module("search_engine") is True
    task_id = client.submit_task_to_module("search_engine", lambda: "ran")
    assert client.get_module_thread_status("search_engine")["state"] == "paused"
    assert client.get_task_status(task_id) == "queued"
    assert client.resume_module("search_engine") is True
    assert client.get_task_result(task_id, PATIENCE) == "ran"
    assert client.pause_module("nobody") is False
    assert client.resume_module("nobody") is False


@pytest.mark.feature("CB-30", "CB-21")
def test_decisions_have_the_documented_keys(client):
    """Number, type, what it is about, data with the reason, and a local moment; the newest last."""
    desk = client._desk
    assert client.get_thread_decisions() == []
    for n in range(3):
        desk.portal.call(desk.brain.pause, "search_engine", f"reason {n}")
        desk.portal.call(desk.brain.resume, "search_engine")
    decisions = client.get_thread_decisions()
    assert json.loads(json.dumps(decisions)) == decisions
    assert [decision["decision_id"] for decision in decisions] == [1, 2, 3]
    for n, decision in enumerate(decisions):
        assert decision.keys() == {"decision_id", "type", "context", "data", "timestamp"}
        assert (decision["type"], decision["context"]) == ("pause", "search_engine")
        assert decision["data"]["reason"] == f"reason {n}"
        assert abs(datetime.fromisoformat(decision["timestamp"]) - datetime.now()) < timedelta(seconds=60)


@pytest.mark.feature("CB-06", "CB-11")
def test_tasks_take_the_runtime_s_options_and_can_be_cancelled(client, gate):
    """Limits, retries and dependencies reach the brain; a task that runs is given up at once when it is cancelled."""
    tries = []

    def flaky():
        tries.append(1)
        if len(tries) < 3:
            raise OSError("not yet")
        return len(tries)

    flaky_id = client.submit_task_to_module("search_engine", flaky, retry=3)
    held = client.submit_task_to_module("search_engine", gate, timeout=None)
    after = client.submit_task_to_module("search_engine", lambda: "after", after=[held])
    limited = client.submit_task_to_module("search_engine", gate, timeout=0.01)
    assert client.get_task_result(flaky_id, PATIENCE) == 3
    with pytest.raises(TaskTimeoutError):
        client.get_task_result(limited, PATIENCE)
    assert client.get_task_status(after) == "blocked"
    assert client.cancel_task(held, "no need") is True
    with pytest.raises(TaskCancelledError, match="no need"):
        client.get_task_result(held, PATIENCE)
    assert client.cancel_task("nothing") is False
    assert client.get_task_status("nothing") is None
    with pytest.raises(UnknownTaskError):
        client.get_task_result("nothing")


@pytest.mark.feature("CB-30")
def test_whatever_is_wrong_is_refused_where_it_is_submitted(client):
    """Unknown modules, handlers and priorities, and arguments that could not be passed on."""
    with pytest.raises(UnknownModuleError):
        client.submit_task_to_module("nobody", int)
    with pytest.raises(UnknownTargetError):
        client.submit_task_to_module("search_engine", "__init__")
    asked = {"module_name": "search_engine", "function": int}
    bad: list[dict[str, Any]] = [{"priority": "urgent"}, {"args": "text"}, {"kwargs": [1]}, {"function": 3}]
    for wrong in (*bad, {"timeout": float("nan")}):
        with pytest.raises(InvalidArgumentError):
            client.submit_task_to_module(**(asked | wrong))
    config: Any
    for config in ({"max_thread": 3}, {"max_threads": 0}, {"knowledge": 3}, 3):
        with pytest.raises(InvalidArgumentError):
            BrainClient(config=config)


def test_what_a_user_has_to_mend_is_raised_and_no_reason_to_work_without_a_brain(monkeypatch):
    """A companion that refuses to start for a reason of its own says it to whoever made the client."""

    async def refuse(brain):
        raise MissingExtraError("llm", "an endpoint")

    monkeypatch.setattr(CompanionBrain, "start", refuse)
    with pytest.raises(MissingExtraError):
        BrainClient()


@pytest.mark.feature("CB-30")
@pytest.mark.parametrize("config", [BrainConfig(max_threads=7), {"max_threads": 7}], ids=["struct", "mapping"])
def test_the_config_is_the_runtime_s(config):
    """A config is taken as a struct or as a mapping of its keys."""
    with BrainClient(config=config) as client:
        assert client.get_thread_status()["max_threads"] == 7


@pytest.mark.feature("CB-30")
def test_without_search_there_is_no_module_that_searches():
    """The flag leaves both search modules out; the rest is there."""
    with BrainClient(enable_search=False) as client:
        modules = client.get_thread_status()["module_threads"].keys()
        assert not {"search_engine", "knowledge_retriever"} & modules
        assert "model_router" in modules


@pytest.mark.feature("CB-30", "CB-01")
@pytest.mark.parametrize(
    ("flags", "there"),
    [
        ({}, set()),
        ({"enable_agi": True}, {"personality_engine", "self_learning"}),
        ({"enable_agi": True, "enable_learning": False}, {"personality_engine"}),
    ],
    ids=["by default", "agi", "agi that does not learn"],
)
def test_modules_of_the_agi_category_are_asked_for(flags, there):
    """As documented they are there with the flag only, those that learn unless learning is switched off."""
    with BrainClient(**flags) as client:
        modules = client.get_thread_status()["module_threads"].keys()
        assert client._desk is not None
        not_installed = client._desk.brain.modules_off.keys()
        assert {"personality_engine", "self_learning"} & modules == there - not_installed


@pytest.mark.feature("CB-29", "CB-30")
def test_the_shutdown_drains_reports_and_leaves_the_figures(client):
    """Accepted work ends, all threads are gone, and what was known can still be asked for; new work is refused."""
    ids = [client.submit_task_to_module("search_engine", pow, args=(2, n)) for n in range(20)]
    report = client.shutdown(timeout=15.0)
    assert (report.cancelled, report.abandoned) == (0, 0)
    assert client.shutdown() is report
    assert [client.get_task_result(task_id) for task_id in ids] == [2**n for n in range(20)]
    assert client.get_thread_status()["stats"]["total_tasks_completed"] == 20
    assert not [thread for thread in threading.enumerate() if "companion" in thread.name]
    with pytest.raises(BrainClosedError):
        client.submit_task_to_module("search_engine", int)


@pytest.mark.feature("CB-57", "CB-30")
def test_it_reads_and_answers_with_its_sources(client, tmp_path):
    """Ask, chat and think go through the companion's modules, and a conversation is remembered."""
    (tmp_path / "sluice.md").write_text(
        "# The sluice\n\nThe sluice at Tarnow is opened with the brass key that hangs behind the miller's door.\n"
    )
    learned = client.learn(tmp_path)
    assert learned.documents == 1
    for answer in (client.ask("How is the sluice at Tarnow opened?"), client.think("What opens the sluice at Tarnow?")):
        assert "brass key" in answer.text
        assert "sluice.md" in answer.sources[0].location
    client.chat("How is the sluice at Tarnow opened?", conversation="mill")
    assert [turn.role for turn in client.history("mill")] == ["user", "assistant"]
    assert client.get_module_thread_status("knowledge_retriever")["tasks_completed"] >= 3


@pytest.mark.feature("CB-56", "CB-30")
def test_an_answer_streams_to_a_thread(client, tmp_path):
    """Pieces come before the whole; the whole is the answer that `ask` gives; leaving early ends the request."""
    (tmp_path / "lock.md").write_text("# The lock\n\nThe lock at Tarnow is oiled with goose fat by the lock keeper.\n")
    client.learn(tmp_path)
    *pieces, whole = client.stream("How is the lock at Tarnow oiled?", conversation="mill")
    assert "".join(piece.text for piece in pieces).startswith(whole.text[:20])
    assert "goose fat" in whole.text
    assert [turn.role for turn in client.history("mill")] == ["user", "assistant"]
    for _ in client.stream("How is the lock at Tarnow oiled?", conversation="mill"):
        break
    assert len(client.history("mill")) == 2
    client.shutdown()
    with pytest.raises(BrainClosedError):
        next(client.stream("How is the lock at Tarnow oiled?"))


@pytest.mark.feature("CB-56")
def test_leaving_a_stream_ends_its_request_at_once(client, monkeypatch):
    """Not when the garbage is collected: whoever has left the loop knows that nobody works for it any more."""
    ended, kept = list[Any](), list[Any]()

    async def endless():
        try:
            while True:
                yield len(kept)
        finally:
            ended.append(True)

    def stream(self, question, **options):
        kept.append(endless())
        return kept[-1]

    monkeypatch.setattr(CompanionBrain, "stream", stream)
    for _ in client.stream("anything?"):
        break
    assert ended == [True]

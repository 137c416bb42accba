"""Tasks over HTTP."""

from __future__ import annotations

import sys
import threading

import pytest

from companion_async.brain.brain import Brain
from companion_async.brain.config import BrainConfig
from companion_async.errors import TaskTimeoutError
from companion_async.scheduling.context import current_task
from companion_async.security import SecuritySettings
from tests.http.servers import GUARDED, KINDS, OPERATOR, READER, a_brain, client_of
from tests.processes import work

pytestmark = pytest.mark.feature("X-12")


async def data(awaitable):
    answer = await awaitable
    assert answer.is_success, answer.text
    return answer.json()["data"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.feature("U-1")
async def test_a_handler_is_submitted_by_name_and_its_result_fetched(kind):
    """Arguments travel as JSON; the answer names the task, whose page has the result and the way it went."""
    async with a_brain() as brain, client_of(kind, brain) as client:
        order = {"module": "echo", "args": [1, "ü", None], "kwargs": {"deep": [{"a": 1.5}]}, "priority": "HIGH"}
        answer = await client.post("/api/tasks", json=order)
        assert answer.status_code == 202
        accepted = answer.json()["data"]
        assert set(accepted) == {"id", "module", "state"}
        assert accepted["module"] == "echo"
        await brain.task(accepted["id"])
        task = await data(client.get(f"/api/tasks/{accepted['id']}"))
        assert task["state"] == "completed"
        assert task["priority"] == "high"
        assert task["result"] == [1, "ü", None, ["deep", [{"a": 1.5}]]]
        assert task["error"] is None
        assert [step["state"] for step in task["history"]] == ["queued", "running", "completed"]


@pytest.mark.parametrize("kind", KINDS)
async def test_a_failure_is_told_by_code_and_id_and_not_by_its_text(kind):
    """`error` has a code, the type and the id under which the log has the text; operators see it if they may."""
    for exposes in (False, True):
        async with a_brain(expose_errors=exposes, **GUARDED) as brain, client_of(kind, brain) as client:
            task = brain.submit("bad")
            with pytest.raises(ValueError, match="secret"):
                await task
            for who, sees in ((READER, False), (OPERATOR, exposes)):
                shown = await data(client.get(f"/api/tasks/{task.id}", headers=who))
                error = shown["error"]
                assert (error["code"], error["type"], error["id"]) == ("task_failed", "ValueError", task.id)
                assert ("message" in error) is sees
                assert ("secret" in str(shown)) is sees
            gone = brain.submit("echo", timeout=5)
            gone.cancel()
            assert (await data(client.get(f"/api/tasks/{gone.id}", headers=READER)))["error"][
                "code"
            ] == "task_cancelled"


@pytest.mark.parametrize("kind", KINDS)
async def test_what_is_not_there_is_404(kind):
    """Unknown modules, targets and tasks; private names and attributes are no targets."""
    async with a_brain() as brain, client_of(kind, brain) as client:
        for order in (
            {"module": "nobody"},
            {"module": "echo", "target": "stop"},
            {"module": "echo", "target": "__init__"},
            {"module": "echo", "target": "run.__call__"},
        ):
            answer = await client.post("/api/tasks", json=order)
            assert answer.status_code == 404, order
            assert answer.json()["error"]["code"] in ("unknown_module", "unknown_target")
        for path in ("/api/tasks/none-1", "/api/tasks/%2e%2e", "/api/tasks/1", "/api/modules/nobody"):
            assert (await client.get(path)).status_code == 404, path
        assert (await client.delete("/api/tasks/none-1")).status_code == 404
        assert (await client.post("/api/modules/nobody/restart")).status_code == 404


@pytest.mark.parametrize("kind", KINDS)
async def test_all_pages_together_are_all_tasks_once(kind):
    """Following `next` from page to page meets each task once, newest first, although more arrive meanwhile."""
    async with a_brain() as brain, client_of(kind, brain) as client:
        there = [brain.submit("echo", "run", number) for number in range(25)]
        for task in there:
            await task
        met, cursor = [], ""
        while cursor is not None:
            page = await data(client.get(f"/api/tasks?state=completed&module=echo&limit=7&cursor={cursor}"))
            met += [task["id"] for task in page["tasks"]]
            cursor = page["next"]
            await brain.submit("echo")
        assert met == [task.id for task in reversed(there)]
        assert (await data(client.get("/api/tasks?state=failed"))) == {"tasks": [], "next": None}
        assert (await client.get("/api/tasks?cursor=none-1")).status_code == 422


@pytest.mark.parametrize("kind", KINDS)
async def test_a_task_is_cancelled_once(kind):
    """DELETE cancels what has not ended; what has ended stays as it is, and both are 200."""
    async with a_brain() as brain, client_of(kind, brain) as client:
        brain.pause("echo")
        task = brain.submit("echo")
        assert await data(client.delete(f"/api/tasks/{task.id}")) == {
            "id": task.id,
            "state": "cancelled",
            "cancelled": True,
        }
        assert (await data(client.delete(f"/api/tasks/{task.id}")))["cancelled"] is False


@pytest.mark.parametrize("kind", KINDS)
async def test_a_full_queue_is_429_with_a_time_to_come_back(kind):
    """Retry-After is a whole number of seconds, and nothing is kept of what was refused."""
    async with a_brain(queue_capacity=1) as brain, client_of(kind, brain) as client:
        brain.pause("echo")
        assert (await client.post("/api/tasks", json={"module": "echo"})).status_code == 202
        refused = await client.post("/api/tasks", json={"module": "echo"})
        assert (refused.status_code, refused.json()["error"]["code"]) == (429, "queue_full")
        assert int(refused.headers["retry-after"]) >= 1
        assert len(brain.tasks()) == 1


@pytest.mark.parametrize("kind", KINDS)
async def test_one_key_is_one_task(kind):
    """A client that asks again under the same key gets the task that it has."""
    async with a_brain() as brain, client_of(kind, brain) as client:
        ids = [(await data(client.post("/api/tasks", json={"module": "echo", "key": "k"})))["id"] for _ in range(3)]
        assert len(set(ids)) == 1
        assert len(brain.tasks()) == 1


@pytest.mark.parametrize("kind", KINDS)
async def test_results_that_are_no_json_are_left_out(kind):
    """An object, a deep nest or a huge result does not fail the request: what was left out is said."""

    def odd(what: str) -> object:
        nest: list[object] = []
        for _ in range(100_000 if what == "deep" else 0):
            nest = [nest]
        return {"object": object(), "huge": "x" * 2_000_000, "deep": nest, "nan": float("nan")}[what]

    async with a_brain() as brain, client_of(kind, brain) as client:
        await brain.register("odd", odd)
        for what, omitted in (("object", "no JSON"), ("huge", "more than"), ("deep", "no JSON"), ("nan", None)):
            task = brain.submit("odd", "run", what)
            await task
            shown = await data(client.get(f"/api/tasks/{task.id}"))
            assert shown["result"] is None
            assert (shown["omitted"] is None) if omitted is None else (omitted in shown["omitted"])


async def test_progress_shows():
    """What the work tells of itself is on its page while it runs."""
    told, go_on = threading.Event(), threading.Event()

    def slow() -> None:
        current_task().progress(0.25, "a quarter")
        told.set()
        go_on.wait(30)

    async with Brain(BrainConfig(plugins=False)) as brain, client_of("serve", brain) as client:
        await brain.register("slow", slow)
        task = brain.submit("slow")
        await brain.to_thread(told.wait, 5)
        shown = await data(client.get(f"/api/tasks/{task.id}"))
        assert (shown["state"], shown["fraction"], shown["message"]) == ("running", 0.25, "a quarter")
        go_on.set()
        await task


@pytest.mark.parametrize("kind", KINDS)
async def test_one_task_tells_what_it_was_called_with_and_who_waits_for_whom(kind):
    """To operators where errors are exposed: arguments while it lives, and of one that failed afterwards, with the
    traceback. To all: those that it waited for, and those that waited for it, with their states.
    """
    gate = threading.Event()

    def waits(path, password):
        gate.wait(30)
        raise LookupError(path)

    async with a_brain(expose_errors=True, **GUARDED) as brain, client_of(kind, brain) as client:

        async def look(task, who=OPERATOR):
            return await data(client.get(f"/api/tasks/{task.id}", headers=who))

        await brain.register("waits", waits)
        first = brain.submit("waits", "run", "a.png", "hunter2")
        second = brain.submit("echo", after=first, on_upstream_failure="run")
        living = await look(first)
        assert living["arguments"] == [{"name": "path", "value": "'a.png'"}, {"name": "password", "value": "***"}]
        assert living["upstream"] == []
        assert living["downstream"] == [{"id": second.id, "module": "echo", "target": "run", "state": "blocked"}]
        gate.set()
        await second
        failed = await look(first)
        assert failed["arguments"] == living["arguments"]
        assert failed["error"]["traceback"].endswith("LookupError: a.png\nin task " + f"{first.id} (waits.run)")
        assert "gate.wait" not in failed["error"]["traceback"]
        assert "raise LookupError(path)" in failed["error"]["traceback"]
        completed = await look(second)
        assert completed["on_upstream_failure"] == "run"
        assert completed["upstream"] == [{"id": first.id, "module": "waits", "target": "run", "state": "failed"}]
        assert completed["arguments"] is None
        assert "keep_arguments" in completed["withheld"]
        told = await look(first, READER)
        assert told["arguments"] is None
        assert "operators" in told["withheld"]
        assert not {"traceback", "message"} & set(told["error"])


async def test_what_ran_and_did_not_complete_keeps_a_text_of_its_arguments():
    """One that passed its limit and one that was cancelled while it ran, which hold nothing of them; not one that was
    cancelled before.
    """
    began, gate = threading.Semaphore(0), threading.Event()

    def waits(path, token):
        began.release()
        gate.wait(30)

    async with a_brain(expose_errors=True) as brain, client_of("serve", brain) as client:
        await brain.register("waits", waits)
        late = brain.submit("waits", "run", "a.png", "hunter2", timeout=0.05)
        stopped = brain.submit("waits", "run", "b.png", "hunter2")
        for _ in range(2):
            await brain.to_thread(began.acquire)
        never = brain.submit("waits", "run", "c.png", "hunter2", after=stopped)
        with pytest.raises(TaskTimeoutError):
            await late
        never.cancel()
        stopped.cancel()
        for task, path in ((late, "'a.png'"), (stopped, "'b.png'")):
            told = await data(client.get(f"/api/tasks/{task.id}"))
            assert [each["value"] for each in told["arguments"]] == [path, "***"]
            assert task.args == ()
        told = await data(client.get(f"/api/tasks/{never.id}"))
        assert (told["arguments"], "before it ran" in told["withheld"]) == (None, True)
        gate.set()


@pytest.mark.parametrize("handler", ["run", "run_async"])
async def test_arguments_of_completed_tasks_are_kept_where_that_is_asked_for(handler):
    """With `security.keep_arguments` a text of them, but for modules that are hidden; the values are let go."""

    class Works:
        def run(self, path):
            return path

        async def run_async(self, path):
            return path

    keeping = SecuritySettings(keep_arguments=True, hidden_arguments=("hidden",))
    async with a_brain(expose_errors=True, security=keeping) as brain, client_of("serve", brain) as client:
        for module in ("works", "hidden"):
            await brain.register(module, Works)
        tasks = [brain.submit(module, handler, "a.png") for module in ("works",) * 20 + ("hidden",)]
        for task in tasks:
            await task
            told = await data(client.get(f"/api/tasks/{task.id}"))
            kept = [{"name": "path", "value": "'a.png'"}] if task.module == "works" else None
            assert told["arguments"] == kept
            assert task.args == ()
        assert task.more is None or task.more.shown is None


async def test_the_config_hides_what_a_module_is_called_with():
    """`security.hidden_arguments` names modules of which nobody is shown it."""
    hidden = SecuritySettings(hidden_arguments=("bad",))
    async with a_brain(expose_errors=True, security=hidden) as brain, client_of("serve", brain) as client:
        task = brain.submit("bad", "run", "the secret text")
        with pytest.raises(ValueError, match="secret"):
            await task
        told = await data(client.get(f"/api/tasks/{task.id}"))
        assert told["arguments"] is None
        assert told["withheld"] == "The config hides what this module is called with."


async def test_only_so_many_relatives_are_told():
    """Of a task that thousands wait for a hundred are named, in the order in which they came."""
    gate = threading.Event()
    async with a_brain(queue_capacity=5000) as brain, client_of("serve", brain) as client:
        first = brain.submit("echo", lambda: gate.wait(30))
        waiting = [brain.submit("echo", after=first) for _ in range(3000)]
        told = await data(client.get(f"/api/tasks/{first.id}"))
        assert [each["id"] for each in told["downstream"]] == [task.id for task in waiting[:100]]
        gate.set()
        await waiting[-1]


@pytest.mark.skipif(sys.platform == "win32", reason="there are no module processes")
async def test_what_is_packed_for_a_process_is_not_shown():
    """Its arguments are bytes by then, and to unpack them would run code; the page says so."""
    async with a_brain(expose_errors=True) as brain, client_of("serve", brain) as client:
        await brain.register("apart", work.pid, offload="process")
        task = brain.submit("apart", timeout=5)
        told = await data(client.get(f"/api/tasks/{task.id}"))
        task.cancel()
        assert told["arguments"] is None
        assert "process of its own" in told["withheld"]

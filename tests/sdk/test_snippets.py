"""The documents' own snippets, run as they stand there but for their import lines."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from companion_async.sdk import BaseModule, BrainClient, ConcurrentModuleManager, ModuleTask, Priority, TaskScheduler
from tests.sdk.actors import PATIENCE

SNIPPETS = Path(__file__).parent / "snippets"


def read(document):
    """The snippets of a document, by the heading that each stands under."""
    text = (SNIPPETS / document).read_text(encoding="utf-8")
    return dict(re.findall(r"^## (.+?)\n\n```python\n(.*?)^```$", text, re.DOTALL | re.MULTILINE))


class Anything(BaseModule):
    """Has every method that the documents call."""

    def run(self):
        return "ran"

    gather_data = process_data = perceive = method = run


class Application:
    """Stands for the web framework: it keeps the functions, and its answers are JSON."""

    def __init__(self):
        self.routes = {}

    def route(self, path, methods):
        assert methods == ["GET"]
        return lambda function: self.routes.setdefault(path, function)


@pytest.fixture
def run(monkeypatch):
    """Runs snippets one after the other in one namespace; ends every facade that they make."""
    made: list[Any] = []
    for cls in (BrainClient, ConcurrentModuleManager):
        start = cls.__init__

        def noted(self, *args, start=start, **options):
            start(self, *args, **options)
            made.append(self)

        monkeypatch.setattr(cls, "__init__", noted)

    def run(document, *headings, **names):
        snippets = read(document)
        assert headings
        for heading in headings:
            exec(compile(snippets[heading], f"{document}: {heading}", "exec"), names)
        return names

    yield run
    for facade in made:
        facade.shutdown(timeout=5)


def test_every_snippet_is_run_by_a_test():
    """No snippet stands there unused, and none is run that does not stand there."""
    told = Path(__file__).read_text(encoding="utf-8")
    for document in ("companion_threads.md", "concurrent_modules.md"):
        snippets = read(document)
        assert len(snippets) == (SNIPPETS / document).read_text(encoding="utf-8").count("```python")
        assert [heading for heading in snippets if f'"{heading}"' not in told] == []


@pytest.mark.feature("CB-30", "CB-27", "CB-29")
def test_the_companion_s_snippets_run(run, capsys, monkeypatch):
    """Status, decisions, metrics, health checks, tasks and the shutdown, as the document writes them."""
    brain = BrainClient(app_type="chatbot", enable_agi=True, enable_search=True)
    desk = brain._desk
    assert desk is not None
    desk.portal.call(desk.brain.pause, "search_engine", "to have a decision")
    done: list[str] = []
    handlers: list[Any] = []
    monkeypatch.setattr("atexit.register", handlers.append)
    names = run(
        "companion_threads.md",
        "Viewing autonomous decisions",
        "System-wide metrics",
        "Category-level metrics",
        "Best practices: monitor thread health",
        "Best practices: let the brain decide",
        "Troubleshooting: thread not starting",
        "Troubleshooting: thread stuck",
        "Graceful shutdown",
        "Best practices: clean shutdown",
        brain=brain,
        BrainClient=BrainClient,
        my_function=done.append,
        data="the data",
    )
    printed = capsys.readouterr().out
    for line in ("Total decisions made: 1", "  Context: search_engine", "core:", "  Max: 10", "Tasks completed: 0"):
        assert line in printed
    assert "All threads shut down gracefully" in printed
    assert "running synchronously" not in printed
    assert "may be stuck" not in printed
    assert done == ["the data"]
    assert names["brain"] is not brain
    handlers[0]()
    assert names["brain"].get_thread_status()["module_threads"]["search_engine"]["state"] == "stopped"


@pytest.mark.feature("CB-30")
def test_the_chatbot_backend_of_the_document_runs(run):
    """Both of its routes answer with what can be sent as JSON."""
    app = Application()
    run("companion_threads.md", "Integration with a chatbot backend", app=app, jsonify=json.dumps)
    status = json.loads(app.routes["/api/threads/status"]())
    assert status["success"] is True
    assert "model_router" in status["data"]["module_threads"]
    assert json.loads(app.routes["/api/threads/decisions"]()) == {"success": True, "data": []}


@pytest.mark.feature("PM-01", "PM-02", "PM-04")
def test_the_manager_s_snippets_run(run):
    """Making one, registering, submitting and asking for the status, as the document writes them."""
    names = run("concurrent_modules.md", "Basic usage", your_agent_state={}, agent_state={})
    assert names["manager"].get_task_result(names["task_id"], PATIENCE) == "Module executed successfully"
    assert names["manager"].get_task_status(names["task_id"]) == "completed"
    assert names["status"] in ("queued", "running", "completed")
    names = run("concurrent_modules.md", "The manager's reference", **names, name="name", module=Anything())
    assert names["manager"].get_system_status()["registered_modules"] == 0
    names = run("concurrent_modules.md", "Performance tuning", **names)
    assert names["manager"].module_executor.enable_monitoring is False


@pytest.mark.feature("PE-04", "PE-05", "PS-03", "PS-06")
def test_the_components_snippets_run(run, capsys):
    """The executor's figures and the scheduler's quotas and dependencies, as the document writes them."""
    names = run("concurrent_modules.md", "The executor")
    names["executor"].shutdown()
    assert "Average execution time: 0.0" in capsys.readouterr().out
    tasks = {"task1": ModuleTask("one", "perception"), "task2": ModuleTask("two", "planning")}
    names = run("concurrent_modules.md", "The scheduler", **tasks)
    assert (names["task1_id"], names["task2_id"]) == ("one", "two")
    assert names["scheduler"].get_next_task() is tasks["task1"]
    assert names["scheduler"].get_next_task() is None
    names = run("concurrent_modules.md", "Scheduling configuration", **names)
    assert isinstance(names["scheduler"], TaskScheduler)


@pytest.mark.feature("PM-02", "PM-03", "PM-09")
def test_the_snippets_about_working_with_it_run(run, capsys):
    """Callbacks, errors, a module of one's own, priorities, dependencies and the migration, as they stand there."""
    manager = ConcurrentModuleManager({})
    for name in ("perception", "planning", "reflection", "module1", "module2", "module"):
        manager.register_module(name, Anything())
    names = run(
        "concurrent_modules.md",
        "Performance monitoring",
        "Error handling",
        "Module design",
        "Task submission",
        "Migration: converting modules",
        "Migration: task execution",
        manager=manager,
        Priority=Priority,
        BaseModule=BaseModule,
        perception_module=Anything(),
        planning_module=Anything(),
        module=Anything(),
    )
    assert manager.get_task_result(names["task2"], PATIENCE) == "ran"
    assert manager.get_task_result(names["task_id"], PATIENCE) == "ran"
    own = names["MyModule"]({})
    manager.register_module("own", own)
    task_id = manager.submit_task("own")
    assert isinstance(manager.get_task_future(task_id).exception(PATIENCE), AttributeError)
    run("concurrent_modules.md", "Error handling", manager=manager, task_id=None, module=Anything())
    manager.unregister_module("module")
    run("concurrent_modules.md", "Error handling", manager=manager, task_id=None, module=Anything())
    manager.shutdown()
    run("concurrent_modules.md", "Error handling", manager=manager, task_id=None, module=Anything())
    printed = capsys.readouterr().out
    assert f"Task {task_id} failed" in printed
    assert "Invalid module or configuration: No module 'module'" in printed
    assert "System error: The brain is" in printed


@pytest.mark.parametrize("which", [pytest.param(0, marks=pytest.mark.slow), 1], ids=["client", "manager"])
def test_the_examples_of_our_own_page_run(which, capsys):
    """What docs/sdk.md shows is what happens; the client's example reads the documentation of the running Python."""
    page = (Path(__file__).parents[2] / "docs" / "sdk.md").read_text(encoding="utf-8")
    exec(re.findall(r"```python\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)[which], {"__name__": "page"})
    printed = capsys.readouterr().out
    assert ("[1, 2, 3]\n", "a plan for the dishes\n")[which] in printed
    assert which or "zipfile" in printed

"""The life of tasks as spans: which there are, under whom, and what is told of those that did not complete."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading

import pytest

from companion_async import Brain, BrainConfig, MissingExtraError, RetryPolicy, TracingSettings
from companion_async.testing.clock import VirtualClock, until
from tests.brain.rig import Gate, brain_on, diary

trace = pytest.importorskip("opentelemetry.trace", reason="the extra otel is not installed")
sdk = pytest.importorskip("opentelemetry.sdk.trace", reason="opentelemetry-sdk is not installed")
memory = pytest.importorskip("opentelemetry.sdk.trace.export.in_memory_span_exporter")
export = pytest.importorskip("opentelemetry.sdk.trace.export")

pytestmark = pytest.mark.feature("X-13")

TRACED = TracingSettings(enabled=True)


class Seen:
    """What was exported, and a tracer of the program around the brain."""

    def __init__(self, provider, exporter):
        self.tracer = provider.get_tracer("tests")
        self.exporter = exporter

    def names(self):
        return [span.name for span in sorted(self.exporter.get_finished_spans(), key=lambda span: span.start_time)]

    def one(self, name):
        (found,) = [span for span in self.exporter.get_finished_spans() if span.name == name]
        return found

    def all(self, name):
        return [span for span in self.exporter.get_finished_spans() if span.name == name]


@pytest.fixture
def seen(monkeypatch):
    exporter = memory.InMemorySpanExporter()
    provider = sdk.TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(export.SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "get_tracer", provider.get_tracer)
    yield Seen(provider, exporter)
    provider.shutdown()


def is_child(span, parent):
    return span.parent is not None and span.parent.span_id == parent.get_span_context().span_id


@pytest.mark.parametrize("where", ["thread", "loop", "handed over"])
async def test_a_task_has_three_spans_below_its_submitters(seen, where):
    """Submit under the submitter's span; wait and run under submit; the run links to the submitter's span and is the
    parent of what the work opens, wherever it runs.
    """

    def in_thread():
        with seen.tracer.start_as_current_span("inside"):
            return 1

    async def on_loop():
        await asyncio.sleep(0)
        return in_thread()

    work = {"thread": in_thread, "loop": on_loop, "handed over": lambda: on_loop()}[where]
    async with brain_on(tracing=TRACED) as brain:
        await brain.register("m", work)
        with seen.tracer.start_as_current_span("request") as request:
            task = brain.submit("m", priority="high")
        assert await task == 1
    outer, submit, wait, run = map(seen.one, ("request", "submit m.run", "wait m.run", "run m.run"))
    assert is_child(submit, outer)
    assert is_child(wait, submit)
    assert is_child(run, submit)
    assert is_child(seen.one("inside"), run)
    assert [link.context.span_id for link in run.links] == [request.get_span_context().span_id]
    assert submit.kind is trace.SpanKind.PRODUCER
    assert run.kind is trace.SpanKind.CONSUMER
    assert submit.attributes["companion.task.id"] == run.attributes["companion.task.id"] == task.id
    assert submit.attributes["companion.priority"] == "high"
    assert run.attributes["companion.state"] == "completed"
    assert submit.start_time <= wait.start_time <= wait.end_time <= run.start_time <= run.end_time


async def test_work_that_submits_work_makes_one_tree(seen):
    """What a run submits is below that run, in the same trace."""

    async def outer():
        return await brain.submit("inner")

    async with brain_on(tracing=TRACED) as brain:
        await brain.register("inner", lambda: threading.current_thread().name)
        await brain.register("outer", outer)
        thread = await brain.submit("outer")
    assert is_child(seen.one("submit inner.run"), seen.one("run outer.run"))
    assert seen.one("run inner.run").attributes["thread.name"] == thread
    assert len({span.context.trace_id for span in seen.exporter.get_finished_spans()}) == 1


async def test_each_attempt_is_a_run_of_its_own(seen):
    """A task that is tried again has a wait and a run for each attempt; the failed one says so without the text."""
    clock, fresh = VirtualClock(), diary()
    async with brain_on(clock, tracing=TRACED) as brain:
        await brain.register("m", fresh)
        fresh.fails["run"] = ValueError("the secret text")
        task = brain.submit("m", retry=RetryPolicy(attempts=2, wait_initial=1.0, jitter=0.0))
        await until(lambda: len(seen.all("run m.run")) == 1)
        fresh.fails.clear()
        await clock.advance(1)
        await task
    first, second = seen.all("run m.run")
    assert [run.attributes["companion.attempt"] for run in (first, second)] == [1, 2]
    assert (first.attributes["error.type"], first.status.is_ok) == ("ValueError", False)
    assert first.status.description is None
    assert second.status.is_ok
    assert len(seen.all("wait m.run")) == 2
    assert second.start_time - first.end_time >= 1e9


@pytest.mark.parametrize("exposes", [False, True])
async def test_the_text_of_an_error_is_told_only_where_errors_are_exposed(seen, exposes):
    """A failed run has the type of its error; its text where the config has ``expose_errors``."""

    def fails():
        raise ValueError("the secret text")

    async with brain_on(tracing=TRACED, expose_errors=exposes) as brain:
        await brain.register("m", fails)
        with pytest.raises(ValueError, match="secret"):
            await brain.submit("m")
    run = seen.one("run m.run")
    assert run.attributes["companion.state"] == "failed"
    assert run.attributes["error.type"] == "ValueError"
    assert run.status.description == ("the secret text" if exposes else None)


async def test_what_never_ran_has_no_run(seen):
    """Of a task that was cancelled while it waited, or whose upstream failed, the wait says how it ended."""
    gate = Gate()

    def fails():
        raise ValueError("no")

    async with brain_on(tracing=TRACED) as brain:
        await brain.register("m", lambda: gate(), max_concurrency=1)
        await brain.register("broken", fails)
        first, second = brain.submit("m"), brain.submit("m")
        await gate.holds(1)
        second.cancel()
        gate.open()
        await first
        broken = brain.submit("broken")
        behind = brain.submit("m", after=broken)
        await until(lambda: behind.done())
    assert len(seen.all("run m.run")) == 1
    assert sorted(span.attributes["companion.state"] for span in seen.all("wait m.run") if span.attributes) == [
        "cancelled",
        "failed",
    ]
    assert not seen.one("run broken.run").status.is_ok


async def test_a_run_that_is_given_up_ends_at_its_limit(seen):
    """The span ends when the waiter is told, though the thread goes on; nothing stays open."""
    clock, gate = VirtualClock(), Gate()
    async with brain_on(clock, tracing=TRACED) as brain:
        await brain.register("m", lambda: gate())
        task = brain.submit("m", timeout=2)
        await gate.holds(1)
        await clock.advance(2)
        with pytest.raises(TimeoutError):
            await task
        run = seen.one("run m.run")
        gate.open()
    assert run.attributes["error.type"] == "TaskTimeoutError"
    assert (run.end_time - run.start_time) == pytest.approx(2e9, abs=1e6)


async def test_tasks_that_waited_through_a_restart_are_traced(seen):
    """Their module has a new instance, and their run a span all the same."""
    fresh = diary()
    async with brain_on(tracing=TRACED) as brain:
        await brain.register("m", fresh)
        brain.pause("m")
        task = brain.submit("m")
        await brain.restart("m")
        brain.resume("m")
        assert (await task)[0] == 2
    assert is_child(seen.one("run m.run"), seen.one("submit m.run"))


async def test_switched_off_no_task_knows_of_it(seen):
    """By default nobody listens to the bus, and the work is called as it is."""
    async with brain_on() as brain:
        await brain.register("m", lambda: 1)
        await brain.submit("m")
        assert not any(brain.events.topic(kind).active for kind in ("task.queued", "task.started", "task.completed"))
    assert seen.names() == []


def test_switched_off_nothing_is_imported():
    """A brain that is not traced loads nothing of OpenTelemetry."""
    code = (
        "import asyncio, sys\n"
        "from companion_async import Brain\n"
        "async def main():\n"
        "    async with Brain() as brain:\n"
        "        await brain.register('m', lambda: 1)\n"
        "        await brain.submit('m')\n"
        "asyncio.run(main())\n"
        "print([name for name in sys.modules if name.startswith('opentelemetry')])\n"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_without_the_package_the_config_is_refused_with_the_line_that_installs_it(monkeypatch):
    """As the brain is made, before anything of it is up."""
    monkeypatch.setitem(sys.modules, "opentelemetry.trace", None)
    with pytest.raises(MissingExtraError, match=r"companion-async\[otel\]"):
        Brain(BrainConfig(tracing=TRACED))

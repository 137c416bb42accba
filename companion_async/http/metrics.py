"""Figures for Prometheus, read from the status when they are asked for, so that they cost nothing in between."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from companion_async.errors import MissingExtraError
from companion_async.http.answer import Answer
from companion_async.http.operation import Call
from companion_async.modules.state import ModuleState
from companion_async.status.module import ModuleStatus
from companion_async.status.system import SystemStatus

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric


def metrics(call: Call) -> Answer:
    """The figures in the text format, or in OpenMetrics where that is asked for."""
    try:
        from prometheus_client import CollectorRegistry
        from prometheus_client.exposition import choose_encoder
    except ImportError:
        raise MissingExtraError("metrics", "/metrics") from None
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Figures(call))
    encode, media = choose_encoder(call.request.headers.get("accept", ""))
    return Answer(200, encode(registry), media)


class _Figures:
    """A collector. Its labels are names of categories, modules and states: no ids, so their number is bounded."""

    def __init__(self, call: Call) -> None:
        self._call = call

    def describe(self) -> list[Any]:
        return []

    def collect(self) -> Iterator[Metric]:
        brain = self._call.brain
        status = brain.status()
        yield from _house(status, self._call.api.replay.readers)
        yield from _categories(status)
        yield from _modules([brain.module_status(name) for name in sorted(status.module_threads)])


def _house(status: SystemStatus, streams: int) -> Iterator[Metric]:
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

    stats = status.stats
    gauges = (
        ("uptime_seconds", "Seconds since the brain was made.", status.uptime),
        ("max_threads", "Threads that all categories together may have.", status.max_threads),
        ("pending_tasks", "Accepted tasks that have not ended.", status.pending_tasks),
        ("event_streams", "Readers of the event stream.", streams),
        ("loop_lag_seconds", "How late the event loop last was.", status.loop_lag),
        ("loop_lag_p99_seconds", "How late the event loop is at the 99th percentile.", status.loop_lag_p99),
        ("memory_bytes", "Resident memory of the process.", status.memory_bytes),
    )
    for name, text, value in gauges:
        if value is not None:
            yield GaugeMetricFamily(f"companion_{name}", text, value=value)
    counters = (
        ("thread_starts", "Threads started.", stats.total_threads_created),
        ("threads_restarted", "Slots replaced and modules restarted.", stats.threads_restarted),
        ("scaling_decisions", "Changes of a category's limit that were decided.", stats.threads_auto_scaled),
    )
    for name, text, value in counters:
        yield CounterMetricFamily(f"companion_{name}", text, value=value)


def _categories(status: SystemStatus) -> Iterator[Metric]:
    from prometheus_client.core import GaugeMetricFamily

    threads = GaugeMetricFamily("companion_threads", "Threads that live.", labels=("category", "state"))
    limit = GaugeMetricFamily("companion_thread_limit", "Threads that may work at once.", labels=("category",))
    queued = GaugeMetricFamily("companion_queued_tasks", "Tasks that wait for a thread.", labels=("category",))
    overloaded = GaugeMetricFamily(
        "companion_overloaded", "1 while a category cannot take its work in.", labels=("category",)
    )
    for name, category in status.categories.items():
        states = (
            ("busy", category.active),
            ("idle", category.total - category.active),
            ("abandoned", category.abandoned),
        )
        for state, count in states:
            threads.add_metric((name, state), max(count, 0))
        limit.add_metric((name,), category.max)
        queued.add_metric((name,), category.queued)
        overloaded.add_metric((name,), float(category.overloaded))
    yield from (threads, limit, queued, overloaded)


def _modules(modules: list[ModuleStatus]) -> Iterator[Metric]:
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
    from prometheus_client.metrics_core import Metric

    label = ("module",)
    ended = CounterMetricFamily("companion_tasks", "Tasks that have ended.", labels=("module", "outcome"))
    restarts = CounterMetricFamily("companion_module_restarts", "Restarts of a module.", labels=label)
    state = GaugeMetricFamily(
        "companion_module_state", "1 for the state that a module is in.", labels=("module", "state")
    )
    waiting = GaugeMetricFamily(
        "companion_module_queued_tasks", "Tasks that could run if there were room.", labels=label
    )
    running = GaugeMetricFamily("companion_module_running_tasks", "Runs under way.", labels=label)
    bound = GaugeMetricFamily("companion_module_cpu_bound_ratio", "0 only waits, 1 only computes.", labels=label)
    run = Metric("companion_run_seconds", "How long runs take; the quantiles are of the last thousands.", "summary")
    wait = Metric("companion_wait_seconds", "How long tasks wait to run, of the last thousands.", "summary")
    for module in modules:
        name = module.name
        ended.add_metric((name, "completed"), module.tasks_completed)
        ended.add_metric((name, "failed"), module.tasks_failed - module.tasks_timed_out)
        ended.add_metric((name, "timed_out"), module.tasks_timed_out)
        ended.add_metric((name, "cancelled"), module.tasks_cancelled)
        restarts.add_metric((name,), module.restarts)
        for each in ModuleState:
            state.add_metric((name, each.value), float(each.value == module.state))
        waiting.add_metric((name,), module.queue_size)
        running.add_metric((name,), module.running)
        bound.add_metric((name,), module.cpu_bound)
        for family, spans in ((run, module.run_seconds), (wait, module.wait_seconds)):
            for quantile, value in (("0.5", spans.p50), ("0.95", spans.p95), ("0.99", spans.p99)):
                if value is not None:
                    family.add_sample(family.name, {"module": name, "quantile": quantile}, value)
        run.add_sample(f"{run.name}_count", {"module": name}, module.runs)
        run.add_sample(f"{run.name}_sum", {"module": name}, module.total_run_seconds)
    yield from (ended, restarts, state, waiting, running, bound, run, wait)

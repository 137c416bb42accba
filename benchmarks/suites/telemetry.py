"""What being watched costs: by Prometheus, which asks now and then, by OpenTelemetry, which is told of each task."""

from __future__ import annotations

import asyncio
import gc
import importlib.util
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from functools import cache, partial
from typing import Any

from benchmarks.asgi import getter
from benchmarks.contender import THREADS, CallOfClient, Contender, Work
from benchmarks.contenders import OURS
from benchmarks.figures import Measurement, compare
from benchmarks.loops import run
from benchmarks.report import Absence, Progress, Report
from benchmarks.suites.throughput import rate
from benchmarks.turns import interleave
from companion_async import Brain, BrainConfig, TracingSettings
from companion_async.http.api import Api
from companion_async.http.asgi import Application

CLIENTS = 200
SCRAPES = 10  # a second, a hundred times what is usual: once in ten seconds would be lost in the noise
MODULES = 30  # of the brain whose scrape is timed
SAMPLED = 0.01

SCRAPED = f"scraped {SCRAPES} times a second"
API_ALONE, SOME, EACH = "traced, no SDK", "traced, SDK keeps 1 in 100", "traced, SDK keeps all"
_PROCESSOR, _RATE, _SCRAPE = "processor time", "throughput", "one scrape"


def measure(loop: str, *, quick: bool, progress: Progress) -> Report:
    """Rounds in which a brain has its turn that nobody watches, and then one for each way of being watched."""
    rounds, seconds = (3, 0.1) if quick else (8, 0.3)
    contenders, absences = _contenders()
    measurements = run(loop, _measure(contenders, rounds, seconds, progress))
    return Report(
        suite="telemetry",
        loop=loop,
        asks="What does it cost when Prometheus or OpenTelemetry watch, and what when they do not?",
        says_not="The tasks do nothing, so these are the costs of the telling alone: beside a task of 10 ms even all "
        "three spans are about a hundredth.",
        headline=_PROCESSOR,
        measurements=tuple(measurements),
        comparisons=tuple(compare(measurements, OURS)),
        absences=absences,
        configurations={name: one.configuration for name, one in contenders.items()},
        notes=(
            f"{rounds} rounds of {seconds} s; {CLIENTS} clients that each await no-ops, {THREADS} threads",
            f"one scrape: GET /metrics of a brain with {MODULES} modules, without a socket",
        ),
    )


def _contenders() -> tuple[dict[str, Contender], tuple[Absence, ...]]:
    found = {OURS[0]: Contender(opens=partial(_open, False), configuration="as by default: nothing watches")}
    absences = []
    if importlib.util.find_spec("prometheus_client") is not None:
        found[SCRAPED] = Contender(opens=_open_scraped, configuration="GET /metrics on the brain's own loop")
    else:
        absences.append(Absence(SCRAPED, "not installed: pip install prometheus-client"))
    traced: dict[str, tuple[str, Callable[[], Any]]] = {
        API_ALONE: ("the API's own provider, which keeps nothing", _no_provider),
        SOME: (f"TraceIdRatioBased({SAMPLED:g}), spans batched and thrown away", partial(_provider, SAMPLED)),
        EACH: ("every span batched and thrown away", partial(_provider, 1.0)),
    }
    for name, (how, provider) in traced.items():
        if importlib.util.find_spec("opentelemetry") is None or (
            name != API_ALONE and importlib.util.find_spec("opentelemetry.sdk") is None
        ):
            absences.append(Absence(name, "not installed: pip install opentelemetry-sdk"))
        else:
            found[name] = Contender(
                opens=partial(_open_traced, provider), configuration=f"tracing enabled, three spans a task; {how}"
            )
    return found, tuple(absences)


async def _measure(
    contenders: Mapping[str, Contender], rounds: int, seconds: float, progress: Progress
) -> list[Measurement]:
    async def warm_up(call_of: CallOfClient) -> None:
        await rate(call_of, CLIENTS, seconds / 2)

    async def turn(call_of: CallOfClient) -> dict[tuple[str, str], float]:
        begun, used = time.perf_counter(), time.process_time()
        tasks_a_second = await rate(call_of, CLIENTS, seconds)
        share = (time.process_time() - used) / (time.perf_counter() - begun)
        return {(_PROCESSOR, "us/task"): 1e6 * share / tasks_a_second, (_RATE, "tasks/s"): tasks_a_second}

    measurements = await interleave(warm_up, turn, rounds, progress, contenders)
    if SCRAPED in contenders:
        measurements.append(Measurement(SCRAPED, _SCRAPE, "ms", tuple(await _scrapes(rounds))))
    return measurements


async def _scrapes(rounds: int) -> list[float]:
    """Milliseconds of a scrape, the mean of ten, for each round."""
    figures: list[float] = []
    async with _brain(traced=False) as brain:
        for number in range(MODULES):
            await brain.register(f"module-{number}", _nothing)
            await brain.submit(f"module-{number}", "run")
        get = getter(Application(Api(brain)))
        await get("/metrics")
        for _ in range(rounds):
            gc.collect()
            begun = time.perf_counter()
            for _ in range(10):
                await get("/metrics")
            figures.append(1e3 * (time.perf_counter() - begun) / 10)
    return figures


def _brain(*, traced: bool) -> Brain:
    tracing = TracingSettings(enabled=traced)
    return Brain(BrainConfig(categories={"core": THREADS}, max_threads=THREADS, tracing=tracing))


def _nothing() -> None:
    """The work of the modules whose figures are scraped."""


@asynccontextmanager
async def _open(traced: bool, work: Work) -> AsyncIterator[CallOfClient]:
    async with _brain(traced=traced) as brain:
        await brain.register("work", work, category="core")
        yield lambda client: partial(brain.submit, "work")


@asynccontextmanager
async def _open_scraped(work: Work) -> AsyncIterator[CallOfClient]:
    async with _brain(traced=False) as brain:
        await brain.register("work", work, category="core")
        get = getter(Application(Api(brain)))

        async def scrape() -> None:
            while True:
                await get("/metrics")
                await asyncio.sleep(1 / SCRAPES)

        scraping = asyncio.create_task(scrape())
        yield lambda client: partial(brain.submit, "work")
        scraping.cancel()
        await asyncio.wait([scraping])


@asynccontextmanager
async def _open_traced(make: Callable[[], Any], work: Work) -> AsyncIterator[CallOfClient]:
    provider = make()
    _switch().now = provider
    try:
        async with _open(True, work) as call_of:
            yield call_of
    finally:
        if hasattr(provider, "shutdown"):
            await asyncio.to_thread(provider.shutdown)


def _no_provider() -> Any:
    from opentelemetry.trace import NoOpTracerProvider

    return NoOpTracerProvider()


def _provider(share: float) -> Any:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
    from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased

    class Nowhere(SpanExporter):
        """Takes all spans and keeps none: what an exporter does with them is its own cost."""

        def export(self, spans: Any) -> SpanExportResult:
            return SpanExportResult.SUCCESS

    provider = TracerProvider(sampler=ParentBased(TraceIdRatioBased(share)))
    provider.add_span_processor(BatchSpanProcessor(Nowhere()))
    return provider


@cache
def _switch() -> Any:
    """The process's one provider, which can be set once only and hands on to that of the turn."""
    from opentelemetry import trace

    class Switch(trace.TracerProvider):
        now: Any = None

        def get_tracer(self, *args: Any, **options: Any) -> Any:
            return self.now.get_tracer(*args, **options)

    switch = Switch()
    trace.set_tracer_provider(switch)
    return switch

"""The cost of being watched: every way of it runs the same work, and does watch."""

from __future__ import annotations

import importlib.util
from typing import Any

import pytest

from benchmarks.report import Absence
from benchmarks.suites import telemetry
from benchmarks.suites.telemetry import EACH, SCRAPED, SOME


@pytest.fixture
def provider(monkeypatch):
    """A switch that is not the process's own: that can be set once only."""
    pytest.importorskip("opentelemetry.sdk")

    class Switch:
        now: Any = None

    monkeypatch.setattr(telemetry, "_switch", lambda: Switch)
    from opentelemetry import trace

    monkeypatch.setattr(trace, "get_tracer", lambda *args, **options: Switch.now.get_tracer(*args, **options))
    return Switch


async def test_each_way_of_being_watched_runs_the_work(provider):
    """With and without somebody who looks, a call comes back with its result."""
    contenders, absences = telemetry._contenders()
    assert absences == ()
    for one in contenders.values():
        async with one(lambda: 42) as call_of:
            assert [await call_of(client)() for client in range(3)] == [42, 42, 42]


async def test_spans_are_made_where_all_are_kept(provider, monkeypatch):
    """Three for each task go through the exporter; none is measured that was not made."""
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    names: list[str] = []
    monkeypatch.setattr(BatchSpanProcessor, "on_end", lambda self, span: names.append(span.name))
    async with telemetry._contenders()[0][EACH](lambda: None) as call_of:
        await call_of(0)()
    assert sorted(names) == ["run work.run", "submit work.run", "wait work.run"]


def test_what_is_not_installed_is_told(monkeypatch):
    """Without the libraries there is nothing to measure of them, and the report says what to install."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    contenders, absences = telemetry._contenders()
    assert list(contenders) == ["companion"]
    assert Absence(SCRAPED, "not installed: pip install prometheus-client") in absences
    assert Absence(SOME, "not installed: pip install opentelemetry-sdk") in absences

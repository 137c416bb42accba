"""From figures to proposals."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from companion_async.cognition.optimizer.rules import (
    CacheFigures,
    CategoryFigures,
    ModuleFigures,
    helped,
    of_cache,
    of_category,
    of_module,
    worst,
)

MODULE = ModuleFigures(
    name="m",
    category="core",
    runs=100,
    success_rate=1.0,
    timed_out=0,
    run_p50=0.1,
    run_p99=0.2,
    wait_p95=0.0,
    cpu_bound=0.0,
    total_seconds=10.0,
)
CATEGORY = CategoryFigures(name="core", limit=4, looks=10, utilization=0.5, peak=4, queued=0.0, scaled=False, room=10)
CACHE = CacheFigures(name="c", size=100, entries=100, ttl=60.0, hits=80, misses=20, ghosts=0, expired=0, stale=0)


def of(figures, **changes):
    rules: dict[Any, Any] = {ModuleFigures: of_module, CategoryFigures: of_category, CacheFigures: of_cache}
    rule = rules[type(figures)]
    return [
        (each.kind, each.setting, each.after, each.safe) for each in rule(msgspec.structs.replace(figures, **changes))
    ]


@pytest.mark.feature("CB-46")
@pytest.mark.parametrize(
    ("figures", "changes", "proposed"),
    [
        (MODULE, {}, []),
        (MODULE, {"cpu_bound": 0.9}, [("process", "offload", "process", False)]),
        (MODULE, {"cpu_bound": 0.9, "offload": "process"}, []),
        (MODULE, {"cpu_bound": 0.9, "run_p50": 0.0001}, []),
        (MODULE, {"success_rate": 0.5}, [("failing", "code", ">= 0.8", False)]),
        (MODULE, {"timed_out": 5, "success_rate": 0.95}, [("limit", "timeout", 0.4, False)]),
        (MODULE, {"success_rate": 0.5, "runs": 10}, []),
        (CATEGORY, {}, []),
        (CATEGORY, {"utilization": 1.0, "queued": 8.0}, [("slots", "limit", 6, True)]),
        (CATEGORY, {"utilization": 1.0, "queued": 8.0, "room": 1}, [("slots", "limit", 5, True)]),
        (CATEGORY, {"utilization": 1.0, "queued": 8.0, "room": 0}, []),
        (CATEGORY, {"utilization": 1.0, "queued": 8.0, "scaled": True}, []),
        (CATEGORY, {"utilization": 1.0, "queued": 8.0, "looks": 2}, []),
        (CATEGORY, {"utilization": 0.1, "peak": 1}, [("slots", "limit", 2, True)]),
        (CATEGORY, {"utilization": 0.1, "peak": 3}, []),
        (CACHE, {}, []),
        (CACHE, {"ghosts": 10}, [("cache", "size", 200, True)]),
        (CACHE, {"expired": 15}, [("cache", "ttl", 120.0, True)]),
        (CACHE, {"stale": 8}, [("cache", "ttl", 30.0, True)]),
        (CACHE, {"entries": 10}, [("cache", "size", 32, True)]),
        (CACHE, {"entries": 10, "ghosts": 1}, []),
        (CACHE, {"ghosts": 10, "hits": 5, "misses": 20}, []),
    ],
)
def test_what_is_proposed(figures, changes, proposed):
    """One figure out of order, one proposal; too little known, none."""
    assert of(figures, **changes) == proposed


@pytest.mark.feature("CB-46")
def test_what_promises_most_comes_first_and_what_did_not_help_is_known():
    """A change that was to better something has to; one that was to save may not worsen anything."""
    small, large = [next(of_cache(msgspec.structs.replace(CACHE, ghosts=ghosts))) for ghosts in (6, 18)]
    assert worst([small, large]) == (large, small)
    assert helped(large, 0.10)
    assert not helped(large, 0.199)
    saving = next(of_category(msgspec.structs.replace(CATEGORY, utilization=0.1, peak=1)))
    assert helped(saving, 0.0)
    assert not helped(saving, 1.0)

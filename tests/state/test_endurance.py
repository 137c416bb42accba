"""A million changes: bounded history, bounded memory, and a version that has counted them all."""

from __future__ import annotations

import gc
import tracemalloc

import pytest

from companion_async import StateCoordinator


def churn(state, changes):
    """Changes of every kind over a thousand paths, snapshots, transactions that are forgotten, subscribers."""
    for number in range(changes):
        path = f"a{number % 10}.b{number % 100}.c{number % 1000}"
        kind = "delete" if number % 7 == 6 else "update"
        state.propose("m", path, {"n": number, "list": [number]}, kind)
        if number % 1000 == 0:
            state.create_snapshot()
            state.transaction().get(path)


def held(state, changes):
    """Bytes more after these changes than before."""
    gc.collect()
    before, _ = tracemalloc.get_traced_memory()
    churn(state, changes)
    gc.collect()
    return tracemalloc.get_traced_memory()[0] - before


@pytest.mark.parametrize(
    ("warm_up", "changes"), [(4_000, 3_000), pytest.param(50_000, 1_000_000, marks=pytest.mark.slow)]
)
@pytest.mark.feature("PT-13")
def test_changes_leave_nothing_behind(warm_up, changes):
    """STA-12: once history and snapshots are full, so many changes more do not take more memory."""
    told = [0]
    state = StateCoordinator(history_size=300, max_snapshots=3)
    state.subscribe_to_path("m", "a1.*", lambda changes: told.__setitem__(0, told[0] + 1))
    tracemalloc.start()
    try:
        churn(state, warm_up)
        assert held(state, changes) < 300_000
    finally:
        tracemalloc.stop()
    status = state.status()
    assert status.version == status.metrics.changes
    assert status.version + status.metrics.refused == warm_up + changes
    assert (status.history, len(status.snapshots), status.active_transactions) == (300, 3, 0)
    assert told[0] > 0

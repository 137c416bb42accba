from __future__ import annotations

import pytest

from companion_async.cognition.code_executor.module import CodeExecutor
from companion_async.cognition.code_executor.settings import TIERS, ExecutorSettings

MIB = 1024 * 1024


@pytest.fixture(scope="session")
def executor():
    """One that has tried its sandboxes already, with limits that are soon reached."""
    executor = CodeExecutor(
        ExecutorSettings(
            timeout=20, cpu=10, memory=128 * MIB, processes=8, file_bytes=2 * MIB, disk=4 * MIB, output=64 * 1024
        )
    )
    executor.tiers()
    return executor


def _holds(executor, tier):
    state = next(state for state in executor.tiers() if state.tier == tier)
    if not state.holds:
        pytest.skip(f"{tier} does not hold here: {state.reason}")
    return tier


@pytest.fixture(params=TIERS)
def tier(request, executor):
    """Each sandbox that holds on this machine."""
    return _holds(executor, request.param)


@pytest.fixture(params=["bubblewrap", "sandlock"])
def system(request, executor):
    """Each sandbox of the operating system that holds on this machine."""
    return _holds(executor, request.param)

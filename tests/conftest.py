"""Guard rails under every test: both loops, no thread or task left behind, no report to a loop unread, quiet logs."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from typing import Any

import pytest
import pytest_asyncio
from hypothesis import settings
from loguru import logger

from companion_async.testing import plugin
from tests.features import rows

_THREAD_GRACE = 30.0  # real seconds for threads that have been told to end
_TASK_GRACE = 20  # turns of the loop for tasks that have been cancelled

# The same examples in every run, however busy the machine; --hypothesis-profile=default looks for new ones.
settings.register_profile("repeatable", deadline=None, derandomize=True)
settings.load_profile("repeatable")


def pytest_configure(config: pytest.Config) -> None:
    # Where the package is not installed but only lies on the path, its entry point has not loaded the plugin.
    if not config.pluginmanager.is_registered(plugin):
        config.pluginmanager.register(plugin)
    for name in [name for name in os.environ if name.startswith("COMPANION_")]:
        del os.environ[name]
    logger.remove()


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Every async test runs once on each; ``@pytest.mark.asyncio(loop_factories=["asyncio"])`` chooses one."""
    try:
        import uvloop
    except ImportError:
        return {"asyncio": asyncio.new_event_loop}
    return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    known = {row.id for row in rows()}
    for item in items:
        if unknown := {row for mark in item.iter_markers("feature") for row in mark.args} - known:
            raise pytest.UsageError(f"{item.nodeid}: docs/features.md has no row {', '.join(sorted(unknown))}")


@pytest.fixture(autouse=True)
def no_leaked_threads() -> Iterator[None]:
    """Threads that a test started, daemons included, have ended when its loop is closed, or end within a grace."""
    before = set(threading.enumerate())
    yield
    end = time.monotonic() + _THREAD_GRACE
    # A dummy stands for a thread that Python did not start; it is never seen to end.
    started = [t for t in threading.enumerate() if t not in before and not isinstance(t, threading._DummyThread)]
    for thread in started:
        thread.join(max(0.0, end - time.monotonic()))
    if alive := [thread for thread in started if thread.is_alive()]:
        pytest.fail(f"The test left threads running: {alive}", pytrace=False)


@pytest.fixture(autouse=True)
def no_leaked_loggers(no_leaked_threads: None) -> Iterator[None]:
    """Sinks that a test added are gone after it, and the library is silent again."""
    yield
    logger.remove()
    logger.configure(extra={})
    logger.disable("companion_async")


@pytest.fixture(autouse=True)
def loop_guard(request: pytest.FixtureRequest, no_leaked_loggers: None) -> None:
    """Brings `no_leaked_tasks` to tests that have a loop, and to no others."""
    if pytest_asyncio.is_async_test(request.node):
        request.getfixturevalue("no_leaked_tasks")


@pytest.fixture
async def no_leaked_tasks(request: pytest.FixtureRequest) -> AsyncIterator[None]:
    """Asyncio tasks that a test started have ended with it, and the loop's exception handler had nothing to report.

    The loop runs in debug mode, except in slow tests and on uvloop, where it costs more than it finds.
    """
    loop = asyncio.get_running_loop()
    slow = request.node.get_closest_marker("slow") is not None
    loop.set_debug(not slow and isinstance(loop, asyncio.BaseEventLoop))
    reports: list[dict[str, Any]] = []

    def handler(_loop: asyncio.AbstractEventLoop, report: dict[str, Any]) -> None:
        reports.append(report)

    loop.set_exception_handler(handler)
    yield
    this = asyncio.current_task()
    for _ in range(_TASK_GRACE):
        left = [task for task in asyncio.all_tasks() if task is not this]
        if not left:
            break
        await asyncio.sleep(0)
    else:
        pytest.fail(f"The test left asyncio tasks running: {left}", pytrace=False)
    if reports and loop.get_exception_handler() is handler:
        pytest.fail(f"The loop had to report: {reports}", pytrace=False)

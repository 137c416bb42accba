"""Joining the signal handlers of whatever server there is."""

from __future__ import annotations

import asyncio
import os
import signal
import threading

import pytest

from companion_async.brain.brain import Brain
from companion_async.brain.config import BrainConfig
from companion_async.http.signals import told_of_the_end

pytestmark = pytest.mark.feature("X-12")


@pytest.fixture
def heard():
    """What the server's own handlers of both signals were called with."""
    calls: list[int] = []
    before = {number: signal.signal(number, lambda n, _: calls.append(n)) for number in (signal.SIGINT, signal.SIGTERM)}
    yield calls
    for number, handler in before.items():
        signal.signal(number, handler)


async def test_a_storm_of_signals_during_submits_is_heard_and_harms_nothing(heard):
    """A thousand signals while tasks are submitted: each reaches the server's own handler and ours, and no task is
    lost.
    """
    told = []
    async with Brain(BrainConfig(plugins=False)) as brain:
        with told_of_the_end(lambda: told.append(1)):
            tasks = []
            for _ in range(500):
                os.kill(os.getpid(), signal.SIGTERM)
                tasks.append(brain.submit("category:core", int, "7"))
                os.kill(os.getpid(), signal.SIGINT)
            assert [await task for task in tasks] == [7] * 500
            await asyncio.sleep(0)
    # Signals of one kind that come before the first is seen are one.
    assert 2 <= len(heard) <= 1000
    assert len(told) == len(heard)


async def test_handlers_are_put_back_as_they_were(heard):
    """Afterwards the server has its own again; one that somebody else has put there since stays."""
    mine = signal.getsignal(signal.SIGTERM)

    def later(number, frame): ...

    with told_of_the_end(lambda: None):
        assert signal.getsignal(signal.SIGTERM) is not mine
        signal.signal(signal.SIGINT, later)
    assert signal.getsignal(signal.SIGTERM) is mine
    assert signal.getsignal(signal.SIGINT) is later


async def test_a_default_is_no_handler_to_join():
    """Where nobody handles a signal, its effect stays what it is by default."""
    before = signal.signal(signal.SIGTERM, signal.SIG_DFL)
    try:
        with told_of_the_end(lambda: None):
            assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    finally:
        signal.signal(signal.SIGTERM, before)


def test_outside_of_the_main_thread_there_is_nothing_to_join(heard):
    """A server in another thread gets no signals; the block does nothing there."""
    mine, failures = signal.getsignal(signal.SIGTERM), []

    def run() -> None:
        async def main() -> None:
            with told_of_the_end(lambda: None):
                assert signal.getsignal(signal.SIGTERM) is mine

        try:
            asyncio.run(main())
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert failures == []

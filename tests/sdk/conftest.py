"""Facades that end with their test, whatever came of it."""

from __future__ import annotations

import pytest

from companion_async.sdk.concurrent_modules import ConcurrentModuleManager
from tests.sdk.actors import Actor, Gate


@pytest.fixture
def gate():
    """A gate that is open at the latest when the test has ended."""
    gate = Gate()
    yield gate
    gate.open()


@pytest.fixture
def actor():
    """An actor whose gate is open at the latest when the test has ended."""
    actor = Actor()
    yield actor
    actor.gate.open()


@pytest.fixture
def manage(actor):
    """Makes managers, and shuts them down."""
    made = []

    def make(*args, **options):
        manager = ConcurrentModuleManager(*(args or ({},)), **options)
        made.append(manager)
        return manager

    yield make
    actor.gate.open()
    for manager in made:
        manager.shutdown(timeout=5)


@pytest.fixture
def manager(manage, actor):
    """A manager of two workers with one module, ``actor``."""
    manager = manage(max_workers=2)
    manager.register_module("actor", actor)
    return manager

"""Locks for programs without a loop."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta

import pytest

from companion_async.errors import (
    BrainClosedError,
    DeadlockError,
    InvalidArgumentError,
    LockNotHeldError,
    LockTimeoutError,
    LockUpgradeError,
    TooManyLocksError,
    UnknownResourceError,
)
from companion_async.locks.mode import AccessMode, ResourceType
from companion_async.modules.module import BaseModule
from companion_async.sdk import resources as resources_file
from companion_async.sdk.resources import ResourceCoordinator
from tests.sdk.actors import PATIENCE

READ, WRITE, EXCLUSIVE = AccessMode.READ, AccessMode.WRITE, AccessMode.EXCLUSIVE


@pytest.fixture
def notes():
    return ["a note"]


@pytest.fixture
def coordinator(notes):
    coordinator = ResourceCoordinator()
    coordinator.register_resource("notes", notes, ResourceType.EPISODIC_MEMORY)
    return coordinator


def elsewhere(function):
    """What ``function()`` returns or raises in another thread, which has ended."""
    outcome = []

    def run():
        try:
            outcome.append(function())
        except BaseException as error:
            outcome.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(PATIENCE)
    assert outcome, "the thread never ended"
    return outcome[0]


@pytest.mark.feature("PR-01")
def test_resources_are_known_by_name_and_type(coordinator):
    """A taken name is a ValueError, an unknown one a KeyError; a type may be given by its name."""
    coordinator.register_resource("net", object(), "network")
    assert coordinator.get_resource_status("net")["resource_type"] == "network"
    with pytest.raises(ValueError, match="registered already"):
        coordinator.register_resource("net", object(), ResourceType.NETWORK)
    coordinator.unregister_resource("net")
    for call in (coordinator.unregister_resource, coordinator.get_resource_status):
        with pytest.raises(KeyError):
            call("net")
    with pytest.raises(UnknownResourceError):
        coordinator.acquire_resource("net", READ, "me")


@pytest.mark.feature("PR-02", "PR-03", "PR-04", "PR-06")
@pytest.mark.parametrize(
    ("held", "wanted", "had"),
    [(READ, READ, True), (READ, WRITE, False), (WRITE, READ, False), (WRITE, WRITE, False), (READ, EXCLUSIVE, False)],
)
def test_readers_share_and_a_writer_is_alone_whatever_the_holders_are_called(coordinator, held, wanted, had):
    """Two threads that give the same holder's name are two owners; a lock that is not free is None after no time."""
    assert coordinator.acquire_resource("notes", held, "the same")
    given = elsewhere(lambda: coordinator.acquire_resource("notes", wanted, "the same", timeout=0))
    assert (given is not None) is had


@pytest.mark.feature("PR-05")
def test_a_writer_may_read_and_write_again_and_a_reader_may_not_write(coordinator, notes):
    """The owner is the calling thread: what it holds for writing it enters again, also by the context manager."""
    lock_id = coordinator.acquire_resource("notes", WRITE, "me")
    with coordinator.acquire_context("notes", READ, "me") as held, coordinator.acquire_context("notes", "write"):
        assert held is notes
    assert coordinator.release_resource(lock_id) is True
    with coordinator.acquire_context("notes", READ, "me"), pytest.raises(LockUpgradeError):
        coordinator.acquire_resource("notes", WRITE, "me")


@pytest.mark.feature("PR-06", "PR-07")
def test_the_context_manager_gives_the_resource_lets_go_and_says_when_it_had_to_give_up(coordinator, notes):
    """An error in the block lets go as well; a wait that ends in vain is a TimeoutError and holds nothing."""
    with pytest.raises(ZeroDivisionError), coordinator.acquire_context("notes", EXCLUSIVE, "me"):
        raise ZeroDivisionError
    lock_id = coordinator.acquire_resource("notes", WRITE, "me")

    def enter():
        with coordinator.acquire_context("notes", READ, "other", timeout=0.01):
            return "never"

    assert isinstance(elsewhere(enter), LockTimeoutError)
    coordinator.release_resource(lock_id)
    assert coordinator.get_resource_status("notes")["active_locks"] == 0


@pytest.mark.feature("PR-06")
def test_without_a_timeout_the_coordinator_s_own_counts():
    """The default is the coordinator's, in seconds, and a lock may ask for more or less."""
    coordinator = ResourceCoordinator(default_timeout=0.01)
    coordinator.register_resource("notes", [], "episodic_memory")
    coordinator.acquire_resource("notes", WRITE, "me")
    assert elsewhere(lambda: coordinator.acquire_resource("notes", READ, "other")) is None
    with pytest.raises(InvalidArgumentError):
        ResourceCoordinator(default_timeout=float("nan"))
    with pytest.raises(InvalidArgumentError):
        ResourceCoordinator(cleanup_interval=-1)


@pytest.mark.feature("PR-11", "PR-13")
def test_a_lock_is_let_go_by_its_owner_once_or_with_its_thread(coordinator):
    """Somebody else's release is refused, a second one is False, and what a thread held is free when it has ended."""
    lock_id = coordinator.acquire_resource("notes", WRITE, "me")
    assert isinstance(elsewhere(lambda: coordinator.release_resource(lock_id)), LockNotHeldError)
    assert coordinator.get_resource_status("notes")["locks"][0]["expires_at"] is None
    assert [coordinator.release_resource(lock_id) for _ in range(2)] == [True, False]
    assert coordinator.release_resource("lock-of-nobody") is False
    left = elsewhere(lambda: coordinator.acquire_resource("notes", WRITE, "gone"))
    assert coordinator.acquire_resource("notes", WRITE, "me")
    assert coordinator.release_resource(left) is False


def test_ids_of_locks_that_went_with_their_threads_are_forgotten(coordinator, monkeypatch):
    """Threads that never release leave no growing list of ids behind."""
    monkeypatch.setattr(resources_file, "_FEWEST_KEPT", 4)
    coordinator._core.settings = type(coordinator._core.settings)(max_concurrent_locks=2)
    for _ in range(20):
        assert elsewhere(lambda: coordinator.acquire_resource("notes", WRITE, "gone"))
    assert len(coordinator._given) <= 4


@pytest.mark.feature("PR-09")
def test_a_wait_that_could_never_end_is_refused_as_it_begins(coordinator):
    """Of two threads that want what the other has the second is told, and the first goes on."""
    coordinator.register_resource("other", [], "computation")
    coordinator.acquire_resource("notes", WRITE, "main")
    has_other, waits = threading.Event(), []

    def cross():
        with coordinator.acquire_context("other", WRITE, "thread"):
            has_other.set()
            with coordinator.acquire_context("notes", WRITE, "thread") as held:
                waits.append(held)

    thread = threading.Thread(target=cross, daemon=True)
    thread.start()
    assert has_other.wait(PATIENCE)
    while not coordinator.get_system_status()["pending_requests"]:
        threading.Event().wait(0.001)
    with pytest.raises(DeadlockError) as caught:
        coordinator.acquire_resource("other", WRITE, "main")
    assert {"write on 'other'", "write on 'notes'"} < set(caught.value.cycle)
    coordinator.release_resource(coordinator.get_resource_status("notes")["locks"][0]["lock_id"])
    thread.join(PATIENCE)
    assert len(waits) == 1


@pytest.mark.feature("PR-10")
def test_the_number_of_locks_is_bounded():
    """One more than allowed is an error at once, and nothing is acquired."""
    coordinator = ResourceCoordinator(max_concurrent_locks=1)
    coordinator.register_resource("notes", [], "episodic_memory")
    coordinator.acquire_resource("notes", READ, "me")
    with pytest.raises(TooManyLocksError):
        coordinator.acquire_resource("notes", READ, "me")


@pytest.mark.feature("PR-12")
def test_the_pictures_have_the_documented_keys_and_true_figures(coordinator):
    """Who reads, who writes, who waits; dates are naive, local and ISO; contention and waits are counted."""
    before = datetime.now()
    reading = coordinator.acquire_resource("notes", READ, "reader")
    status = coordinator.get_resource_status("notes")
    assert status.keys() == {
        "resource_id",
        "resource_type",
        "active_locks",
        "readers",
        "writer",
        "waiting_requests",
        "locks",
    }
    (lock,) = status["locks"]
    assert lock.keys() == {"lock_id", "holder", "mode", "acquired_at", "expires_at"}
    assert (lock["lock_id"], lock["holder"], lock["mode"]) == (reading, "reader", "read")
    moment = datetime.fromisoformat(lock["acquired_at"])
    assert moment.tzinfo is None
    assert abs(moment - before) < timedelta(seconds=PATIENCE)
    assert (status["readers"], status["writer"], status["waiting_requests"]) == (["reader"], None, 0)
    assert elsewhere(lambda: coordinator.acquire_resource("notes", WRITE, "writer", timeout=0)) is None
    coordinator.release_resource(reading)
    coordinator.acquire_resource("notes", WRITE)
    assert "MainThread" in coordinator.get_resource_status("notes")["writer"]
    system = coordinator.get_system_status()
    assert system.keys() == {
        "registered_resources",
        "active_locks",
        "pending_requests",
        "lock_holders",
        "total_wait_queues",
        "max_concurrent_locks",
        "deadlock_detection_enabled",
        "metrics",
    }
    assert (system["registered_resources"], system["active_locks"], system["lock_holders"]) == (1, 1, 1)
    assert (system["max_concurrent_locks"], system["deadlock_detection_enabled"]) == (50, True)
    metrics = coordinator.get_coordinator_metrics()
    assert (metrics.total_requests, metrics.successful_acquisitions, metrics.failed_acquisitions) == (3, 2, 1)
    assert (metrics.timeout_count, metrics.contention_count, metrics.peak_concurrent_locks) == (1, 1, 2)
    assert (system["metrics"]["timeout_count"], metrics.average_wait_time) == (1, 0.0)


def test_after_the_shutdown_nothing_is_acquired(coordinator):
    """What is held can still be let go."""
    lock_id = coordinator.acquire_resource("notes", READ, "me")
    coordinator.shutdown()
    with pytest.raises(BrainClosedError):
        coordinator.acquire_resource("notes", READ, "me")
    assert coordinator.release_resource(lock_id) is True


class Counting(BaseModule):
    def run(self):
        """Add one, in a way that loses some if two are at it."""
        with self.brain.resources.acquire_context("count", "write") as count:
            (seen,) = count
            threading.Event().wait(0.001)
            count[0] = seen + 1


@pytest.mark.feature("PR-03", "PX-06")
def test_a_manager_s_modules_and_its_callers_share_the_locks(manage):
    """What modules lock inside their runs and the program outside of them is the same: no addition is lost."""
    manager = manage(max_workers=4, task_timeout=7.0)
    count = [0]
    manager.resource_coordinator.register_resource("count", count, ResourceType.COMPUTATION)
    assert manager.resource_coordinator.default_timeout == 7.0
    manager.register_module("counting", Counting())
    with manager.resource_coordinator.acquire_context("count", WRITE, "main"):
        tasks = [manager.submit_task("counting") for _ in range(20)]
        count[0] += 100
    for task_id in tasks:
        manager.get_task_result(task_id, PATIENCE)
    assert count == [120]
    assert manager.resource_coordinator.get_coordinator_metrics().successful_acquisitions == 21

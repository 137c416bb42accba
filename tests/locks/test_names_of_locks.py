"""What a lock is called."""

from __future__ import annotations

import threading

import pytest

from tests.locks.clients import READ, coordinator


@pytest.mark.feature("PR-12")
def test_each_lock_has_an_id_of_its_own_and_the_status_tells_it():
    """The same at every look, from whatever thread the first one comes."""
    made = coordinator()
    locks = [made.acquire_context("memory", READ) for _ in range(200)]
    seen: list[list[str]] = []
    together = threading.Barrier(4)

    def look() -> None:
        together.wait(30)
        seen.append([lock.id for lock in locks])

    threads = [threading.Thread(target=look) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert seen == [seen[0]] * 4
    assert len(set(seen[0])) == 200
    with locks[7]:
        assert [held.lock_id for held in made.get_resource_status("memory").holders] == [locks[7].id]

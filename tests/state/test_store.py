"""The store's lock: commits one after the other, whoever makes them and whatever interrupts them."""

from __future__ import annotations

import gc
import sys
import threading
from collections.abc import Iterator

import pytest

from companion_async import StateCoordinator


@pytest.fixture
def restless() -> Iterator[None]:
    """Threads change places as often as the interpreter lets them."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.fixture
def collector() -> Iterator[None]:
    """The test may say when the collector runs."""
    before = gc.get_threshold()
    gc.collect()
    yield
    gc.set_threshold(*before)


@pytest.mark.feature("PT-08", "PT-11")
def test_commits_of_threads_have_one_order(restless):
    """T5, T6: versions, the history and what subscribers hear go up by one each time, and no figure is lost."""
    state, heard = StateCoordinator(history_size=20_000), list[int]()
    state.subscribe_to_path("m", "*", lambda changes: heard.append(changes[0].version))

    def commit(number):
        for step in range(1500):
            state.propose("m", f"t{number}.k{step % 7}", step)

    threads = [threading.Thread(target=commit, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    expected = list(range(1, 12_001))
    assert [change.version for change in state.history(limit=20_000)] == expected
    assert heard == expected
    metrics = state.get_metrics()
    assert (metrics.commits, metrics.changes, metrics.told) == (12_000, 12_000, 12_000)


def test_a_finalizer_may_commit_in_the_middle_of_a_commit(collector):
    """Wherever the collector runs one, it neither waits for the commit that it interrupts nor is overwritten by it."""
    state, ended = StateCoordinator(), []

    class Tells:
        def __init__(self, number):
            self.me = self
            self.number = number

        def __del__(self):
            ended.append(state.propose("finalizer", f"ended.e{self.number}", self.number))
            state.propose("finalizer", "made.last", self.number)

    for number in range(300):
        Tells(number)
        gc.set_threshold(1 + number % 60)  # so many allocations from here it runs, and with it the finalizer
        state.propose("m", "made", {f"m{number}": [number]}, "merge")
        assert state.get("made.last") == (ended[-1].new_value if ended else None)
    gc.set_threshold(700)
    gc.collect()
    assert len(state.get("made")) - 1 == len(state.get("ended")) == len(ended) == 300
    versions = sorted(change.version or 0 for change in state.history(limit=2000))
    assert versions == list(range(1, 901))


def test_what_is_let_go_inside_a_commit_may_commit():
    """An object whose end proposes a change, evicted from the history by a commit, adds its own to it."""
    state = StateCoordinator(history_size=1)

    class Tells:
        def __deepcopy__(self, memo):
            raise TypeError

        def __del__(self):
            state.propose("finalizer", "ended", True)

    state.propose("m", "thing", Tells())
    state.propose("m", "thing", None)
    gc.collect()
    state.propose("m", "other", 1)
    gc.collect()
    state.propose("m", "last", 1)
    assert state.to_dict() == {"thing": None, "other": 1, "ended": True, "last": 1}
    assert [change.version for change in state.history()] == [state.version]

"""What a commit, a transaction and telling a thousand subscribers cost, against what one would write instead.

The contenders for a commit: ``dict, path copied`` is a dict of dicts under a lock whose writer copies the dicts on the
path and swaps the root, so that its readers have snapshots as ours do; ``dict in place`` is the same without them: its
readers must take the lock and copy what they read. Values are copied on the way in by all.
"""

from __future__ import annotations

import copy
import importlib.util
import queue
import threading
from collections.abc import Iterator
from typing import Any

from benchmarks.acts import BLINKER, QUEUES, Act, compete
from benchmarks.contenders import OURS
from benchmarks.report import Progress, Report
from companion_async import StateCoordinator

SIZES = (100, 10_000, 1_000_000)
SUBSCRIBERS = 1000
COPIED, IN_PLACE = "dict, path copied", "dict in place"
_VALUE = {"mood": "calm", "level": 0.5}


def measure(loop: str, *, quick: bool, progress: Progress) -> Report:
    """Each contender in each setting."""
    acts = [each for size in SIZES for each in commits(size)]
    acts += [*transactions(SIZES[1]), *fan_outs()]
    what = "keys: one value put at one path of a mapping of so many; transaction: one number read and put back higher"
    report = Report(
        suite="state",
        loop=loop,
        asks="What does a change of the shared state cost, however much there is, and to tell a thousand of it?",
        says_not="What readers gain: they need no lock and copy nothing, and no reader is in it.",
        notes=(what,),
    )
    return compete(report, acts, quick=quick, progress=progress)


def commits(size: int) -> Iterator[tuple[str, str, Act]]:
    """One value put at one path of a mapping of so many keys."""
    setting = f"{size:,} keys"
    keys = [f"key{number}" for number in range(size)]
    paths = [f"items.{key}" for key in keys[:100]]
    state = StateCoordinator({"items": dict.fromkeys(keys, 0)})
    yield OURS[0], setting, lambda number: state.propose("bench", paths[number % 100], _VALUE)
    copied = Copied({"items": dict.fromkeys(keys, 0)})
    yield COPIED, setting, lambda number: copied.put("items", keys[number % 100], _VALUE)
    in_place: dict[str, dict[str, Any]] = {"items": dict.fromkeys(keys, 0)}
    lock = threading.Lock()

    def put(number: int) -> None:
        value = copy.deepcopy(_VALUE)
        with lock:
            in_place["items"][keys[number % 100]] = value

    yield IN_PLACE, setting, put


def transactions(size: int) -> Iterator[tuple[str, str, Act]]:
    """One number read, and put back one higher, as a transaction or with the lock held."""
    setting = "transaction"
    keys = [f"key{number}" for number in range(size)]
    state = StateCoordinator({"items": dict.fromkeys(keys, 0)})

    def transact(number: int) -> None:
        path = f"items.{keys[number % 100]}"
        transaction = state.transaction()
        transaction.set(path, transaction.get(path) + 1)
        transaction.commit()

    yield OURS[0], setting, transact
    copied = Copied({"items": dict.fromkeys(keys, 0)})

    def add_copied(number: int) -> None:
        key = keys[number % 100]
        with copied.lock:
            copied.put("items", key, copied.root["items"][key] + 1)

    yield COPIED, setting, add_copied
    in_place, lock = {"items": dict.fromkeys(keys, 0)}, threading.Lock()

    def add_in_place(number: int) -> None:
        with lock:
            in_place["items"][keys[number % 100]] += 1

    yield IN_PLACE, setting, add_in_place


def fan_outs() -> Iterator[tuple[str, str, Act]]:
    """One change told to 1,000 subscribers of its path; ours has the commit in it, and as many others do not listen."""
    setting = f"tell {SUBSCRIBERS:,}"
    state = StateCoordinator({"mood": 0})

    def hear(changes: Any) -> None:
        pass

    for number in range(SUBSCRIBERS):
        state.subscribe_to_path(f"m{number}", "mood", hear)
        state.subscribe_to_path(f"m{number}", f"other.k{number}", hear)
    yield OURS[0], setting, lambda number: state.propose("bench", "mood", number)
    queues: list[queue.SimpleQueue[int]] = [queue.SimpleQueue() for _ in range(SUBSCRIBERS)]

    def put_and_take(number: int) -> None:
        for each in queues:
            each.put(number)
        for each in queues:
            hear(each.get())

    yield QUEUES, setting, put_and_take
    if importlib.util.find_spec(BLINKER) is not None:
        import blinker

        signal = blinker.Signal()
        receivers = [lambda sender, changes, number=number: hear(changes) for number in range(SUBSCRIBERS)]
        for receiver in receivers:
            signal.connect(receiver)
        yield BLINKER, setting, lambda number: (signal.send("bench", changes=number), receivers)


class Copied:
    """A dict of dicts under a lock: a writer copies what it touches and swaps the root."""

    def __init__(self, root: dict[str, dict[str, Any]]) -> None:
        self.root = root
        self.lock = threading.RLock()

    def put(self, outer: str, inner: str, value: Any) -> None:
        """Put a copy of ``value`` there."""
        value = copy.deepcopy(value)
        with self.lock:
            self.root = {**self.root, outer: {**self.root[outer], inner: value}}

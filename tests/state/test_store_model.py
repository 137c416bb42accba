"""The store against plain dicts: whatever is done to both, the same comes out, and what is refused changes nothing."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from companion_async import ConflictError, InvalidPathError, StateCoordinator
from companion_async.state.transaction import TransactionStateError

_PATHS = st.lists(st.sampled_from("abc"), min_size=1, max_size=3).map(".".join)
_VALUES = (
    st.integers(0, 3)
    | st.lists(st.integers(0, 3), max_size=2)
    | st.dictionaries(st.sampled_from("abc"), st.integers(0, 3), max_size=2)
)
_KINDS = st.sampled_from(["create", "update", "update", "delete", "merge", "reset"])
_OPERATIONS = st.tuples(st.sampled_from(["get", "get", "get", "set", "set", "merge", "delete"]), _PATHS, _VALUES)
_BAD = st.sampled_from(["", "a..b", "__class__", "a.__init__", "a b", None, 7, "x" * 300])
NOTHING = "nothing"
BEGINNING = {"a": {"b": 1}, "c": 0}


class BlockedError(Exception):
    """The model's word for an impossible change."""


def read(tree, path):
    for segment in path.split("."):
        if not isinstance(tree, dict) or segment not in tree:
            return NOTHING
        tree = tree[segment]
    return tree


def write(tree, path, value):
    *above, last = path.split(".")
    for segment in above:
        tree = tree.setdefault(segment, {})
        if not isinstance(tree, dict):
            raise BlockedError
    if value is NOTHING:
        tree.pop(last, None)
    else:
        tree[last] = copy.deepcopy(value)


def changed(tree, kind, path, value):
    """A new model after the change; `BlockedError` if it is impossible."""
    tree = copy.deepcopy(tree)
    old = read(tree, path)
    if (kind == "create" and old is not NOTHING) or (kind == "delete" and old is NOTHING):
        raise BlockedError
    if kind == "merge":
        if old is not NOTHING and not isinstance(old, dict):
            raise BlockedError
        value = {**(old if isinstance(old, dict) else {}), **value}
    if kind == "reset":
        value = read(BEGINNING, path)
    if kind == "delete" or value is NOTHING:
        if old is not NOTHING:
            write(tree, path, NOTHING)
        return tree
    write(tree, path, value)
    return tree


def overlaps(one, other):
    return one == "*" or other == "*" or all(a == b for a, b in zip(one.split("."), other.split("."), strict=False))


class Open:
    """A transaction and what the model knows of it: the operations in order, each read with what it showed."""

    def __init__(self, transaction, view):
        self.transaction = transaction
        self.version = transaction.version
        self.view = view
        self.ops = []
        self.writes = False


class StoreAgainstDict(RuleBasedStateMachine):
    """One state, several open transactions, snapshots, subscribers. The model copies whole dicts."""

    def __init__(self) -> None:
        super().__init__()
        self.state = StateCoordinator(BEGINNING, max_snapshots=3)
        self.model = copy.deepcopy(BEGINNING)
        self.commits: list[list[str]] = []
        self.open: list[Open] = []
        self.snapshots: dict[str, dict[str, Any]] = {}
        self.heard: list[int] = []
        self.heard_below: list[int] = []
        self.expected_below: list[int] = []
        self.state.subscribe_to_path("m", "*", lambda changes: self.heard.append(changes[0].version))
        self.state.subscribe_to_path("m", "a.b", lambda changes: self.heard_below.append(changes[0].version))

    def committed(self, paths):
        self.commits.append(paths)

    @rule(kind=_KINDS, path=_PATHS, value=_VALUES)
    def propose(self, kind, path, value):
        self.change(kind, path, value)

    def change(self, kind, path, value):
        if kind == "merge" and not isinstance(value, dict):
            value = {"a": value}
        change = self.state.propose("m", path, value, kind)
        try:
            self.model = changed(self.model, kind, path, value)
        except BlockedError:
            assert change.status == "refused"
        else:
            assert change.status == "applied"
            self.committed([path])
            assert change.version == len(self.commits)

    @precondition(lambda self: len(self.open) < 4)
    @rule()
    def begin(self):
        self.open.append(Open(self.state.transaction(), copy.deepcopy(self.model)))

    @precondition(lambda self: self.open)
    @rule(which=st.integers(0, 3), operation=_OPERATIONS)
    def work(self, which, operation):
        self.operate(which, *operation)

    def operate(self, which, kind, path, value):
        one = self.open[which % len(self.open)]
        if kind == "get":
            expected = copy.deepcopy(read(one.view, path))
            assert one.transaction.get(path, NOTHING) == expected
            one.ops.append(("get", path, expected))
            return
        if kind == "merge" and not isinstance(value, dict):
            value = {"a": value}
        arguments = (path,) if kind == "delete" else (path, value)
        try:
            view = one.view
            if kind != "delete" or read(view, path) is not NOTHING:
                view = changed(view, "update" if kind == "set" else kind, path, value)
                one.writes = True
        except BlockedError:
            with pytest.raises(InvalidPathError):
                getattr(one.transaction, kind)(*arguments)
            one.ops.append(("blocked", path, "update" if kind == "set" else kind))
        else:
            getattr(one.transaction, kind)(*arguments)
            # Deleting what is not there is a look at it.
            one.ops.append(("get", path, NOTHING) if view is one.view else (kind, path, value))
            one.view = view

    @precondition(lambda self: self.open)
    @rule(which=st.integers(0, 3))
    def commit(self, which):
        self.finish(which)

    def finish(self, which):
        one = self.open.pop(which % len(self.open))
        since = [path for paths in self.commits[one.version :] for path in paths]
        head = self.state._store.head
        written = [path for kind, path, _ in one.ops if kind in ("set", "delete", "merge")]
        try:
            version = one.transaction.commit()
        except ConflictError as error:
            assert self.state._store.head is head
            for path in error.paths:
                assert any(overlaps(path, other) for other in since), "nothing that it read had been touched"
        else:
            if not one.writes:
                assert self.state._store.head is head
                return
            # It must be as if all of it had been done just now: the same reads, the same writes.
            self.model = self.replayed(one)
            self.committed(written)
            assert version == len(self.commits)

    def replayed(self, one):
        tree = copy.deepcopy(self.model)
        for kind, path, what in one.ops:
            if kind == "get":
                got = read(tree, path)
                assert got == what if what is not NOTHING else got is NOTHING, (
                    "it read what was not so when it committed"
                )
            elif kind == "blocked":
                with pytest.raises(BlockedError):
                    changed(tree, what, path, {})
            else:
                tree = changed(tree, "update" if kind == "set" else kind, path, what)
        return tree

    @rule(
        before=st.lists(_OPERATIONS, min_size=1, max_size=4),
        meanwhile=st.lists(st.tuples(_KINDS, _PATHS, _VALUES), max_size=3),
        after=st.lists(_OPERATIONS, max_size=2),
    )
    def race(self, before, meanwhile, after):
        self.open.append(Open(self.state.transaction(), copy.deepcopy(self.model)))
        for kind, path, value in before:
            self.operate(-1, kind, path, value)
        for kind, path, value in meanwhile:
            self.change(kind, path, value)
        for kind, path, value in after:
            self.operate(-1, kind, path, value)
        self.finish(-1)

    @precondition(lambda self: self.open)
    @rule(which=st.integers(0, 3))
    def roll_back(self, which):
        one = self.open.pop(which % len(self.open))
        one.transaction.rollback()
        with pytest.raises(TransactionStateError):
            one.transaction.commit()

    @rule(name=st.sampled_from("rst"))
    def snapshot(self, name):
        self.state.create_snapshot(name)
        self.snapshots[name] = copy.deepcopy(self.model)

    @precondition(lambda self: self.snapshots)
    @rule(data=st.data())
    def restore(self, data):
        name = data.draw(st.sampled_from(sorted(self.snapshots)))
        before = self.state._store.head.root
        self.state.restore(name)
        self.model = copy.deepcopy(self.snapshots[name])
        self.committed(["*"])
        if self.state._store.head.root is before:
            self.heard.append(len(self.commits))  # it concerned nobody, and nobody was told

    @rule(path=_BAD)
    def refuse(self, path):
        head = self.state._store.head
        for door in (self.state.get, lambda path: self.state.propose("m", path, 1), self.state.transaction().get):
            with pytest.raises(InvalidPathError):
                door(path)
        assert self.state._store.head is head

    @invariant()
    def both_are_the_same(self):
        assert self.state.to_dict() == self.model
        assert self.state.version == len(self.commits)

    @invariant()
    def every_commit_was_told_once_and_in_order(self):
        told = [version for version in self.heard if self.commits[version - 1] != ["*"]]
        assert told == [number for number, paths in enumerate(self.commits, 1) if paths != ["*"]]
        assert self.heard_below == sorted(set(self.heard_below))
        for number in self.heard_below:
            assert any(overlaps("a.b", path) for path in self.commits[number - 1])
        exact = {n for n, paths in enumerate(self.commits, 1) if "a.b" in paths}
        assert exact <= set(self.heard_below)

    @invariant()
    def snapshots_are_what_they_were(self):
        for name, expected in self.snapshots.items():
            if name in self.state.status().snapshots:
                assert self.state._shelf.find(name).to_dict() == expected

    @invariant()
    def the_history_is_the_commits(self):
        versions = [change.version or 0 for change in self.state.history(limit=1000)]
        assert versions == sorted(versions)
        assert set(versions) == set(range(1, len(self.commits) + 1))


TestStoreAgainstDict = pytest.mark.timeout(240)(
    pytest.mark.feature("PT-02", "PT-08", "PT-09", "PT-10", "X-07")(StoreAgainstDict.TestCase)
)
TestStoreAgainstDict.settings = settings(max_examples=60, stateful_step_count=30, phases=[Phase.generate])


@pytest.mark.slow
@pytest.mark.feature("PT-10", "X-07")
def test_a_thousand_long_runs_against_the_model():
    """T1 to T8, but for crashes: 1,000 runs of 100 steps each."""
    from hypothesis.stateful import run_state_machine_as_test

    run_state_machine_as_test(
        StoreAgainstDict,
        settings=settings(max_examples=1000, stateful_step_count=100, deadline=None, phases=[Phase.generate]),
    )

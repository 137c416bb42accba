"""The tree: equal to plain dicts, never changed once made, and no wider to copy than a few small dicts."""

from __future__ import annotations

import gc
import weakref

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from companion_async.state.tree import EMPTY, LEAF, MISSING, BlockedPathError, Branch, assign, lookup, remove

_STEPS = st.lists(st.tuples(st.integers(0, 400), st.booleans()), max_size=300)


@given(_STEPS)
@settings(max_examples=60)
@pytest.mark.feature("X-07")
def test_a_branch_is_a_dict_that_forgets_nothing_of_its_past(steps):
    """After any puts and drops each branch there ever was still equals the dict of its time."""
    branch = EMPTY
    model: dict[str, int] = {}
    past = []
    for number, (name, add) in enumerate(steps):
        key = f"key{name}"
        if add:
            branch, model = branch.put(key, number), {**model, key: number}
        else:
            branch = branch.drop(key)
            model = {k: v for k, v in model.items() if k != key}
        past.append((branch, model))
    for old, expected in past[:: max(1, len(past) // 20)]:
        assert dict(old.items()) == expected
        assert len(old) == len(expected)
        assert all(old.get(key) == value for key, value in expected.items())
    assert branch.get("no such key") is MISSING


def test_few_keys_keep_their_order_and_many_come_sorted():
    """The order that comes out depends on what went in, never on the process's hash seed."""
    few = [f"k{number}" for number in range(LEAF, 0, -1)]
    assert list(dict(Branch.of(dict.fromkeys(few)).items())) == few
    many = [f"k{number}" for number in range(LEAF + 5, 0, -1)]
    assert list(dict(Branch.of(dict.fromkeys(many)).items())) == sorted(many)


def test_building_at_once_is_building_key_by_key():
    """Both ways lead to the same entries, however many."""
    entries = {f"key{number}": number for number in range(5000)}
    one_by_one = EMPTY
    for key, value in entries.items():
        one_by_one = one_by_one.put(key, value)
    assert dict(Branch.of(entries).items()) == dict(one_by_one.items()) == entries


def test_a_change_copies_little_however_wide_the_mapping():
    """Of 100,000 keys a put copies the lists and the dict on its way and shares the rest."""
    wide = Branch.of({f"key{number}": number for number in range(100_000)})
    other = wide.put("key5", "new")

    def parts(trie):
        yield id(trie)
        if isinstance(trie, list):
            for kid in trie:
                yield from parts(kid)

    fresh = set(parts(other._trie)) - set(parts(wide._trie))
    assert len(fresh) <= 5
    assert (wide.get("key5"), other.get("key5")) == (5, "new")


def test_what_grew_and_shrank_keeps_nothing():
    """After the last key has gone no list of the trie is left."""
    branch = Branch.of({f"key{number}": number for number in range(3000)})
    for number in range(3000):
        branch = branch.drop(f"key{number}")
    assert branch._trie == {}


def test_paths_make_the_mappings_they_need_and_stop_at_values():
    """Assigning makes what is missing on its way; a value that is no mapping is not replaced by one."""
    root = assign(EMPTY, ("a", "b", "c"), 1)
    assert lookup(root, ("a", "b", "c")) == 1
    assert lookup(root, ("a", "x", "c")) is MISSING
    assert lookup(root, ("a", "b", "c", "d")) is MISSING
    with pytest.raises(BlockedPathError) as raised:
        assign(root, ("a", "b", "c", "d"), 2)
    assert raised.value.segments == ("a", "b", "c")


def test_removing_leaves_the_rest_as_it_was():
    """What stands beside the path is the very same object; removing nothing returns the same root."""
    root = assign(assign(EMPTY, ("a", "b"), 1), ("x", "y"), 2)
    after = remove(root, ("a", "b"))
    assert lookup(after, ("a", "b")) is MISSING
    assert lookup(after, ("x",)) is lookup(root, ("x",))
    assert remove(root, ("a", "no")) is root


def test_a_tree_that_refers_to_itself_can_be_collected():
    """An object that is held by reference and holds the tree goes with it: nothing hides it from the collector."""

    class Owner:
        tree = EMPTY

    owner = Owner()
    owner.tree = Branch.of({f"k{number}": owner for number in range(LEAF + 1)})
    gone = weakref.ref(owner)
    del owner
    gc.collect()
    assert gone() is None

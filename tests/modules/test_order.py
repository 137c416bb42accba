"""The order in which modules that need each other are started."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from companion_async.errors import DependencyCycleError, UnknownModuleError
from companion_async.modules.order import start_order


@st.composite
def tables(draw, acyclic):
    """Dependencies among up to 12 names; acyclic ones only look back."""
    names = draw(st.lists(st.text("abcdefgh", min_size=1, max_size=4), unique=True, max_size=12))
    return {
        name: draw(st.lists(st.sampled_from(others), unique=True))
        if (others := names[:at] if acyclic else names)
        else []
        for at, name in enumerate(names)
    }


@pytest.mark.feature("CB-F6")
@given(tables(acyclic=True), st.randoms(use_true_random=False))
def test_everything_comes_after_what_it_needs(table, chance):
    """Whatever the order of registration, each name comes once, and after all that it depends on."""
    items = list(table.items())
    chance.shuffle(items)
    order = start_order(dict(items))
    assert sorted(order) == sorted(table)
    at = {name: index for index, name in enumerate(order)}
    assert all(at[needed] < at[name] for name, needs in table.items() for needed in needs)
    assert start_order(dict(items)) == order
    assert start_order({name: set(needs) for name, needs in items}) == start_order(
        {name: sorted(needs) for name, needs in items}
    )


@pytest.mark.feature("CB-F6")
def test_without_dependencies_the_order_of_registration_stands():
    """Modules that need nothing start as they were registered."""
    assert start_order({"c": (), "a": (), "b": ()}) == ("c", "a", "b")


@pytest.mark.feature("CB-F6")
@given(tables(acyclic=False))
def test_a_cycle_is_named_as_a_path(table):
    """Either there is an order, or the error's path is a real cycle: each needs the next, the last is the first."""
    try:
        start_order(table)
    except DependencyCycleError as error:
        path = error.cycle
        assert path[0] == path[-1]
        assert len(path) > 1
        assert all(later in table[earlier] for earlier, later in pairwise(path))


@pytest.mark.feature("CB-F6")
@pytest.mark.parametrize("length", [1, 2, 3, 1000])
def test_cycles_of_any_length_are_refused(length):
    """A name that needs itself, two that need each other, a thousand in a ring: each is refused with the whole path."""
    ring = {f"m{at}": (f"m{(at + 1) % length}",) for at in range(length)}
    with pytest.raises(DependencyCycleError) as caught:
        start_order({"before": (), **ring, "after": ("m0",)})
    path = caught.value.cycle
    assert len(path) == length + 1
    assert set(path) == set(ring)
    assert all((later,) == ring[earlier] for earlier, later in pairwise(path))


@pytest.mark.feature("CB-F6")
def test_depth_is_no_limit():
    """A chain of 50,000 is ordered without recursion."""
    length = 50_000
    chain = {f"m{at}": (f"m{at + 1}",) if at + 1 < length else () for at in range(length)}
    assert start_order(chain) == tuple(f"m{at}" for at in reversed(range(length)))


def test_an_unknown_dependency_is_named():
    """A dependency that is no module is an error that lists the modules there are."""
    with pytest.raises(UnknownModuleError) as caught:
        start_order({"a": ("ghost",)})
    assert (caught.value.module, caught.value.known) == ("ghost", ("a",))

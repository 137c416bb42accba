"""Who waits for whom: cycles are refused, chains may be long, and nothing is kept that nobody waits for."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from companion_async.errors import DependencyCycleError
from companion_async.locks.cycle import path_to
from companion_async.scheduling.dependencies import Dependencies


def graph(*edges: tuple[str, str]) -> Dependencies[str]:
    """``("a", "b")``: a waits for b."""
    made: Dependencies[str] = Dependencies()
    for node, upstream in edges:
        made.add(node, [upstream])
    return made


def picture(dependencies: Dependencies[str], nodes: str) -> dict[str, frozenset[str]]:
    return {node: dependencies.upstream(node) for node in nodes}


@pytest.mark.feature("PS-06")
def test_a_node_waits_until_the_last_of_its_upstreams_is_met():
    """Each end is told to those that wait, and only with the last does waiting end."""
    waiting = Dependencies[str]()
    waiting.add("c", ["a", "b"])
    assert waiting.met("a") == ["c"]
    assert waiting.waits("c")
    assert waiting.met("b") == ["c"]
    assert not waiting.waits("c")
    assert waiting.met("b") == []


@pytest.mark.feature("PS-06")
def test_those_who_wait_are_told_in_the_order_in_which_they_came():
    """The dependents of one upstream come in order of submission."""
    waiting = Dependencies[str]()
    for node in "xyzab":
        waiting.add(node, ["up"])
    assert waiting.met("up") == list("xyzab")


@pytest.mark.feature("PS-07")
@pytest.mark.parametrize(
    ("edges", "closing", "cycle"),
    [
        ([], ("a", "a"), ("a", "a")),
        ([("a", "b")], ("b", "a"), ("b", "a", "b")),
        ([("a", "b"), ("b", "c")], ("c", "a"), ("c", "a", "b", "c")),
        ([("a", "b"), ("a", "c"), ("c", "d")], ("d", "a"), ("d", "a", "c", "d")),
    ],
)
def test_an_edge_that_closes_a_cycle_is_refused_with_the_cycle_and_changes_nothing(edges, closing, cycle):
    """The error names the way round, in order, and the graph is what it was."""
    waiting = graph(*edges)
    before = picture(waiting, "abcd")
    with pytest.raises(DependencyCycleError) as caught:
        waiting.add(closing[0], [closing[1]])
    assert caught.value.cycle == cycle
    assert picture(waiting, "abcd") == before
    assert len(waiting) == len({edge[0] for edge in edges})


@pytest.mark.feature("PS-07")
def test_a_cycle_of_a_thousand_is_found():
    """A cycle is found however long it is, without recursion."""
    waiting: Dependencies[int] = Dependencies()
    for number in range(1000):
        waiting.add(number, [number + 1])
    with pytest.raises(DependencyCycleError) as caught:
        waiting.add(1000, [0])
    assert caught.value.cycle == tuple(str(number) for number in [1000, *range(1000), 1000])


@pytest.mark.feature("PS-07")
def test_only_those_that_still_wait_close_a_cycle():
    """An edge to a node that waits no longer is no way back."""
    waiting = graph(("a", "b"))
    waiting.drop("a")
    waiting.add("b", ["a"])
    assert waiting.upstream("b") == {"a"}


@pytest.mark.feature("PS-06")
def test_a_chain_of_a_hundred_thousand_takes_no_stack():
    """A long chain is built, met link by link, and leaves nothing behind."""
    waiting: Dependencies[int] = Dependencies()
    for number in range(100_000):
        waiting.add(number + 1, [number])
    for number in range(100_000):
        assert waiting.met(number) == [number + 1]
    assert len(waiting) == 0
    assert not waiting.dependents


@pytest.mark.feature("PS-06")
def test_a_dropped_node_is_told_nothing_and_leaves_nothing_behind():
    """A cancelled task waits for nothing, and its upstreams forget it."""
    waiting = Dependencies[str]()
    waiting.add("c", ["a", "b"])
    waiting.drop("c")
    waiting.drop("never there")
    assert waiting.met("a") == waiting.met("b") == []
    assert not waiting.dependents


@pytest.mark.feature("PS-06", "PS-07")
@given(edges=st.lists(st.tuples(st.integers(0, 12), st.sets(st.integers(0, 12), min_size=1, max_size=4)), max_size=25))
def test_what_is_accepted_can_always_be_finished(edges):
    """Whatever was accepted has no cycle: ending whatever waits for nothing, again and again, ends everything."""
    waiting: Dependencies[int] = Dependencies()
    for node, upstream in edges:
        before = {node: waiting.upstream(node) for node in range(13)}
        cycle: tuple[str, ...] = ()
        try:
            waiting.add(node, upstream)
        except DependencyCycleError as error:
            cycle = error.cycle
        if cycle:
            assert cycle[0] == cycle[-1] == str(node)
            steps = itertools.pairwise(int(step) for step in cycle)
            assert all(ahead in (upstream if step == node else before[step]) for step, ahead in steps)
            assert {node: waiting.upstream(node) for node in range(13)} == before
    left = set(range(13))
    while left:
        free = {node for node in left if not waiting.waits(node)}
        assert free
        for node in free:
            waiting.met(node)
        left -= free
    assert len(waiting) == 0


def test_a_way_back_is_found_through_any_kind_of_edge():
    """`path_to` follows whatever edges it is given and returns the way there and back, or nothing."""
    edges = {"b": ["c", "d"], "d": ["a"], "c": ["e"]}
    assert path_to("a", ["b"], lambda step: edges.get(step, ())) == ["a", "b", "d", "a"]
    assert path_to("a", ["c"], lambda step: edges.get(step, ())) == []
    assert path_to("a", ["a"], lambda step: ()) == ["a", "a"]

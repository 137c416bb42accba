"""Conflicts in a batch: who wins, who is told that it has lost, and that all else is applied."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from companion_async import ChangeStatus, ConflictStrategy, InvalidArgumentError, StateCoordinator

PENDING, APPLIED, LOST, REFUSED = ChangeStatus


def made(initial=None) -> StateCoordinator:
    return StateCoordinator(initial, sync_policy="on_demand")


def statuses(*changes):
    return [change.status for change in changes]


@pytest.mark.feature("PT-07")
def test_by_default_the_higher_priority_wins_and_then_the_later():
    """The loser is told so, with who won; it never comes back; what does not conflict is applied."""
    state = made()
    strong = state.propose("strong", "x", 1, priority=2)
    weak = state.propose("weak", "x", 2, priority=1)
    other = state.propose("weak", "y", 3)
    earlier, later = state.propose("a", "z", 4), state.propose("b", "z", 5)
    assert statuses(strong, weak, other, earlier, later) == [PENDING] * 5
    state.apply()
    assert statuses(strong, weak, other, earlier, later) == [APPLIED, LOST, APPLIED, LOST, APPLIED]
    assert "strong" in weak.reason
    assert state.to_dict() == {"x": 1, "y": 3, "z": 5}
    state.apply()
    state.propose("c", "w", 6)
    state.apply()
    assert state.to_dict() == {"x": 1, "y": 3, "z": 5, "w": 6}
    assert (state.version, weak.status, weak.version) == (2, LOST, None)
    assert (state.get_metrics().conflicts, state.get_metrics().lost) == (2, 2)


@pytest.mark.feature("PT-07")
@given(st.permutations([("a", 1), ("b", 1), ("c", 0), ("d", 1)]))
def test_equal_priority_and_equal_time_has_one_winner(order):
    """STA-09: of those that are equal in all, the last to come wins, every time."""
    state = made()
    changes = [state.propose(module, "x", module, priority=priority) for module, priority in order]
    state.apply()
    winner = [module for module, priority in order if priority == 1][-1]
    assert state.get("x") == winner
    assert [change.module for change in changes if change.applied] == [winner]


@pytest.mark.feature("PT-07")
def test_latest_wins_whatever_the_priority():
    """The strategy of a path goes for everything below it, until another one is registered nearer."""
    state = made()
    state.register_conflict_resolver("a", "latest_wins")
    state.register_conflict_resolver("a.b", ConflictStrategy.PRIORITY)
    for path in ("a.x.y", "a.b.c", "other"):
        state.propose("strong", path, "strong", priority=9)
        state.propose("late", path, "late")
    state.apply()
    assert state.to_dict() == {"a": {"x": {"y": "late"}, "b": {"c": "strong"}}, "other": "strong"}


@pytest.mark.feature("PT-07")
def test_an_order_of_modules_goes_before_the_numbers():
    """Modules in the order win over those that are not in it, whatever their numbers."""
    state = made()
    state.register_conflict_resolver("x", "priority", order=("planner", "perception"))
    changes = [
        state.propose("stranger", "x", 1, priority=100),
        state.propose("planner", "x", 2),
        state.propose("perception", "x", 3, priority=50),
    ]
    state.apply()
    assert statuses(*changes) == [LOST, APPLIED, LOST]


@pytest.mark.feature("PT-07")
def test_merging_puts_dicts_over_each_other_and_over_what_is_there():
    """All of them are applied; the history says which change stands for them; other values go to the latest."""
    state = made({"mood": {"calm": 1, "old": 0}, "n": 0})
    state.register_conflict_resolver("mood", "merge")
    state.register_conflict_resolver("n", "merge")
    a = state.propose("a", "mood", {"calm": 2, "x": 1}, priority=5)
    b = state.propose("b", "mood", {"y": 2, "calm": 3})
    c, d = state.propose("c", "n", 1, priority=5), state.propose("d", "n", 2)
    state.apply()
    assert state.to_dict() == {"mood": {"calm": 3, "old": 0, "x": 1, "y": 2}, "n": 2}
    assert statuses(a, b, c, d) == [APPLIED, APPLIED, LOST, APPLIED]
    recorded = next(change for change in state.history() if change.path == "mood")
    assert recorded.metadata == {"combines": [a.id, b.id]}
    assert recorded.old_value == {"calm": 1, "old": 0}
    assert (a.version, b.version) == (1, 1)


@pytest.mark.feature("PT-07")
def test_a_resolver_of_ones_own_chooses_or_makes_a_value():
    """It may return the change that wins, several, or a value to be stored; it sees them in the order they came."""
    seen = []

    def lowest(changes):
        seen.append([change.new_value for change in changes])
        return min(changes, key=lambda change: change.new_value)

    state = made({"sum": 10})
    state.register_conflict_resolver("low", "custom", lowest)
    state.register_conflict_resolver("sum", "custom", lambda changes: sum(change.new_value for change in changes))
    state.register_conflict_resolver("all", "custom", lambda changes: list(changes))
    low = [state.propose("m", "low", value) for value in (3, 1, 2)]
    total = [state.propose("m", "sum", value) for value in (3, 1, 2)]
    every = [state.propose("m", "all", {name: 1}, "merge" if name != "x" else "update") for name in "xyz"]
    state.apply()
    assert state.to_dict() == {"sum": 6, "low": 1, "all": {"x": 1, "y": 1, "z": 1}}
    assert seen == [[3, 1, 2]]
    assert statuses(*low, *total, *every) == [LOST, APPLIED, LOST, *[APPLIED] * 6]


@pytest.mark.feature("PT-07")
def test_a_failing_resolver_harms_nothing_else():
    """What it should have decided is refused with the reason; the rest of the batch is applied."""
    state = made()

    def broken(changes):
        raise ZeroDivisionError

    state.register_conflict_resolver("x", "custom", broken)
    changes = [state.propose("m", "x", 1), state.propose("m", "x", 2), state.propose("m", "y", 3)]
    state.apply()
    assert statuses(*changes) == [REFUSED, REFUSED, APPLIED]
    assert changes[0].reason == "its conflict resolver raised ZeroDivisionError"
    assert state.to_dict() == {"y": 3}
    state.propose("m", "x", 4)
    state.apply()
    assert state.get("x") == 4


@pytest.mark.feature("PT-07")
def test_an_impossible_change_harms_nothing_else():
    """Each is refused for itself; one commit has all the others."""
    state = made({"n": 1})
    changes = [
        state.propose("m", "n.deeper", 1),
        state.propose("m", "gone", change_type="delete"),
        state.propose("m", "n2", 2),
        state.propose("m", "n3", 3),
    ]
    state.apply()
    assert statuses(*changes) == [REFUSED, REFUSED, APPLIED, APPLIED]
    assert "no mapping" in changes[0].reason
    assert (state.to_dict(), state.version) == ({"n": 1, "n2": 2, "n3": 3}, 1)


@pytest.mark.feature("PT-07")
def test_merges_of_different_keys_do_not_conflict():
    """Two modules that each add their own keys both get them in; with a key in common one loses."""
    state = made({"m": {"a": 0}})
    both = [state.propose("x", "m", {"b": 1}, "merge"), state.propose("y", "m", {"c": 2}, "merge")]
    state.apply()
    assert statuses(*both) == [APPLIED, APPLIED]
    assert state.get("m") == {"a": 0, "b": 1, "c": 2}
    clash = [state.propose("x", "m", {"b": 5}, "merge"), state.propose("y", "m", {"b": 6}, "merge")]
    state.apply()
    assert statuses(*clash) == [LOST, APPLIED]


@pytest.mark.feature("PT-07")
@pytest.mark.parametrize("order", list(itertools.permutations(["above", "below", "beside"])))
def test_what_is_replaced_from_above_has_lost_and_is_told(order):
    """A stronger change of the mapping takes what lies in it along; a weaker one is put under it. No order of arrival
    lets a weak change overwrite a strong one.
    """
    for above, below, expected in ((9, 1, {"new": 1}), (1, 9, {"new": 1, "x": "below"})):
        state = made({"m": {"x": 0}})
        changes = {}
        for name in order:
            path, value, priority = {
                "above": ("m", {"new": 1}, above),
                "below": ("m.x", "below", below),
                "beside": ("other", 1, 0),
            }[name]
            changes[name] = state.propose(name, path, value, priority=priority)
        state.apply()
        assert state.to_dict() == {"m": expected, "other": 1}
        assert changes["below"].status is (LOST if above > below else APPLIED)
        assert changes["above"].applied
        assert changes["beside"].applied


@pytest.mark.feature("PT-07")
def test_strategies_and_resolvers_are_checked_when_registered():
    """A strategy that is none, a custom one without a resolver, a resolver that nobody would call."""
    state = made()
    for strategy, resolver in (("newest", None), ("custom", None), ("merge", max)):
        with pytest.raises(InvalidArgumentError):
            state.register_conflict_resolver("x", strategy, resolver)
    assert state.status().resolvers == ()


@pytest.mark.feature("PT-07")
def test_a_resolver_may_come_back():
    """One that proposes and applies in its turn neither recurses nor waits for itself: its change comes next."""
    state = made()

    def chatty(changes):
        if state.get("log") is None and not any(change.path == "log" for change in changes):
            state.propose("resolver", "log", "called")
            state.apply()
        return changes[0]

    state.register_conflict_resolver("x", "custom", chatty)
    state.propose("m", "x", 1)
    state.propose("m", "x", 2)
    state.apply()
    state.apply()
    assert state.to_dict() == {"x": 1, "log": "called"}


@pytest.mark.feature("PT-07")
def test_what_was_merged_is_as_late_as_the_latest_of_it():
    """A change of the mapping above that came after both takes the merged ones along, and both are told."""
    state = made()
    state.register_conflict_resolver("a.b", "merge")
    merged = [state.propose(module, "a.b", {module: 1}) for module in ("x", "y")]
    above = state.propose("z", "a", {"new": 1})
    state.apply()
    assert statuses(*merged, above) == [LOST, LOST, APPLIED]
    assert state.to_dict() == {"a": {"new": 1}}
    above = state.propose("z", "a", {"newer": 1})
    merged = [state.propose(module, "a.b", {module: 1}) for module in ("x", "y")]
    state.apply()
    assert state.to_dict() == {"a": {"newer": 1, "b": {"x": 1, "y": 1}}}


@pytest.mark.feature("PT-07")
def test_what_is_impossible_wins_over_nothing():
    """A change that cannot be, however strong, is refused and takes no other one with it."""
    state = made({"a": {"x": 1}, "n": 0})
    impossible = [
        state.propose("strong", "a", {}, "create", priority=9),
        state.propose("strong", "n", {"k": 1}, "merge", priority=9),
        state.propose("strong", "gone", change_type="delete", priority=9),
    ]
    weak = [state.propose("weak", path, 5) for path in ("a.x", "n", "gone")]
    state.apply()
    assert statuses(*impossible) == [REFUSED] * 3
    assert statuses(*weak) == [APPLIED] * 3
    assert state.to_dict() == {"a": {"x": 5}, "n": 5, "gone": 5}
    assert state.get_metrics().conflicts == 0


@pytest.mark.feature("PT-07")
def test_what_another_change_makes_possible_is_possible():
    """A mapping that the batch puts where a value stood can have things put into it by the same batch."""
    state = made({"n": 0})
    changes = [state.propose("m", "n.deep", 1), state.propose("m", "n", {}, priority=-1)]
    state.apply()
    assert statuses(*changes) == [APPLIED, APPLIED]
    assert state.to_dict() == {"n": {"deep": 1}}

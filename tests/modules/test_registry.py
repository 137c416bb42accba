"""The modules of one brain, by name."""

from __future__ import annotations

import pytest

from companion_async.errors import DependencyCycleError, DuplicateModuleError, InvalidArgumentError, UnknownModuleError
from companion_async.modules.lifecycle import Module
from companion_async.modules.registry import Registry
from companion_async.modules.spec import ModuleSpec
from companion_async.testing.clock import VirtualClock


async def inline(work):
    return work()


def module(name, *depends_on):
    return Module(ModuleSpec(name, len, depends_on=depends_on), clock=VirtualClock(), call_in_thread=inline)


def names(modules):
    return [module.name for module in modules]


@pytest.fixture
def registry():
    registry = Registry()
    registry.add(module("planner", "memory", "search"), module("search", "memory"), module("memory"))
    return registry


@pytest.mark.feature("PM-01")
def test_what_was_added_is_found_by_name(registry):
    """Modules are found by name and iterated as they were registered."""
    assert registry.get("search").name == "search"
    assert names(registry) == ["planner", "search", "memory"] == list(registry.names)
    assert "search" in registry
    assert "other" not in registry
    assert len(registry) == 3


@pytest.mark.feature("PM-01", "PM-03")
@pytest.mark.parametrize("name", ["other", "", None, 3, ["search"], "x" * 10**6], ids=lambda name: f"{name!r:.20}")
def test_an_unknown_name_is_refused_with_the_known_ones(registry, name):
    """Asking for or removing what is not there is a ValueError and a KeyError that lists what is."""
    for ask in (registry.get, registry.remove):
        with pytest.raises(UnknownModuleError) as caught:
            ask(name)
        assert caught.value.known == ("planner", "search", "memory")
        assert isinstance(caught.value, (ValueError, KeyError))
        assert len(str(caught.value)) < 500


@pytest.mark.feature("PM-01")
@pytest.mark.parametrize(
    ("batch", "error"),
    [
        ([("new",), ("search",)], DuplicateModuleError),
        ([("new",), ("new",)], DuplicateModuleError),
        ([("new",), ("other", "ghost")], UnknownModuleError),
        ([("new", "other"), ("other", "new")], DependencyCycleError),
    ],
)
def test_a_batch_is_added_whole_or_not_at_all(registry, batch, error):
    """A taken name, a missing dependency or a cycle refuses all of the batch and leaves the registry as it was."""
    with pytest.raises(error):
        registry.add(*(module(*fields) for fields in batch))
    assert list(registry.names) == ["planner", "search", "memory"]
    registry.add(module("new"))


@pytest.mark.feature("CB-F6")
def test_modules_start_after_and_stop_before_what_they_need(registry):
    """The two orders are each other's reverse, whatever the order of registration."""
    assert names(registry.in_start_order()) == ["memory", "search", "planner"]
    assert names(registry.in_stop_order()) == ["planner", "search", "memory"]


@pytest.mark.feature("CB-F6")
def test_a_batch_is_checked_before_anything_is_made(registry):
    """``check`` gives the order to start a batch in, counting on what is there already, and adds nothing."""
    specs = [ModuleSpec("late", len, depends_on=("early", "search")), ModuleSpec("early", len, depends_on=("planner",))]
    assert registry.check(specs) == ("early", "late")
    assert len(registry) == 3


@pytest.mark.feature("CB-F6", "PM-01")
def test_what_others_need_is_not_removed(registry):
    """A module leaves only after those that depend on it, which the refusal names."""
    assert registry.dependents("memory") == ("planner", "search")
    with pytest.raises(InvalidArgumentError, match="while others need it: planner, search"):
        registry.remove("memory")
    for name in ("planner", "search", "memory"):
        assert registry.remove(name).name == name
    assert len(registry) == 0


def test_modules_may_come_and_go_while_they_are_iterated(registry):
    """A loop over the registry sees those that were there when it began."""
    seen = []
    for found in registry:
        seen.append(found.name)
        if "planner" in registry:
            registry.remove("planner")
            registry.add(module("new"))
    assert seen == ["planner", "search", "memory"]

"""Pure: the order in which modules that need each other are started."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from graphlib import CycleError, TopologicalSorter

from companion_async.errors import DependencyCycleError, UnknownModuleError


def start_order(depends_on: Mapping[str, Iterable[str]], present: Container[str] = ()) -> tuple[str, ...]:
    """Every name after all that it depends on; the same table gives the same order. Stop in the reverse of it.

    `DependencyCycleError` names a cycle as a path, each depending on the next; a dependency that is neither a key of
    the table nor ``present`` is an `UnknownModuleError`. Depth is bounded by memory alone, not by the recursion limit.
    """
    sorter: TopologicalSorter[str] = TopologicalSorter()
    for name, needed in depends_on.items():
        # A set has no order of its own to keep, and hash randomisation would change it from run to run.
        needed = sorted(needed) if isinstance(needed, (set, frozenset)) else tuple(needed)
        for other in needed:
            if other not in depends_on and other not in present:
                raise UnknownModuleError(other, tuple(depends_on))
        sorter.add(name, *(other for other in needed if other in depends_on))
    try:
        return tuple(sorter.static_order())
    except CycleError as error:
        # graphlib lists what is needed before what needs it.
        raise DependencyCycleError(tuple(reversed(error.args[1]))) from None

"""Threads and processes kept on certain processors."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import TYPE_CHECKING, Any

from loguru import logger

from companion_async.errors import InvalidArgumentError
from companion_async.offload.frames import ours
from companion_async.offload.slot import Slot
from companion_async.scheduling.port import Target

if TYPE_CHECKING:
    from companion_async.brain.assembly import Assembly


def pin(assembly: Assembly, name: str, cpus: Iterable[int]) -> None:
    """`Brain.pin`."""
    if not hasattr(os, "sched_setaffinity"):
        raise InvalidArgumentError("This system has no thread affinity: pin() works on Linux.")
    own = os.sched_getaffinity(0)
    wanted = _checked(cpus, own)
    scheduler = assembly.scheduler
    if name in scheduler.pools:
        pool = scheduler.pools[name]
        pool.on_thread = _setter(wanted) if wanted else None
        for slot in tuple(pool.alive):
            _apply(slot, wanted or frozenset(own))
        for group in assembly.fleet.groups.values():
            if group.category == name:
                group.pin(wanted or None)
        return
    port = scheduler.port(name)
    assembly.roster.registry.get(name)
    if name in assembly.fleet.groups:
        assembly.fleet.groups[name].pin(wanted or None)
        return
    port.wrap = (lambda target, function: _pinned(target, function, wanted)) if wanted else None
    module = assembly.roster.registry.get(name)
    if module.instance is not None:
        assembly.roster.point(module, port)


def _checked(cpus: Iterable[int], own: set[int]) -> frozenset[int]:
    try:
        wanted = frozenset(cpus)
    except TypeError:
        raise InvalidArgumentError(f"cpus must be processor numbers; {cpus!r:.80} is not.") from None
    given: frozenset[Any] = wanted
    if not all(isinstance(cpu, int) and not isinstance(cpu, bool) and cpu in own for cpu in given):
        raise InvalidArgumentError(
            f"cpus must be among the processors this process may use: {sorted(own)}; {sorted(wanted, key=str)} are not."
        )
    return wanted


def _setter(cpus: frozenset[int]) -> Callable[[Slot], None]:
    return lambda slot: _apply(slot, cpus)


def _apply(slot: Slot, cpus: frozenset[int]) -> None:
    if slot.native_id:
        try:
            os.sched_setaffinity(slot.native_id, cpus)
        except OSError as error:
            logger.warning("Thread {} could not be pinned: {}.", slot.name, error.strerror)


def _pinned(target: Target, function: Callable[..., Any], cpus: frozenset[int]) -> Callable[..., Any]:
    """A function whose thread keeps to ``cpus`` while it runs, a generator to its last item."""
    if target.on_loop:
        return function

    @ours
    @wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        with _kept_to(cpus):
            return function(*args, **kwargs)

    @ours
    @wraps(function)
    def stream(*args: Any, **kwargs: Any) -> Iterator[Any]:
        with _kept_to(cpus):
            yield from function(*args, **kwargs)

    return stream if target.streams else call


@contextmanager
def _kept_to(cpus: frozenset[int]) -> Iterator[None]:
    usual = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cpus)
    try:
        yield
    finally:
        os.sched_setaffinity(0, usual)

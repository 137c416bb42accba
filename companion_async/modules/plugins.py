"""Modules that other packages bring along, through the entry-point group ``companion_async.modules``."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from importlib.machinery import PathFinder
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from loguru import logger

from companion_async.errors import DuplicateModuleError, InvalidArgumentError
from companion_async.modules.module import BaseModule
from companion_async.modules.record import error_text
from companion_async.modules.spec import ModuleSpec

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP = "companion_async.modules"


class PluginFailure(msgspec.Struct, frozen=True):
    """A plug-in that gave no module, and why. ``distribution`` is the package that declares it, if that is known."""

    name: str
    value: str
    distribution: str | None
    error: str
    message: str


class Plugins(msgspec.Struct, frozen=True):
    """What the installed plug-ins came to."""

    specs: tuple[ModuleSpec, ...] = ()
    failures: tuple[PluginFailure, ...] = ()


def find_plugins() -> tuple[EntryPoint, ...]:
    """The plug-ins that are installed, by name. Imports none of them."""
    if not _declared():
        return ()
    from importlib.metadata import entry_points  # 10 ms: most brains have no plug-ins, and start without it

    return tuple(sorted(entry_points(group=GROUP), key=lambda point: (point.name, point.value)))


def _declared() -> bool:
    """Whether any installed package may declare plug-ins: False where only folders are on the path, and no package's
    `entry_points.txt` in them names the group.
    """
    if any(hasattr(finder, "find_distributions") for finder in sys.meta_path if finder is not PathFinder):
        return True
    for folder in map(Path, sys.path):
        if folder.is_file():
            return True
        with suppress(OSError):
            for entry in folder.iterdir():
                if entry.suffix == ".egg":
                    return True
                if entry.suffix in (".dist-info", ".egg-info"):
                    with suppress(OSError):
                        if GROUP.encode() in (entry / "entry_points.txt").read_bytes():
                            return True
    return False


def load_plugins(points: Sequence[EntryPoint] | None = None) -> Plugins:
    """Import the plug-ins (all that `find_plugins` finds) and ask each for its specifications.

    An entry point names a `ModuleSpec`, a `BaseModule` subclass (its module is named as the entry point is), or a
    function without arguments that returns a `ModuleSpec` or several. One that fails, whatever it raises, is reported
    in ``failures`` and leaves the others alone; so is the second of a name. Imports can take long: use a thread.
    """
    specs: dict[str, ModuleSpec] = {}
    failures: list[PluginFailure] = []
    for point in find_plugins() if points is None else points:
        try:
            offered = _specs_of(point)
            _check_names(offered, specs)
            specs.update((spec.name, spec) for spec in offered)
        except BaseException as error:  # Foreign code: SystemExit at import must not end the brain.
            failure = _failure(point, error)
            failures.append(failure)
            logger.warning("plug-in {} gave no module: {} {!r}", failure.name, failure.error, failure.message)
    return Plugins(tuple(specs.values()), tuple(failures))


def _specs_of(point: EntryPoint) -> tuple[ModuleSpec, ...]:
    found: Any = point.load()
    if isinstance(found, type) and issubclass(found, BaseModule):
        return (ModuleSpec(point.name, found),)
    if inspect.isroutine(found):
        found = found()
    offered = (found,) if isinstance(found, ModuleSpec) or not isinstance(found, Iterable) else tuple(found)
    for spec in offered:
        if not isinstance(spec, ModuleSpec):
            raise InvalidArgumentError(
                f"{point.value} must be a ModuleSpec, a BaseModule subclass, or a function that returns ModuleSpecs; "
                f"it gave an object of type {type(spec).__name__!r}."
            )
    return offered


def _check_names(offered: Iterable[ModuleSpec], taken: Iterable[str]) -> None:
    seen = set(taken)
    for spec in offered:
        if spec.name in seen:
            raise DuplicateModuleError(spec.name)
        seen.add(spec.name)


def _failure(point: EntryPoint, error: BaseException) -> PluginFailure:
    distribution = None if point.dist is None else point.dist.name
    return PluginFailure(point.name, point.value, distribution, type(error).__name__, error_text(error))

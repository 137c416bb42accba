"""Modules that installed packages bring along, registered as a brain starts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
from loguru import logger

from companion_async.errors import CompanionError
from companion_async.modules.plugins import load_plugins

if TYPE_CHECKING:
    from companion_async.brain.assembly import Assembly


async def register_plug_ins(assembly: Assembly) -> None:
    """Register every module that the entry-point group ``companion_async.modules`` offers.

    One that cannot be had, or whose name, category or dependencies do not fit, is left out: a warning in the log and a
    ``skip_plugin`` decision say so, and the brain and the others go on.
    """
    found = await anyio.to_thread.run_sync(load_plugins)
    for failure in found.failures:
        _skipped(assembly, failure.name, failure.error, failure.message)
    if not found.specs:
        return
    try:
        await assembly.roster.register(found.specs)
    except CompanionError:
        for spec in found.specs:
            try:
                await assembly.roster.register([spec])
            except CompanionError as error:
                logger.bind(module=spec.name).warning("The plug-in's module was not registered: {}", error)
                _skipped(assembly, spec.name, type(error).__name__, str(error))


def _skipped(assembly: Assembly, name: str, error: str, message: str) -> None:
    assembly.decisions.record(
        "skip_plugin", name, {"error": error}, f"Plug-in {name!r} was left out: {error}: {message}", rule="plug_ins"
    )

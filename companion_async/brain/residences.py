"""Modules that live in processes: moved in and out, and what is said of those whose calls kill."""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING, Any

from loguru import logger

from companion_async.modules.incarnation import elsewhere, handler_table
from companion_async.modules.lifecycle import Module
from companion_async.modules.resident import Resident
from companion_async.modules.spec import ModuleSpec
from companion_async.offload.processes.group import Group
from companion_async.scheduling.port import Port, Target
from companion_async.scheduling.remote import Remote
from companion_async.scheduling.task import Task

if TYPE_CHECKING:
    from companion_async.brain.assembly import Assembly


class Residences:
    """Loop only."""

    def __init__(self, assembly: Assembly) -> None:
        self._assembly = assembly

    def host(self, spec: ModuleSpec) -> Group | None:
        """Where a module will live, None for here. Refused if what it is made from cannot be sent; keeps nothing."""
        if spec.offload != "process":
            return None
        resident = Resident(spec, handler_table(spec) or {})
        return self._assembly.fleet.group(spec.name, resident, spec.category)

    def move_in(self, module: Module, port: Port) -> None:
        """Have the module's work done where it lives, as many runs at once as there are processors unless it says."""
        group = module.host
        if not isinstance(group, Group):
            return
        self._assembly.fleet.groups[module.name] = group
        if port.cap is None:
            port.cap = cores()
        port.wrap = partial(self._remote, group)

    def move_out(self, name: str) -> None:
        """The module is gone."""
        self._assembly.fleet.groups.pop(name, None)

    def _remote(self, group: Group, target: Target, function: Any) -> Remote:
        return Remote(
            self._assembly.scheduler,
            group,
            target.name if function is elsewhere else function,
            self._unfit,
            self._quarantined,
            streams=target.streams,
        )

    def _unfit(self, port: Port, error: BaseException) -> bool:
        """The module could not start in a process: it stands in error and is healed. Whether its work is to wait."""
        registry = self._assembly.roster.registry
        if port.name in registry:
            registry.get(port.name).fail(error)
        return port.held

    def _quarantined(self, task: Task[Any], exits: list[str]) -> None:
        """The same call has killed its process too often: it is not run again, and others of its module go on."""
        assembly = self._assembly
        reason = (
            f"The call {task.module}.{task.target} has killed its process {len(exits)} times ({', '.join(exits)}). "
            "With these arguments it is refused until the module is restarted; the module's other work goes on."
        )
        logger.bind(task=task.id, module=task.module).error(reason)
        assembly.decisions.record(
            "quarantine",
            task.module,
            {"task_id": task.id, "target": task.target, "crashes": len(exits), "exits": list(exits)},
            reason,
            rule="killed_process",
        )


def cores() -> int:
    """The processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1

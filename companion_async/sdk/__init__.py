"""The two facades for programs without an event loop, under the names that the documents use.

``BrainClient`` is a companion, ``ConcurrentModuleManager`` with ``ModuleExecutor`` and ``TaskScheduler`` a bare runtime
for an agent's modules. Each is a brain on a loop and thread of its own, which any thread may call.

The documents' other names stand for parts that are still to come, and importing one says which:
`ResourceCoordinator`, `ResourceType` and `AccessMode` come with the locks, `StateCoordinator`, `SyncPolicy` and
`StateChangeType` with the shared state, the memories with the memories, ``enhanced_modules`` with the cognitive
modules.
"""

from __future__ import annotations

from typing import NoReturn

from companion_async.brain.assembly import ShutdownReport
from companion_async.modules.module import BaseModule
from companion_async.priority import Priority
from companion_async.scheduling.policies import SchedulingPolicy
from companion_async.sdk.client import BrainClient
from companion_async.sdk.concurrent_modules import ConcurrentModuleManager
from companion_async.sdk.executor import ModuleExecutor
from companion_async.sdk.future import SharedFuture, TaskFuture
from companion_async.sdk.records import (
    ExecutorMetrics,
    ModuleMetrics,
    ModuleState,
    ModuleTask,
    SchedulingMetrics,
    ThreadInfo,
)
from companion_async.sdk.refusals import NotAModuleError, NotHereYetError, UnknownDependencyError, WouldBlockError
from companion_async.sdk.scheduler import TaskScheduler
from companion_async.security import SecurityValidator

__all__ = [
    "BaseModule",
    "BrainClient",
    "ConcurrentModuleManager",
    "ExecutorMetrics",
    "ModuleExecutor",
    "ModuleMetrics",
    "ModuleState",
    "ModuleTask",
    "NotAModuleError",
    "NotHereYetError",
    "Priority",
    "SchedulingMetrics",
    "SchedulingPolicy",
    "SecurityValidator",
    "SharedFuture",
    "ShutdownReport",
    "TaskFuture",
    "TaskScheduler",
    "ThreadInfo",
    "UnknownDependencyError",
    "WouldBlockError",
]

_PARTS = {
    "AccessMode": "the locks",
    "CircularBuffer": "the memories",
    "EpisodicMemory": "the memories",
    "ParallelPerceptionModule": "the cognitive modules",
    "ResourceCoordinator": "the locks",
    "ResourceType": "the locks",
    "SemanticMemory": "the memories",
    "SensorType": "the cognitive modules",
    "StateChangeType": "the shared state",
    "StateCoordinator": "the shared state",
    "SyncPolicy": "the shared state",
    "TemporalMemory": "the memories",
    "enhanced_modules": "the cognitive modules",
}


def __getattr__(name: str) -> NoReturn:
    if name in _PARTS:
        raise NotHereYetError(name, _PARTS[name])
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

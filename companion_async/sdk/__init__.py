"""The two facades for programs without an event loop, under the names that the documents use.

``BrainClient`` is a companion, ``ConcurrentModuleManager`` with its parts a bare runtime for an agent's modules. Each
is a brain on a loop and thread of its own, which any thread may call.
"""

from __future__ import annotations

from companion_async.brain.assembly import ShutdownReport
from companion_async.locks.mode import AccessMode, ResourceType
from companion_async.memory.circular import CircularBuffer
from companion_async.memory.episodic import EpisodicMemory
from companion_async.memory.semantic import SemanticMemory
from companion_async.memory.temporal import TemporalMemory
from companion_async.modules.module import BaseModule
from companion_async.priority import Priority
from companion_async.scheduling.policies import SchedulingPolicy
from companion_async.sdk.client import BrainClient
from companion_async.sdk.concurrent_modules import ConcurrentModuleManager
from companion_async.sdk.enhanced_modules import (
    ParallelPerceptionModule,
    PerceptionMetrics,
    PerceptionResult,
    SensorType,
)
from companion_async.sdk.executor import ModuleExecutor
from companion_async.sdk.future import SharedFuture, TaskFuture
from companion_async.sdk.records import (
    ExecutorMetrics,
    ModuleMetrics,
    ModuleState,
    ModuleTask,
    SchedulingMetrics,
    StateChange,
    ThreadInfo,
)
from companion_async.sdk.refusals import (
    ChangeRefusedError,
    NotAModuleError,
    NotWrittenBackError,
    UnknownDependencyError,
    WouldBlockError,
)
from companion_async.sdk.resources import ResourceCoordinator, ResourceMetrics
from companion_async.sdk.scheduler import TaskScheduler
from companion_async.sdk.state import ConflictResolution, StateCoordinator, SyncMetrics
from companion_async.security import SecurityValidator
from companion_async.state.batch import SyncPolicy
from companion_async.state.change import StateChangeType

__all__ = [
    "AccessMode",
    "BaseModule",
    "BrainClient",
    "ChangeRefusedError",
    "CircularBuffer",
    "ConcurrentModuleManager",
    "ConflictResolution",
    "EpisodicMemory",
    "ExecutorMetrics",
    "ModuleExecutor",
    "ModuleMetrics",
    "ModuleState",
    "ModuleTask",
    "NotAModuleError",
    "NotWrittenBackError",
    "ParallelPerceptionModule",
    "PerceptionMetrics",
    "PerceptionResult",
    "Priority",
    "ResourceCoordinator",
    "ResourceMetrics",
    "ResourceType",
    "SchedulingMetrics",
    "SchedulingPolicy",
    "SecurityValidator",
    "SemanticMemory",
    "SensorType",
    "SharedFuture",
    "ShutdownReport",
    "StateChange",
    "StateChangeType",
    "StateCoordinator",
    "SyncMetrics",
    "SyncPolicy",
    "TaskFuture",
    "TaskScheduler",
    "TemporalMemory",
    "ThreadInfo",
    "UnknownDependencyError",
    "WouldBlockError",
]

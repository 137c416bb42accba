"""An asyncio-native runtime with thread offload for AI companions and agents."""

from __future__ import annotations

import importlib as _importlib
from typing import TYPE_CHECKING as _TYPE_CHECKING
from typing import Any as _Any

from loguru import logger as _logger

from companion_async.autonomy.answer import RuleAnswer
from companion_async.autonomy.decision import Decision
from companion_async.autonomy.replay import replay
from companion_async.brain.assembly import ShutdownReport
from companion_async.brain.brain import Brain
from companion_async.brain.config import BrainConfig
from companion_async.errors import (
    BrainClosedError,
    ChannelClosedError,
    CompanionError,
    ConflictError,
    DeadlockError,
    DependencyCycleError,
    DuplicateModuleError,
    InvalidArgumentError,
    InvalidPathError,
    LockNotHeldError,
    LockTimeoutError,
    LockUpgradeError,
    MissingExtraError,
    ModuleUnavailableError,
    QueueFullError,
    RemoteError,
    SecurityError,
    StorageError,
    TaskCancelledError,
    TaskCrashedError,
    TaskTimeoutError,
    TooManyLocksError,
    UnknownModuleError,
    UnknownResourceError,
    UnknownTargetError,
    UnknownTaskError,
    UpstreamFailedError,
    WrongArgumentsError,
    WrongThreadError,
)
from companion_async.events.bus import EventBus
from companion_async.events.channel import Channel, ChannelStatus
from companion_async.events.kinds import (
    Event,
    TaskCancelled,
    TaskCompleted,
    TaskFailed,
    TaskQueued,
    TaskRetrying,
    TaskStarted,
    TaskTimedOut,
)
from companion_async.events.stream import EventStream
from companion_async.locks.coordinator import ResourceCoordinator
from companion_async.locks.mode import AccessMode, ResourceType
from companion_async.locks.request import ResourceLock
from companion_async.locks.settings import LockSettings
from companion_async.locks.status import CoordinatorMetrics, ResourceStatus, WaitPicture
from companion_async.modules.module import BaseModule
from companion_async.modules.restart import RestartPolicy
from companion_async.modules.retry import RetryPolicy
from companion_async.modules.spec import ModuleSpec
from companion_async.modules.state import ModuleState
from companion_async.modules.timeout import Timeout
from companion_async.priority import Priority
from companion_async.scheduling.context import TaskContext, current_task
from companion_async.scheduling.particulars import Progress
from companion_async.scheduling.policies import SchedulingPolicy
from companion_async.scheduling.settings import TracingSettings
from companion_async.scheduling.task import Task, TaskState
from companion_async.scheduling.ticker import Ticker
from companion_async.security import SecuritySettings, SecurityValidator
from companion_async.state.batch import SyncPolicy
from companion_async.state.change import ChangeStatus, StateChange, StateChangeType
from companion_async.state.conflict import ConflictStrategy
from companion_async.state.coordinator import StateCoordinator
from companion_async.state.snapshot import StateSnapshot
from companion_async.state.status import StateMetrics, StateStatus
from companion_async.state.transaction import Transaction
from companion_async.status.category import CategoryStatus
from companion_async.status.module import ModuleStatus
from companion_async.status.system import SystemStatus

if _TYPE_CHECKING:
    from companion_async.companion.answer import Answer, Source
    from companion_async.companion.companion import CompanionBrain
    from companion_async.companion.config import CompanionConfig, KnowledgeSettings

# Found when they are first named: whoever wants the bare runtime does not wait for the built-in modules.
_COMPANION = {
    "Answer": "companion_async.companion.answer",
    "CompanionBrain": "companion_async.companion.companion",
    "CompanionConfig": "companion_async.companion.config",
    "KnowledgeSettings": "companion_async.companion.config",
    "Source": "companion_async.companion.answer",
}

# A library says nothing until it is asked to: logger.enable("companion_async") turns it on.
_logger.disable("companion_async")

__version__ = "0.1.0"

__all__ = [
    "AccessMode",
    "Answer",
    "BaseModule",
    "Brain",
    "BrainClosedError",
    "BrainConfig",
    "CategoryStatus",
    "ChangeStatus",
    "Channel",
    "ChannelClosedError",
    "ChannelStatus",
    "CompanionBrain",
    "CompanionConfig",
    "CompanionError",
    "ConflictError",
    "ConflictStrategy",
    "CoordinatorMetrics",
    "DeadlockError",
    "Decision",
    "DependencyCycleError",
    "DuplicateModuleError",
    "Event",
    "EventBus",
    "EventStream",
    "InvalidArgumentError",
    "InvalidPathError",
    "KnowledgeSettings",
    "LockNotHeldError",
    "LockSettings",
    "LockTimeoutError",
    "LockUpgradeError",
    "MissingExtraError",
    "ModuleSpec",
    "ModuleState",
    "ModuleStatus",
    "ModuleUnavailableError",
    "Priority",
    "Progress",
    "QueueFullError",
    "RemoteError",
    "ResourceCoordinator",
    "ResourceLock",
    "ResourceStatus",
    "ResourceType",
    "RestartPolicy",
    "RetryPolicy",
    "RuleAnswer",
    "SchedulingPolicy",
    "SecurityError",
    "SecuritySettings",
    "SecurityValidator",
    "ShutdownReport",
    "Source",
    "StateChange",
    "StateChangeType",
    "StateCoordinator",
    "StateMetrics",
    "StateSnapshot",
    "StateStatus",
    "StorageError",
    "SyncPolicy",
    "SystemStatus",
    "Task",
    "TaskCancelled",
    "TaskCancelledError",
    "TaskCompleted",
    "TaskContext",
    "TaskCrashedError",
    "TaskFailed",
    "TaskQueued",
    "TaskRetrying",
    "TaskStarted",
    "TaskState",
    "TaskTimedOut",
    "TaskTimeoutError",
    "Ticker",
    "Timeout",
    "TooManyLocksError",
    "TracingSettings",
    "Transaction",
    "UnknownModuleError",
    "UnknownResourceError",
    "UnknownTargetError",
    "UnknownTaskError",
    "UpstreamFailedError",
    "WaitPicture",
    "WrongArgumentsError",
    "WrongThreadError",
    "current_task",
    "replay",
]


def __getattr__(name: str) -> _Any:
    if name not in _COMPANION:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = globals()[name] = getattr(_importlib.import_module(_COMPANION[name]), name)
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

"""Pure: the pictures of a brain as the dictionaries that the documents describe, with their keys and no others.

Everything in them is plain JSON. Moments are naive, in local time, as the documents compare them with
``datetime.now()``; everywhere outside of this room they are UTC.
"""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import Any

import msgspec

from companion_async.autonomy.decision import Decision
from companion_async.priority import Priority
from companion_async.status.module import ErrorEntry, ModuleStatus
from companion_async.status.system import SystemStatus

_GONE = frozenset({"stopped", "error"})


def local(moment: datetime) -> datetime:
    """An aware moment as naive local time."""
    return moment.astimezone().replace(tzinfo=None)


def system(status: SystemStatus) -> dict[str, Any]:
    """``get_thread_status()``."""
    stats = status.stats
    return {
        "enabled": status.enabled,
        "total_threads": status.total_threads,
        "active_threads": status.active_threads,
        "max_threads": status.max_threads,
        "auto_scaling": status.auto_scaling,
        "uptime": status.uptime,
        "categories": {
            name: {"active": category.active, "total": category.total, "max": category.max}
            for name, category in status.categories.items()
        },
        "module_threads": {
            name: {
                "state": module.state,
                "tasks_completed": module.tasks_completed,
                "success_rate": module.success_rate,
                "uptime": module.uptime,
                "queue_size": module.queue_size,
            }
            for name, module in status.module_threads.items()
        },
        "stats": {
            "total_threads_created": stats.total_threads_created,
            "total_tasks_completed": stats.total_tasks_completed,
            "total_tasks_failed": stats.total_tasks_failed,
            "threads_auto_scaled": stats.threads_auto_scaled,
            "threads_restarted": stats.threads_restarted,
            "uptime_start": local(status.timestamp - timedelta(seconds=status.uptime)).isoformat(),
        },
    }


def module(status: ModuleStatus, now: datetime) -> dict[str, Any]:
    """``get_module_thread_status(name)``. No thread belongs to a module alone: ``thread_id`` names the module's work.

    ``last_activity`` is the start before the first task; ``is_alive`` says that work is taken, or held for later.
    """
    last = status.last_activity or now - timedelta(seconds=status.uptime)
    return {
        "thread_id": hashlib.blake2s(status.name.encode(), digest_size=4).hexdigest(),
        "name": status.name,
        "category": status.category,
        "state": status.state,
        "priority": Priority.parse(status.priority).value,
        "tasks_completed": status.tasks_completed,
        "tasks_failed": status.tasks_failed,
        "success_rate": status.success_rate,
        "uptime": status.uptime,
        "queue_size": status.queue_size,
        "last_activity": local(last).isoformat(),
        "is_alive": status.state not in _GONE,
        "errors": [_error(entry) for entry in status.errors],
    }


def decision(made: Decision) -> dict[str, Any]:
    """One entry of ``get_thread_decisions()``. What the documents have no key for stands in ``data``."""
    outcome = None if made.outcome is None else msgspec.to_builtins(made.outcome)
    return {
        "decision_id": made.decision_id,
        "type": made.type,
        "context": made.context,
        "data": {
            **msgspec.to_builtins(made.data),
            "reason": made.reason,
            "applied": made.applied,
            "outcome": outcome,
        },
        "timestamp": local(made.timestamp).isoformat(),
    }


def _error(entry: ErrorEntry) -> str:
    where = f"Task {entry.task_id}: " if entry.task_id else ""
    return f"{where}{entry.type}: {entry.message}"

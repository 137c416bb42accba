"""The status structs: frozen, plain in JSON, with the keys of the contract."""

from __future__ import annotations

import copy
import json
import pickle
from datetime import UTC, datetime

import msgspec
import pytest

from companion_async.status.category import CategoryStatus
from companion_async.status.module import ErrorEntry, ModuleBrief, ModuleStatus, Percentiles, success_rate
from companion_async.status.picture import FrozenMap, Picture
from companion_async.status.system import SystemStats, SystemStatus
from companion_async.status.task import TaskFailure, TaskStatus
from companion_async.status.worker import WorkerStatus

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
WORKER = WorkerStatus(name="core-1", native_id=77, state="busy", module="m", task_id="t1", running_seconds=2.0)
CATEGORY = CategoryStatus(name="core", active=2, total=3, max=10, configured=10, utilization=0.2, workers=(WORKER,))
MODULE = ModuleStatus(
    name="m",
    state="running",
    category="core",
    priority="high",
    tasks_completed=9,
    tasks_failed=1,
    success_rate=0.9,
    last_activity=NOW,
    errors=(ErrorEntry("ValueError", "no", NOW, "t1", "e1"),),
    run_seconds=Percentiles(0.1, 0.2, 0.3),
)
TASK = TaskStatus(
    id="t1",
    module="m",
    category="core",
    target="run",
    priority="high",
    state="failed",
    submitted_at=NOW,
    error=TaskFailure("ValueError", "e1"),
)
SYSTEM = SystemStatus(
    timestamp=NOW,
    max_threads=50,
    auto_scaling=True,
    categories=FrozenMap(core=CATEGORY),
    module_threads=FrozenMap(m=MODULE.brief()),
)


@pytest.mark.feature("CB-33", "U-4")
@pytest.mark.parametrize("picture", [WORKER, CATEGORY, MODULE, TASK, SYSTEM], ids=lambda it: type(it).__name__)
def test_a_picture_is_plain_json_and_cannot_be_changed(picture: Picture) -> None:
    """`to_dict` is what JSON would give back, the struct encodes as it is, and no field can be set."""
    plain = picture.to_dict()
    assert json.loads(json.dumps(plain)) == plain == json.loads(msgspec.json.encode(picture))
    assert msgspec.json.decode(msgspec.json.encode(picture), type=type(picture)) == picture
    with pytest.raises(AttributeError):
        setattr(picture, picture.__struct_fields__[0], None)


@pytest.mark.feature("CB-27")
def test_the_documented_keys_are_there() -> None:
    """System, stats, category and module have at least the keys of the contract."""
    plain = SYSTEM.to_dict()
    assert plain.keys() >= {
        *("enabled", "total_threads", "active_threads", "max_threads", "auto_scaling", "uptime", "categories"),
        *("module_threads", "stats", "loop_lag", "memory_bytes"),
    }
    assert plain["stats"].keys() >= {
        *("total_threads_created", "total_tasks_completed", "total_tasks_failed"),
        *("threads_auto_scaled", "threads_restarted"),
    }
    assert plain["categories"]["core"].keys() >= {"active", "total", "max", "queued", "abandoned", "utilization"}
    assert MODULE.to_dict().keys() >= {
        *("name", "state", "category", "priority", "tasks_completed", "tasks_failed", "success_rate", "uptime"),
        *("queue_size", "last_activity", "errors", "run_seconds", "wait_seconds", "cpu_percent", "cpu_bound"),
    }
    assert plain["module_threads"]["m"].keys() >= {"state", "tasks_completed", "success_rate", "uptime", "queue_size"}


def test_moments_are_utc_with_their_offset_and_none_before_the_first_task() -> None:
    """A moment is an ISO-8601 string in the dictionary; nothing is invented before there is one."""
    assert MODULE.to_dict()["last_activity"] == "2026-11-22T12:00:00Z"
    fresh = ModuleBrief(name="m", state="running", category="core", priority="high")
    assert (fresh.last_activity, fresh.success_rate) == (None, 1.0)
    assert ModuleStatus(name="m", state="running", category="core", priority="high").run_seconds.p99 is None


def test_the_brief_is_the_part_of_the_module_that_lists_show() -> None:
    """Every field of the brief equals that of the whole, and errors stay with the whole."""
    brief = MODULE.brief()
    assert type(brief) is ModuleBrief
    assert brief.to_dict() == {key: MODULE.to_dict()[key] for key in brief.to_dict()}
    assert "errors" not in brief.to_dict()


@pytest.mark.parametrize(("completed", "failed", "rate"), [(0, 0, 1.0), (3, 1, 0.75), (0, 2, 0.0), (5, 0, 1.0)])
def test_the_success_rate_is_one_before_the_first_task(completed: int, failed: int, rate: float) -> None:
    """The share of ended tasks that completed."""
    assert success_rate(completed, failed) == rate


@pytest.mark.feature("CB-33")
def test_the_maps_in_a_picture_cannot_be_changed_either() -> None:
    """Every way to change a dict raises; reading, copying and pickling work."""
    frozen = FrozenMap(a=1)
    for change in (
        lambda: frozen.__setitem__("b", 2),
        lambda: frozen.__delitem__("a"),
        lambda: frozen.__ior__({"b": 2}),
        lambda: frozen.update(b=2),
        lambda: frozen.pop("a"),
        frozen.popitem,
        frozen.clear,
        lambda: frozen.setdefault("b", 2),
    ):
        with pytest.raises(TypeError, match="Copy it"):
            change()
    assert frozen == {"a": 1} == copy.deepcopy(frozen) == pickle.loads(pickle.dumps(frozen))
    assert type(copy.copy(frozen)) is FrozenMap


def test_a_figure_that_is_no_number_is_none_in_json() -> None:
    """NaN, which JSON cannot say, does not get out."""
    assert msgspec.structs.replace(SYSTEM, loop_lag=float("nan")).to_dict()["loop_lag"] is None
    assert SystemStats() == SYSTEM.stats

"""The pictures: true at their moment, frozen afterwards, plain JSON on request."""

from __future__ import annotations

import asyncio
import json
import threading
from functools import partial

import msgspec
import pytest

from companion_async import TaskTimeoutError
from companion_async.offload.pool import Pool
from companion_async.testing.clock import VirtualClock, until
from tests.brain.rig import Gate, brain_on, diary

NINE = {"core", "phase1", "phase2", "phase3", "phase4", "phase5", "advanced", "agi", "monitoring"}


def known(figure: float | None) -> float:
    """A figure that is there, although the type allows for none."""
    assert figure is not None
    return figure


@pytest.mark.feature("CB-02", "CB-25")
async def test_the_nine_categories_and_the_cap() -> None:
    """A bare brain has the documented limits, no thread and no module."""
    async with brain_on() as brain:
        status = brain.status()
        assert {name: each.max for name, each in status.categories.items()} == {
            "core": 10, "phase1": 5, "phase2": 5, "phase3": 8, "phase4": 6, "phase5": 4, "advanced": 8, "agi": 6,
            "monitoring": 3,
        }  # fmt: skip
        assert (status.max_threads, status.total_threads, status.active_threads) == (50, 0, 0)
        assert status.enabled is status.auto_scaling is True
        assert not status.module_threads


@pytest.mark.feature("CB-25")
async def test_it_is_enabled_until_it_is_shut_down() -> None:
    """A picture can be taken after the end too, and says that nothing is at work there any more."""
    async with brain_on() as brain:
        while_it_ran = brain.status()
    assert while_it_ran.enabled
    assert not brain.status().enabled


@pytest.mark.feature("CB-25", "PM-08", "PE-09")
async def test_active_total_max_and_queued_are_what_they_say() -> None:
    """Busy threads are active, parked ones only total, waiting work is queued."""
    gate = Gate()
    async with brain_on(categories={"core": 2}) as brain:
        await brain.register("m", diary(), category="core")
        tasks = [brain.submit("m", "call", gate) for _ in range(5)]
        await gate.holds(2)
        status = brain.status()
        core = status.categories["core"]
        assert (core.active, core.total, core.max, core.queued, core.abandoned) == (2, 2, 2, 3, 0)
        assert core.utilization == 1.0
        assert status.active_threads == 2
        assert status.pending_tasks == 5
        assert brain.module_status("m").queue_size == 3
        assert brain.module_status("m").running == 2
        workers = [worker for worker in core.workers if worker.state == "busy"]
        assert {worker.task_id for worker in workers} == {task.id for task in tasks[:2]}
        assert all(worker.module == "m" and known(worker.running_seconds) >= 0 for worker in workers)
        gate.open()
        await asyncio.gather(*tasks)
        await until(lambda: brain.status().categories["core"].active == 0)
        core = brain.status().categories["core"]
        assert (core.total, core.queued, core.utilization) == (2, 0, 0.0)
        assert [worker.state for worker in core.workers] == ["idle", "idle"]
        assert {set(brain.status().categories) <= NINE} == {True}


@pytest.mark.feature("CB-23", "CB-24", "PM-11", "PE-05")
async def test_a_module_counts_what_its_tasks_came_to() -> None:
    """Completed, failed and timed out, the rate among those, its durations, its last errors, its last activity."""
    clock, gate = VirtualClock(), Gate()
    fresh = diary()
    async with brain_on(clock, failure_threshold=100) as brain:
        await brain.register("m", fresh)
        before = brain.module_status("m")
        assert (before.success_rate, before.last_activity, before.errors) == (1.0, None, ())
        assert before.run_seconds.p50 is None
        assert before.average_execution_time is None
        for _ in range(6):
            await brain.submit("m")
        fresh.fails["run"] = ValueError("no such page")
        failed = [brain.submit("m") for _ in range(2)]
        await asyncio.gather(*failed, return_exceptions=True)
        late = brain.submit("m", "call", gate, timeout=5)
        cancelled = brain.submit("m", "call", gate)
        await gate.holds(2)
        cancelled.cancel()
        await clock.advance(5)
        with pytest.raises(TaskTimeoutError):
            await late
        gate.open()
        status = brain.module_status("m")
        assert (status.tasks_completed, status.tasks_failed) == (6, 3)
        assert status.success_rate == pytest.approx(6 / 9)
        assert [error.type for error in status.errors] == ["ValueError", "ValueError", "TaskTimeoutError"]
        assert status.errors[0].message == "no such page"
        assert status.errors[0].task_id == failed[0].id
        assert status.errors[0].id != status.errors[1].id
        assert status.run_seconds.p99 is not None
        assert status.wait_seconds.p50 is not None
        assert status.average_execution_time == pytest.approx(5 / 9)
        assert status.last_activity is not None
        assert status.last_activity.timestamp() == pytest.approx(clock.time())
        assert status.uptime == pytest.approx(5.0)


@pytest.mark.feature("CB-24")
async def test_only_the_last_twenty_errors_are_kept() -> None:
    """The newest last."""
    fresh = diary()
    async with brain_on(failure_threshold=100) as brain:
        await brain.register("m", fresh)
        for number in range(30):
            fresh.fails["run"] = ValueError(str(number))
            with pytest.raises(ValueError, match=str(number)):
                await brain.submit("m")
        assert [error.message for error in brain.module_status("m").errors] == [str(n) for n in range(10, 30)]


@pytest.mark.feature("CB-26")
async def test_the_totals_add_up() -> None:
    """Created threads, completed and failed tasks of all modules and categories; hooks are no tasks."""
    fresh = diary()
    async with brain_on(failure_threshold=100) as brain:
        await brain.register("m", fresh, category="phase1")
        stats = brain.status().stats
        assert (stats.total_tasks_completed, stats.total_tasks_failed) == (0, 0)
        for _ in range(4):
            await brain.submit("m")
        await brain.to_thread(int, category="phase2")
        fresh.fails["run"] = ValueError()
        with pytest.raises(ValueError):
            await brain.submit("m")
        assert await brain.restart("m")
        stats = brain.status().stats
        assert (stats.total_tasks_completed, stats.total_tasks_failed, stats.threads_restarted) == (5, 1, 1)
        assert stats.total_threads_created >= 2
        assert stats.total_threads_created >= brain.status().total_threads


async def test_hooks_are_in_no_list_of_tasks_and_in_no_history() -> None:
    """Health checks all day long push no task out of the history."""
    clock = VirtualClock()

    class Checked:
        def health(self) -> None: ...

        def run(self) -> int:
            return 1

    async with brain_on(clock, history_size=5) as brain:
        await brain.register("m", Checked)
        task = brain.submit("m")
        assert await task == 1
        monitor = brain._assembly("test").monitor

        def looked_since(rounds: int) -> bool:
            return monitor.rounds > rounds

        for _ in range(20):
            rounds = monitor.rounds
            await clock.advance(5)
            await until(partial(looked_since, rounds))
        assert brain.task(task.id) is task
        assert brain.tasks() == [task]


@pytest.mark.feature("CB-27", "CB-33", "U-4")
async def test_a_picture_stays_what_it_was_and_is_plain_json() -> None:
    """Frozen through and through; ``to_dict`` holds JSON types only, and survives a round trip."""
    async with brain_on() as brain:
        await brain.register("m", diary())
        await brain.submit("m")
        system, module = brain.status(), brain.module_status("m")
        kept = system.to_dict()
        for _ in range(3):
            await brain.submit("m")
        assert system.to_dict() == kept
        assert brain.status().module_threads["m"].tasks_completed == 4
        for picture in (system, module, system.categories["core"], system.stats, system.module_threads["m"]):
            with pytest.raises(AttributeError):
                setattr(picture, picture.__struct_fields__[0], None)
        with pytest.raises(TypeError):
            system.categories["x"] = system.categories["core"]  # type: ignore[index]
        for picture in (system, module):
            assert json.loads(json.dumps(picture.to_dict())) == picture.to_dict()
            assert msgspec.json.decode(msgspec.json.encode(picture)) == picture.to_dict()
        assert kept["module_threads"]["m"]["state"] == "running"
        assert kept["timestamp"].endswith(("Z", "+00:00"))


@pytest.mark.feature("CB-26", "PM-08")
async def test_uptime_counts_from_the_start() -> None:
    """Of the brain and of each module's instance."""
    clock = VirtualClock()
    async with brain_on(clock) as brain:
        await clock.advance(60)
        await brain.register("m", diary())
        await clock.advance(30)
        assert brain.status().uptime == pytest.approx(90)
        assert brain.module_status("m").uptime == pytest.approx(30)


@pytest.mark.feature("CB-F4", "PE-04")
async def test_processor_use_by_thread_module_and_process() -> None:
    """What one busy module burns is seen on its thread, on it and on the process; an idle one shows nothing."""
    stop = threading.Event()

    def burn() -> int:
        number = 0
        while not stop.is_set():
            number += 1
        return number

    async with brain_on(health_interval=0.25) as brain:
        await brain.register("busy", burn)
        await brain.register("idle", stop.wait)
        tasks = [brain.submit("busy"), brain.submit("idle")]
        await until(lambda: brain.module_status("busy").cpu_percent > 5)  # of a busy machine it may have little
        status = brain.status()
        stop.set()
        await asyncio.gather(*tasks)
        by_module = {worker.module: worker for worker in status.categories["core"].workers}
        assert known(by_module["busy"].cpu_percent) > 5
        assert known(by_module["idle"].cpu_percent) < known(by_module["busy"].cpu_percent) / 2
        assert brain.module_status("idle").cpu_percent < brain.module_status("busy").cpu_percent / 2
        assert known(status.cpu_percent) > 5
        assert known(status.memory_bytes) > 1_000_000
        assert 0 < known(status.memory_fraction) < 1
        assert known(status.peak_memory_bytes) >= known(status.memory_bytes)
        assert known(status.peak_cpu_percent) >= known(status.cpu_percent)


@pytest.mark.feature("CB-25")
async def test_who_has_awaited_a_task_sees_no_thread_at_work(monkeypatch) -> None:
    """However long the thread takes to come back for more: its run is over, and told."""
    take, back = Pool.take, threading.Event()

    def take_later(pool, slot):
        if slot.job is not None:
            pool._mailbox.wake()  # as it does while other work waits: told first, the place given back after that
            back.wait()
        return take(pool, slot)

    monkeypatch.setattr(Pool, "take", take_later)
    async with brain_on(categories={"core": 2}) as brain:
        assert await brain.to_thread(int) == 0
        core = brain.status().categories["core"]
        assert (core.active, core.total, core.utilization) == (0, 1, 0.0)
        assert [(each.state, each.task_id) for each in core.workers] == [("idle", None)]
        back.set()

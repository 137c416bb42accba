"""Locks inside a brain: owned by tasks, their places lent while they wait, one graph with the joins of tasks."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from companion_async import (
    AccessMode,
    Brain,
    BrainClosedError,
    DeadlockError,
    LockTimeoutError,
    ResourceType,
    TaskCancelledError,
    TaskTimeoutError,
    WrongThreadError,
    current_task,
)
from companion_async.testing.clock import VirtualClock, until
from tests.work.house import Gate, pool, running

CORE = "category:core"
READ, WRITE, EXCLUSIVE = AccessMode.READ, AccessMode.WRITE, AccessMode.EXCLUSIVE


def share(brain: Brain, *names: str) -> None:
    for name in names:
        brain.resources.register_resource(name, [name], ResourceType.COMPUTATION)


def holding(brain: Brain, name: str, gate: Any, mode: AccessMode = WRITE) -> Any:
    """Work for a thread: hold a lock while the gate is shut."""

    def hold() -> Any:
        with brain.resources.acquire_context(name, mode) as value:
            gate(name)
            return value

    return hold


def waiters(brain: Brain, name: str) -> int:
    return len(brain.resources.get_resource_status(name).waiters)


@pytest.mark.feature("PR-03", "PR-07")
async def test_threads_and_coroutines_exclude_each_other_whatever_name_they_give():
    """A writer in a thread keeps out a coroutine and another thread, although all call themselves alike."""
    async with running() as brain:
        share(brain, "memory")
        gate = Gate()
        held = brain.submit(CORE, holding(brain, "memory", gate), timeout=None)
        await gate.holds(1)
        with pytest.raises(LockTimeoutError):
            async with brain.resources.acquire_context("memory", WRITE, holder="same", timeout=0):
                pass

        def other() -> None:
            with brain.resources.acquire_context("memory", READ, holder="same", timeout=0):
                pass

        with pytest.raises(LockTimeoutError):
            await brain.submit(CORE, other, timeout=None)
        gate.open()
        assert await held == ["memory"]
        async with brain.resources.acquire_context("memory", WRITE) as value:
            assert value == ["memory"]


@pytest.mark.feature("PR-07")
async def test_a_plain_with_on_the_loop_says_what_to_write():
    """It would block the loop, so it is refused, with the words that do not."""
    async with running() as brain:
        share(brain, "memory")
        with (
            pytest.raises(WrongThreadError, match=r"Use async with acquire_context\(\.\.\.\) here"),
            brain.resources.acquire_context("memory", READ),
        ):
            pass
        assert brain.resources.get_resource_status("memory").requests == 0


@pytest.mark.feature("PR-13")
async def test_a_task_that_ends_lets_go_of_what_it_forgot():
    """Acquired without a block and never released: the next has it once the task has ended."""
    async with running() as brain:
        share(brain, "memory")

        async def forgetful() -> None:
            await brain.resources.acquire_resource("memory", WRITE)

        await brain.submit(CORE, forgetful, timeout=None)
        async with brain.resources.acquire_context("memory", WRITE, timeout=0) as value:
            assert value == ["memory"]
        assert brain.resources.get_resource_status("memory").suspect
        brain.resources.clear_suspect("memory")
        assert not brain.resources.get_resource_status("memory").suspect


@pytest.mark.feature("PR-13")
async def test_a_cancelled_run_keeps_its_lock_until_it_has_stopped():
    """While its thread may still write nobody else gets in; when the thread has left, the next does."""
    async with running() as brain:
        share(brain, "memory")
        gate = Gate()
        held = brain.submit(CORE, holding(brain, "memory", gate), timeout=None)
        await gate.holds(1)
        assert held.cancel()
        with pytest.raises(LockTimeoutError):
            await brain.resources.acquire_resource("memory", READ, timeout=0)
        gate.open()
        await until(lambda: not brain.resources.get_resource_status("memory").holders)
        assert not brain.resources.get_resource_status("memory").suspect


@pytest.mark.feature("PR-13")
@pytest.mark.parametrize("mode", [READ, WRITE, EXCLUSIVE])
async def test_an_abandoned_writer_loses_its_lock_and_leaves_it_suspect(mode):
    """Its late release frees nothing that others hold by then, and it acquires nothing any more."""
    clock = VirtualClock()
    async with running(clock) as brain:
        share(brain, "memory", "other")
        gate = Gate()
        late: list[Any] = []

        def stuck() -> None:
            with brain.resources.acquire_context("memory", mode) as _:
                gate()
            late.append("released")
            try:
                with brain.resources.acquire_context("other", READ):
                    late.append("got another")
            except TaskCancelledError:
                late.append("refused")

        task = brain.submit(CORE, stuck, timeout=5)
        await gate.holds(1)
        await clock.advance(5)
        with pytest.raises(TaskTimeoutError):
            await task
        next_one = await brain.resources.acquire_resource("memory", EXCLUSIVE, timeout=0)
        assert next_one.suspect is (mode is not READ)
        gate.open()
        await until(lambda: len(late) == 2)
        assert late == ["released", "refused"]
        assert next_one.held
        assert brain.resources.release_resource(next_one)
        assert not brain.resources.release_resource(next_one)


@pytest.mark.feature("X-05", "PR-09")
@pytest.mark.parametrize("last", ["lock", "join"])
async def test_a_cycle_of_a_lock_and_a_join_is_found_whichever_comes_last(last):
    """Work holds a lock and waits for work that wants it: one of the two is told, and the other goes on."""
    async with running() as brain:
        share(brain, "memory")
        gate = Gate()

        def child() -> str:
            if last == "lock":
                gate()
            with brain.resources.acquire_context("memory", WRITE, timeout=None):
                return "written"

        def parent() -> Any:
            work = current_task()
            with brain.resources.acquire_context("memory", WRITE):
                task = work.submit(CORE, child, timeout=None)
                if last == "join":
                    gate()
                return work.wait(task)

        heard = []
        brain.events.add_handler("lock.deadlock", heard.append)
        task = brain.submit(CORE, parent, timeout=None)
        await gate.holds(1)
        if last == "join":
            await until(lambda: waiters(brain, "memory") == 1)
        else:
            await until(lambda: pool(brain).waiting == 1)
        gate.open()
        with pytest.raises(DeadlockError) as error:
            await task
        cycle = error.value.cycle
        assert cycle[0] == cycle[-1]
        assert "write on 'memory'" in cycle
        assert sum("parent" in step for step in cycle) >= 1
        assert sum("child" in step for step in cycle) >= 1
        await until(lambda: bool(heard))
        assert [(event.cycle, event.victim) for event in heard] == [(cycle, cycle[0])]
        assert ("child" in cycle[0]) is (last == "lock")


@pytest.mark.feature("X-05")
async def test_a_coroutine_that_is_no_work_is_part_of_the_cycle():
    """A request handler holds a lock and awaits work that wants it: found, though the handler is no task."""
    async with running() as brain:
        share(brain, "memory")

        def work() -> None:
            with brain.resources.acquire_context("memory", WRITE, timeout=None):
                pass

        async with brain.resources.acquire_context("memory", WRITE):
            with pytest.raises(DeadlockError) as error:
                await brain.submit(CORE, work, timeout=None)
        assert "write on 'memory'" in error.value.cycle
        await brain.submit(CORE, work, timeout=None)


@pytest.mark.feature("X-05")
async def test_a_cycle_through_a_task_that_waits_for_others_to_end_is_found():
    """Of `after=` the graph knows too: the blocked task waits for the holder that joins it."""
    async with running() as brain:
        share(brain, "memory")
        gate = Gate()

        def holder() -> Any:
            with brain.resources.acquire_context("memory", WRITE):
                gate()
                return current_task().wait(blocked)

        def wants() -> None:
            with brain.resources.acquire_context("memory", READ, timeout=None):
                pass

        first = brain.submit(CORE, holder, timeout=None)
        await gate.holds(1)
        second = brain.submit(CORE, wants, timeout=None)
        await until(lambda: waiters(brain, "memory") == 1)
        blocked = brain.submit(CORE, wants, after=[second], timeout=None)
        gate.open()
        with pytest.raises(DeadlockError) as error:
            await first
        assert len(error.value.cycle) == 5
        await second
        await blocked


@pytest.mark.feature("X-05", "X-02")
@pytest.mark.parametrize("kind", ["threads", "coroutines"])
async def test_waiting_for_a_lock_lends_the_place(kind):
    """A category of two is full of work that waits for a lock: the work that its holder needs runs all the same."""
    async with running(categories={"core": 2}) as brain:
        share(brain, "memory")
        begun = asyncio.Event()

        def in_thread() -> int:
            with brain.resources.acquire_context("memory", WRITE, timeout=None):
                return 1

        async def on_loop() -> int:
            async with brain.resources.acquire_context("memory", WRITE, timeout=None):
                return 1

        async def holder() -> int:
            async with brain.resources.acquire_context("memory", WRITE):
                begun.set()
                await until(lambda: waiters(brain, "memory") == 4)
                return await brain.submit(CORE, lambda: 40, timeout=None)

        held = brain.submit("category:phase1", holder, timeout=None)
        await begun.wait()
        works = [brain.submit(CORE, in_thread if kind == "threads" else on_loop, timeout=None) for _ in range(4)]
        assert await held == 40
        assert await asyncio.gather(*works) == [1] * 4
        await until(lambda: pool(brain).working == pool(brain).waiting == 0)


@pytest.mark.feature("X-05", "X-02")
async def test_in_a_full_house_a_thread_that_waits_for_a_lock_runs_what_its_holder_waits_for():
    """Every thread waits for a lock whose holder awaits a task that no thread is left for: it is run all the same."""
    async with running(categories={"core": 3}, max_threads=2) as brain:
        share(brain, "memory")
        begun = asyncio.Event()

        def wants() -> str:
            with brain.resources.acquire_context("memory", WRITE, timeout=None):
                return "had it"

        async def holder() -> str:
            async with brain.resources.acquire_context("memory", WRITE):
                begun.set()
                await until(lambda: waiters(brain, "memory") == 2)
                return await brain.submit(CORE, lambda: "ran", timeout=None)

        held = brain.submit(CORE, holder, timeout=None)
        await begun.wait()
        works = [brain.submit(CORE, wants, timeout=None) for _ in range(2)]
        assert await held == "ran"
        assert await asyncio.gather(*works) == ["had it"] * 2
        assert brain.status().total_threads <= 2


@pytest.mark.feature("PR-03")
async def test_coroutines_that_work_starts_beside_itself_exclude_each_other():
    """Two children of one run are two owners: both write, one after the other."""
    async with running() as brain:
        share(brain, "memory")
        inside = most = 0

        async def child() -> None:
            nonlocal inside, most
            async with brain.resources.acquire_context("memory", WRITE):
                inside += 1
                most = max(most, inside)
                await asyncio.sleep(0)
                inside -= 1

        async def work() -> None:
            await asyncio.gather(*(child() for _ in range(5)))

        await brain.submit(CORE, work, timeout=None)
        assert most == 1


@pytest.mark.feature("PR-13", "PR-06")
async def test_closing_the_brain_ends_every_wait():
    """Whoever waits when the brain shuts down is told, in a thread and on the loop."""
    async with running() as brain:
        share(brain, "memory")
        lock = await brain.resources.acquire_resource("memory", WRITE)
        told: list[str] = []

        def outside() -> None:
            try:
                with brain.resources.acquire_context("memory", READ, timeout=None):
                    pass
            except BrainClosedError as error:
                told.append(error.phase)

        async def beside() -> None:
            with pytest.raises(BrainClosedError):
                await brain.resources.acquire_resource("memory", READ, timeout=None)

        thread = threading.Thread(target=outside)
        thread.start()
        waiting = asyncio.create_task(beside())
        await until(lambda: waiters(brain, "memory") == 2)
    await waiting
    await until(lambda: told == ["shut down"])
    thread.join()
    assert brain.resources.release_resource(lock)
    with pytest.raises(BrainClosedError):
        await brain.resources.acquire_resource("memory", READ)


@pytest.mark.feature("PR-08")
@pytest.mark.parametrize("policy", ["weighted_priority", "priority_first"])
async def test_urgent_work_behind_a_lock_of_idle_work_waits_for_that_alone(policy):
    """An idle task holds the lock; of a flood of others that want it, the critical one comes next, however late."""
    async with running(policy=policy) as brain:
        share(brain, "memory")
        gate = Gate()
        order: list[str] = []

        async def work(name: str, priority: str) -> None:
            async with brain.resources.acquire_context("memory", WRITE, timeout=None, priority=priority):
                order.append(name)

        idle = brain.submit(CORE, holding(brain, "memory", gate), timeout=None, priority="idle")
        await gate.holds(1)
        flood = [brain.submit(CORE, work, "flood", "medium", timeout=None, priority="medium") for _ in range(30)]
        await until(lambda: waiters(brain, "memory") == 30)
        urgent = brain.submit("category:phase1", work, "urgent", "critical", timeout=None, priority="critical")
        await until(lambda: waiters(brain, "memory") == 31)
        gate.open()
        await asyncio.gather(idle, urgent, *flood)
        assert order == ["urgent"] + ["flood"] * 30


@pytest.mark.feature("PR-12")
async def test_the_graph_can_be_asked_for_as_data():
    """Holders, waits and joins of one moment, as the page draws them."""
    async with running() as brain:
        share(brain, "memory")
        gate = Gate()
        held = brain.submit(CORE, holding(brain, "memory", gate), timeout=None)
        await gate.holds(1)

        async def joins() -> Any:
            return await held

        async def wants() -> None:
            async with brain.resources.acquire_context("memory", READ, timeout=None):
                pass

        works = [brain.submit(CORE, joins, timeout=None), brain.submit(CORE, wants, timeout=None)]
        await until(lambda: waiters(brain, "memory") == 1 and pool(brain).waiting == 2)
        picture = brain.resources.get_wait_graph()
        names = [f"{task.id} ({task.module}.{task.target})" for task in (held, *works)]
        assert {(edge.source, edge.target, edge.kind) for edge in picture.edges} == {
            ("resource memory", names[0], "held"),
            (names[2], "resource memory", "waits"),
            (names[1], names[0], "joins"),
        }
        assert {node.id for node in picture.nodes} == {"resource memory", *names}
        gate.open()
        await asyncio.gather(*works)
        assert brain.resources.get_wait_graph().edges == ()

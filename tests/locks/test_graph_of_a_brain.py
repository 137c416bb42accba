"""One graph over locks and joins, and places that are lent to those whom a wait for a lock would keep out."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import pytest

from companion_async import (
    DeadlockError,
    current_task,
)
from companion_async.testing.clock import until
from tests.locks.sharing import CORE, READ, WRITE, holding, share, waiters
from tests.work.house import Gate, pool, running


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

        heard: list[Any] = []
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

        for wait in ("await", "wait()"):
            async with brain.resources.acquire_context("memory", WRITE):
                task = brain.submit(CORE, work, timeout=None)
                with pytest.raises(DeadlockError) as error:
                    await (task if wait == "await" else task.wait())
            assert "write on 'memory'" in error.value.cycle
        await brain.submit(CORE, work, timeout=None)


@pytest.mark.feature("X-05")
@pytest.mark.parametrize("wait", ["await", "wait()"])
async def test_a_coroutine_that_work_starts_beside_itself_waits_on_its_own_account(wait):
    """It holds a lock and joins a task that wants it, while its parent's run waits for it: the joined task is told."""
    async with running() as brain:
        share(brain, "memory")

        def wants() -> None:
            with brain.resources.acquire_context("memory", WRITE, timeout=None):
                pass

        async def child() -> None:
            async with brain.resources.acquire_context("memory", WRITE):
                task = brain.submit(CORE, wants, timeout=None)
                with pytest.raises(DeadlockError):
                    await (task if wait == "await" else task.wait())

        async def parent() -> None:
            await asyncio.gather(child())

        await brain.submit(CORE, parent, timeout=None)


@pytest.mark.feature("X-05")
async def test_a_join_of_a_coroutine_that_is_no_work_can_close_the_cycle():
    """The task stands in line already when the handler that holds the lock awaits it: the handler is told."""
    async with running() as brain:
        share(brain, "memory")

        def work() -> None:
            with brain.resources.acquire_context("memory", WRITE, timeout=None):
                pass

        for wait in ("await", "wait()"):
            async with brain.resources.acquire_context("memory", WRITE):
                task = brain.submit(CORE, work, timeout=None)
                await until(lambda: waiters(brain, "memory") == 1)
                with pytest.raises(DeadlockError):
                    await (task if wait == "await" else task.wait())
            await task


@pytest.mark.feature("X-05")
@pytest.mark.parametrize("last", ["lock", "join"])
async def test_a_cycle_through_a_task_that_waits_for_others_to_end_is_found(last):
    """Of `after=` the graph knows too: a blocked task waits for one that wants the lock of whoever joins it."""
    async with running() as brain:
        share(brain, "memory")
        joining, asking = Gate(), Gate()

        def holder() -> Any:
            with brain.resources.acquire_context("memory", WRITE):
                joining()
                return current_task().wait(blocked)

        def wants() -> None:
            asking()
            with brain.resources.acquire_context("memory", READ, timeout=None):
                pass

        first = brain.submit(CORE, holder, timeout=None)
        await joining.holds(1)
        second = brain.submit(CORE, wants, timeout=None)
        await asking.holds(1)
        blocked = brain.submit(CORE, lambda: "ran", after=[second], timeout=None, on_upstream_failure="run")
        if last == "join":
            asking.open()
            await until(lambda: waiters(brain, "memory") == 1)
            joining.open()
        else:
            joining.open()
            await until(lambda: pool(brain).waiting == 1)
            asking.open()
        with pytest.raises(DeadlockError) as error:
            await (first if last == "join" else second)
        assert len(error.value.cycle) == 5
        await asyncio.wait([asyncio.ensure_future(_end(task)) for task in (first, second)])
        assert await blocked == "ran"


async def _end(task: Any) -> None:
    with contextlib.suppress(DeadlockError):
        await task


@pytest.mark.feature("X-05", "X-02")
async def test_work_that_runs_on_the_stack_of_a_waiting_thread_is_part_of_the_graph():
    """The thread waited for a lock, ran in the meantime what the holder needed, and was granted the lock: it cannot go
    on before that work ends, so that work may not wait for the lock.
    """
    async with running(categories={"core": 3}, max_threads=1) as brain:
        share(brain, "memory")
        gate = Gate()

        def wants() -> str:
            with brain.resources.acquire_context("memory", WRITE, timeout=None):
                return "had it"

        def needed() -> str:
            gate()
            with pytest.raises(DeadlockError), brain.resources.acquire_context("memory", WRITE, timeout=None):
                pass
            return "refused"

        async def holder() -> None:
            async with brain.resources.acquire_context("memory", WRITE):
                begun.set()
                await until(lambda: waiters(brain, "memory") == 1)
                works.append(brain.submit(CORE, needed, timeout=None))
                await works[-1].wait()

        begun, works = asyncio.Event(), list[Any]()
        holding = asyncio.create_task(holder())
        await begun.wait()
        works.append(brain.submit(CORE, wants, timeout=None))
        await gate.holds(1)
        holding.cancel()
        await asyncio.wait([holding])
        assert len(brain.resources.get_resource_status("memory").holders) == 1
        gate.open()
        assert sorted([await work for work in works]) == ["had it", "refused"]


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

        async def holder() -> Any:
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

        async def holder() -> Any:
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

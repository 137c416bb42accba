"""Modules that depend on others: started after them, stopped before them, waiting until they are up."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import partial

import pytest

from companion_async import DependencyCycleError, InvalidArgumentError, ModuleSpec, RestartPolicy, TaskState
from companion_async.testing.clock import VirtualClock, settle, until
from tests.brain.rig import brain_on, diary


def chain(notes: list[str], fails: Mapping[str, BaseException]) -> list[ModuleSpec]:
    """Storage <- index <- search, given in the wrong order, all noting in one list."""

    def named(name: str):
        fresh = diary()

        async def start(self) -> None:
            notes.append(f"start {name}")
            if name in fails:
                raise fails[name]

        async def stop(self) -> None:
            await asyncio.sleep(0)
            notes.append(f"stop {name}")

        fresh.start, fresh.stop = start, stop  # type: ignore[method-assign]
        return fresh

    policy = RestartPolicy(backoff_initial=1.0)
    return [
        ModuleSpec("search", named("search"), depends_on=("index", "storage"), restart=policy),
        ModuleSpec("index", named("index"), depends_on=("storage",), restart=policy),
        ModuleSpec("storage", named("storage"), restart=policy),
    ]


@pytest.mark.feature("CB-F6")
async def test_started_after_what_it_needs_and_stopped_before() -> None:
    """Whatever the order in which they are given."""
    for turn in (1, -1):
        notes: list[str] = []
        async with brain_on() as brain:
            await brain.register_all(chain(notes, {})[::turn])
            assert notes == ["start storage", "start index", "start search"]
            notes.clear()
        assert notes == ["stop search", "stop index", "stop storage"]


@pytest.mark.feature("CB-F6", "CB-04")
async def test_a_module_waits_until_what_it_needs_is_up() -> None:
    """With a dependency in error it stands in ``waiting``, its work waits, and it starts when that one is healed."""
    clock, notes, fails = VirtualClock(), list[str](), {"index": OSError("no disk")}
    async with brain_on(clock) as brain:
        await brain.register_all(chain(notes, fails))
        states = {name: brain.module_status(name).state for name in ("storage", "index", "search")}
        assert states == {"storage": "running", "index": "error", "search": "waiting"}
        task = brain.submit("search", "run", 1)
        assert task.state is TaskState.QUEUED
        fails.clear()
        await clock.advance(15)
        assert await task == (1, 1)
        assert brain.module_status("search").state == "running"
        assert notes.count("start index") == 2
        assert notes.count("start search") == 1


@pytest.mark.feature("CB-F6")
async def test_a_later_module_depends_on_one_that_is_registered() -> None:
    """It starts at once if that one is up; a cycle or a stranger is refused."""
    async with brain_on() as brain:
        first = diary()
        await brain.register("first", first)
        await brain.register("second", diary(), depends_on=("first",))
        assert brain.module_status("second").state == "running"
        with pytest.raises(ValueError, match="third"):
            await brain.register("fourth", diary(), depends_on=("third",))
        with pytest.raises(DependencyCycleError):
            await brain.register("self", diary(), depends_on=("self",))


async def test_what_others_need_cannot_be_taken_out() -> None:
    """The message names them; taken out in the right order both go."""
    async with brain_on() as brain:
        await brain.register("first", diary())
        await brain.register("second", diary(), depends_on=("first",))
        with pytest.raises(InvalidArgumentError, match="second"):
            await brain.unregister("first")
        assert await brain.submit("first") == (1, None)
        await brain.unregister("second")
        await brain.unregister("first")
        assert not brain.status().module_threads


async def test_a_dependency_that_restarts_leaves_the_others_up() -> None:
    """A restart of one module stops no other."""
    async with brain_on() as brain:
        second = diary()
        await brain.register("first", diary())
        await brain.register("second", second, depends_on=("first",))
        assert await brain.restart("first")
        assert brain.module_status("second").state == "running"
        assert second.notes == ["start 1"]


async def test_a_person_resumes_a_stopped_module_whose_dependency_is_down() -> None:
    """It waits for the other instead of starting without it."""
    clock = VirtualClock()
    async with brain_on(clock, auto_scaling=False) as brain:
        first, second = diary(), diary()

        def stopped(name: str) -> bool:
            return brain.module_status(name).state == "stopped"

        never = RestartPolicy(max_restarts=0)
        await brain.register("first", first, restart=never)
        await brain.register("second", second, depends_on=("first",), restart=never)
        for fresh, name in ((second, "second"), (first, "first")):
            fresh.fails["health"] = OSError("gone")
            await clock.advance(30)
            await until(partial(stopped, name))
            fresh.fails.clear()
        brain.resume("second")
        await settle()
        assert brain.module_status("second").state == "waiting"
        brain.resume("first")
        await until(lambda: brain.module_status("second").state == "running")

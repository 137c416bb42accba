"""The log: silent until asked, each line with its module and task, and nothing in it that work was called with."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from loguru import logger

import companion_async
from companion_async import BaseModule, RestartPolicy
from companion_async.testing.clock import VirtualClock, settle, until
from tests.brain.rig import Gate, brain_on, diary

SECRET = "hunter2-and-more"


class Sink:
    """Everything that was written, as loguru's own default sink would: with the values of variables in tracebacks."""

    def __init__(self, level: str = "TRACE") -> None:
        self.text = ""
        self.records: list[dict[str, Any]] = []
        logger.add(self._write, level=level, format="{message} {extra} {exception}", diagnose=True, backtrace=True)

    def _write(self, message: Any) -> None:
        self.text += str(message)
        self.records.append(message.record)

    def of(self, module: str) -> list[dict[str, Any]]:
        return [record for record in self.records if record["extra"].get("module") == module]


class Talking(BaseModule):
    def start(self) -> None:
        self.logger.info("starting")

    def run(self, password: str = "") -> None:
        self.logger.info("running")
        if password:
            raise PermissionError("not allowed", len(password))

    async def slowly(self) -> None:
        await asyncio.sleep(0)
        self.logger.info("slowly")


async def exercise(brain: Any) -> list[Any]:
    """Failures of every kind, with a secret among the arguments of all."""
    tasks = [brain.submit("m", "run", SECRET), brain.submit("m", "run", kwargs={"password": SECRET})]

    def callback(task: Any, password: str = SECRET) -> None:
        raise OSError("in the callback", len(password))

    async def async_callback(task: Any, password: str = SECRET) -> None:
        raise OSError("in the other callback", len(password))

    tasks[0].add_done_callback(callback)
    tasks[0].add_done_callback(async_callback)
    await asyncio.gather(*tasks, return_exceptions=True)
    await settle()
    return tasks


@pytest.mark.feature("U-5")
async def test_the_library_is_silent_until_one_line_turns_it_on() -> None:
    """``logger.enable("companion_async")``; ``disable`` turns it off again."""
    sink = Sink()
    async with brain_on() as brain:
        await brain.register("m", Talking)
        await exercise(brain)
        assert [record for record in sink.records if record["name"].startswith("companion_async")] == []
        logger.enable(companion_async.__name__)
        await exercise(brain)
        assert [record for record in sink.records if record["name"].startswith("companion_async")]
        logger.disable(companion_async.__name__)
        count = len(sink.text)
        with pytest.raises(PermissionError):
            await brain.submit("m", "run", SECRET)
        assert "PermissionError" not in sink.text[count:]


@pytest.mark.feature("U-5")
async def test_a_failure_stands_in_the_log_under_the_id_that_the_status_shows() -> None:
    """With its task and its module bound, and its text."""
    sink = Sink()
    logger.enable("companion_async")
    async with brain_on() as brain:
        await brain.register("m", Talking)
        task, *_ = await exercise(brain)
        error = brain.module_status("m").errors[0]
        (line,) = [record for record in sink.records if f"{error.type} {error.id}:" in record["message"]]
        assert line["extra"] == {"module": "m", "task": task.id}
        assert "PermissionError" in line["message"]
        assert "not allowed" in line["message"]
        assert line["level"].name == "WARNING"


@pytest.mark.feature("U-5")
async def test_a_modules_own_lines_carry_its_name_and_the_task_that_runs() -> None:
    """In threads and on the loop; outside of work only the name."""
    sink = Sink()
    async with brain_on() as brain:
        await brain.register("m", Talking)
        first, second = brain.submit("m"), brain.submit("m", "slowly")
        await asyncio.gather(first, second)
        said = {record["message"]: record["extra"] for record in sink.of("m")}
        assert said == {
            "starting": {"module": "m"},
            "running": {"module": "m", "task": first.id},
            "slowly": {"module": "m", "task": second.id},
        }


@pytest.mark.feature("U-5")
async def test_no_argument_and_no_token_is_ever_written() -> None:
    """Not by failing work, callbacks, hooks, stuck runs or quarantines, in no traceback, at no level."""
    sink, clock, gate = Sink(), VirtualClock(), Gate()
    logger.enable("companion_async")
    sick = diary()
    sick.fails["start"] = OSError("no disk")
    async with brain_on(clock, token=SECRET + "x", readonly_token=SECRET + "y", abandoned_budget=1) as brain:
        await brain.register("m", Talking)
        await brain.register("sick", sick, restart=RestartPolicy(max_restarts=0))
        async with brain.events.subscribe("task.*"):
            await exercise(brain)
        stuck = brain.submit("m", lambda secret: gate(), SECRET, timeout=5)
        await gate.holds(1)
        await clock.advance(20)
        assert stuck.done()
        await until(lambda: brain.module_status("sick").state == "stopped")
        gate.open()
    for line in ("A callback of task", "A run does not stop", "start failed", "PermissionError"):
        assert line in sink.text
    assert SECRET not in sink.text

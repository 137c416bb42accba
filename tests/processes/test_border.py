"""What does not cross the border between processes is refused where it is tried, in words that help."""

from __future__ import annotations

import logging
import multiprocessing.process
import os
import threading

import pytest
from loguru import logger

from companion_async import BaseModule, CompanionError, InvalidArgumentError, WrongArgumentsError
from companion_async.testing.clock import until
from tests.processes import work
from tests.processes.settlement import PATIENCE, living, settled
from tests.work.house import port, running

pytestmark = pytest.mark.asyncio(loop_factories=["asyncio"])


def made_here() -> type:
    class Inner(BaseModule):
        def run(self) -> None: ...

    return Inner


async def test_what_cannot_be_sent_is_refused_at_registration():
    """A class inside a function, a lambda, an instance that holds one: refused, and the name stays free."""
    async with running() as brain:
        for module in (made_here(), lambda: 1, made_here()()):
            with pytest.raises(InvalidArgumentError, match=r"cannot be sent to a process.*top level"):
                await brain.register("m", module, offload="process")
        with pytest.raises(InvalidArgumentError, match="pass the class as module"):
            await brain.register("m", factory=work.rated, offload="process")
        await brain.register("m", work.pid, offload="process")
        assert await brain.submit("m", "run") != os.getpid()


async def test_what_cannot_be_sent_is_refused_by_submit():
    """The target, an argument or a keyword: no task is left behind, and nothing is started."""
    async with settled() as brain:
        lock = threading.Lock()
        for target, args, kwargs in ((lambda: 1, (), {}), ("run", (lambda: 1,), {}), ("run", (), {"lock": lock})):
            with pytest.raises(InvalidArgumentError, match="cannot be sent to a process"):
                brain.submit("m", target, *args, kwargs=kwargs)
        assert brain.tasks() == []
        assert living(brain) == []
        assert brain.status().pending_tasks == 0


async def test_a_call_that_its_handler_does_not_take_is_the_callers_fault():
    """What the handler takes is asked where it lives: the call is refused there, once, and is no failure in a row."""
    async with settled(module=work.Counter, options={"retry": 3}) as brain:
        task = brain.submit("m", "run", kwargs={"much": 2})
        with pytest.raises(
            WrongArgumentsError, match=r"'run' of module 'm' takes .*unexpected keyword argument 'much'"
        ):
            await task
        assert task.attempt == 1
        with pytest.raises(WrongArgumentsError, match="'double' of module 'm' takes"):
            brain.submit("m", work.double)
        assert port(brain, "m").record.failures_in_row == 0


async def test_a_process_of_multiprocessing_that_imports_its_program_is_told_of_the_guard(monkeypatch):
    """It would start itself over and over: registration is refused there."""
    monkeypatch.setattr(multiprocessing.process.current_process(), "_inheriting", True, raising=False)
    async with running() as brain:
        with pytest.raises(CompanionError, match="if __name__ == '__main__'"):
            await brain.register("m", work.pid, offload="process")


async def test_the_brain_is_on_the_other_side():
    """`self.brain`, submitting and waiting say so in the process."""
    async with settled(module=work.Counter) as brain:
        for target, args in (("ask_brain", ()), (work.submit_more, ()), (work.wait_for, ("x",))):
            with pytest.raises(CompanionError, match=r"not available inside a process.*offload='thread'"):
                await brain.submit("m", target, *args)


async def test_lines_of_the_log_come_home(caplog):
    """Loguru's with what they were bound to, `logging`'s with their logger; each with the process."""
    lines = []
    sink = logger.add(lambda message: lines.append(message.record), level=0)
    async with settled() as brain:
        pid = await brain.submit("m", "run")
        with caplog.at_level(logging.INFO):
            await brain.submit("m", work.log_a_line)
            await until(lambda: caplog.records and lines, PATIENCE)
    logger.remove(sink)
    (line,) = [line for line in lines if line["message"].startswith("a warning")]
    assert line["message"] == "a warning of loguru {with braces}"
    assert line["extra"] == {"module": "m", "colour": "red", "pid": pid}
    assert (line["level"].name, line["function"]) == ("WARNING", "log_a_line")
    (record,) = caplog.records
    assert (record.name, record.getMessage()) == ("tests.processes", "an error of logging")

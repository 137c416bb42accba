"""One registered module, live: start and stop, pause and resume."""

from __future__ import annotations

import asyncio
import threading

import pytest

from companion_async.errors import ModuleUnavailableError
from companion_async.modules.module import BaseModule
from companion_async.modules.state import IllegalMoveError, ModuleState
from companion_async.testing.clock import settle
from tests.modules.actors import BRAIN, START_TIMEOUT


@pytest.mark.feature("CB-04", "CB-05")
async def test_a_module_is_made_started_and_stopped(make, trace, virtual_clock):
    """From registration to its end a class goes initializing, running, stopping, stopped, each step once."""
    await virtual_clock.advance(7.0)
    module = make()
    assert (module.state, module.instance, trace.log) == (ModuleState.INITIALIZING, None, [])
    assert await module.start(BRAIN)
    assert (module.state, module.instance.brain, module.generation) == (ModuleState.RUNNING, BRAIN, 1)
    assert module.record.started_at == 7.0
    await module.stop("done")
    assert (module.state, module.instance, module.reason) == (ModuleState.STOPPED, None, "done")
    assert trace.log == ["made", "start", "stop"]
    assert trace.moves == ["initializing>running", "running>stopping", "stopping>stopped"]


@pytest.mark.feature("CB-04", "CB-F6")
async def test_a_module_with_dependencies_waits_until_it_is_started(make):
    """With ``depends_on`` it is waiting, without initializing, until its turn comes."""
    module = make(depends_on=("a",))
    assert module.state is ModuleState.WAITING
    assert await module.start(BRAIN)
    await module.stop()
    module.defer()
    assert module.state is ModuleState.WAITING
    assert await module.start(BRAIN)


async def test_starting_twice_and_stopping_twice_is_once(make, trace):
    """A module that is up stays as it is, and one that is stopped too."""
    module = make()
    assert await module.start(BRAIN)
    assert await module.start(object())
    assert module.instance.brain is BRAIN
    await module.stop("first")
    await module.stop("second")
    assert trace.log == ["made", "start", "stop"]


@pytest.mark.feature("CB-24")
@pytest.mark.parametrize("step", ["made", "start"])
@pytest.mark.parametrize("error", [ValueError, SystemExit, KeyboardInterrupt, asyncio.CancelledError, GeneratorExit])
async def test_a_module_that_cannot_start_is_in_error_and_visible(make, trace, step, error):
    """Whatever constructor or start raise is kept, nothing gets out, and it can be healed by a restart."""
    trace.fails[step] = error("text")
    module = make()
    assert not await module.start(BRAIN)
    assert (module.state, module.instance) == (ModuleState.ERROR, None)
    entry = module.record.errors[-1]
    assert (entry.type, entry.message, entry.task_id) == (error.__name__, "text", None)
    assert module.reason == f"{error.__name__}: text"
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0
    trace.fails.clear()
    assert await module.restart()
    assert (module.state, module.reason) == (ModuleState.RUNNING, "")
    assert "stop" not in trace.log


@pytest.mark.feature("CB-24")
@pytest.mark.parametrize("error", [ValueError, SystemExit, asyncio.CancelledError])
async def test_a_stop_that_raises_stops_all_the_same(make, trace, error):
    """What stop raises is kept, and the module is stopped."""
    module = make()
    await module.start(BRAIN)
    trace.fails["stop"] = error("text")
    await module.stop()
    assert module.state is ModuleState.STOPPED
    assert [entry.type for entry in module.record.errors] == [error.__name__]


async def test_a_start_that_hangs_is_an_error(make, virtual_clock, stuck):
    """After its limit a start is cancelled, and the module is in error rather than initializing for ever."""
    module = make(stuck("start"))
    starting = asyncio.create_task(module.start(BRAIN))
    await virtual_clock.advance(START_TIMEOUT)
    assert starting.result() is False
    assert module.state == "error"
    assert module.reason == "TimeoutError: start did not end within 60 s"


async def test_a_stop_cuts_a_start_short(make, trace, stuck):
    """A stop need not wait for a start that hangs; the start tells its caller that the module is not up."""
    module = make(stuck("start"))
    starting = asyncio.create_task(module.start(BRAIN))
    await settle()
    await module.stop("leaving")
    assert starting.result() is False
    assert (module.state, module.reason) == (ModuleState.STOPPED, "leaving")
    assert list(module.record.errors) == []
    assert trace.moves == ["initializing>stopping", "stopping>stopped"]


async def test_a_cancelled_stop_stops_all_the_same(make, stuck):
    """Whoever gives up waiting for a stop leaves a stopped module, its hook cancelled."""
    module = make(stuck("stop"))
    await module.start(BRAIN)
    task = asyncio.create_task(module.stop("bye"))
    await settle()
    task.cancel()
    await settle()
    assert task.cancelled()
    assert (module.state, module.reason, module.hooks_under_way) == (ModuleState.STOPPED, "bye", 0)


@pytest.mark.feature("CB-12", "CB-13")
async def test_pause_and_resume(make, trace):
    """A running module is paused and resumed, each once however often it is asked for."""
    module = make()
    await module.start(BRAIN)
    trace.moves.clear()
    module.pause()
    module.pause()
    assert module.state == "paused"
    module.resume()
    module.resume()
    assert module.state == "running"
    assert trace.moves == ["running>paused", "paused>running"]


async def test_a_pause_before_the_start_holds_after_it(make):
    """A module that is not up yet can be paused: it comes up paused. A resume before it is up takes that back."""
    module = make(depends_on=("a",))
    module.pause()
    await module.start(BRAIN)
    assert module.state == "paused"
    module.fail(ValueError())
    module.resume()
    await module.restart()
    assert module.state == "running"


@pytest.mark.feature("CB-04")
async def test_a_stopped_module_is_neither_paused_nor_resumed(make):
    """Both are refused with the state and its reason; a later start is not paused."""
    module = make()
    await module.start(BRAIN)
    module.pause()
    await module.stop("why not")
    for refused in (module.pause, module.resume):
        with pytest.raises(ModuleUnavailableError, match=r"stopped \(why not\)"):
            refused()
    await module.start(BRAIN)
    assert module.state == "running"


@pytest.mark.feature("CB-04")
async def test_moves_out_of_the_table_raise(make):
    """A running module cannot be made to wait; the state stays what it was."""
    module = make()
    await module.start(BRAIN)
    with pytest.raises(IllegalMoveError):
        module.defer()
    assert module.state == "running"


async def test_a_callback_that_raises_changes_nothing(make, trace, monkeypatch):
    """What on_change raises is logged and does not reach the lifecycle."""

    def on_change(module, old, new):
        raise ValueError

    monkeypatch.setattr(trace, "on_change", on_change)
    module = make()
    assert await module.start(BRAIN)
    await module.stop()
    assert module.state is ModuleState.STOPPED


async def test_a_blocking_start_does_not_hold_the_loop(make):
    """While a plain start blocks its thread, the loop goes on."""
    entered, release = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    class Blocking(BaseModule):
        def start(self):
            loop.call_soon_threadsafe(entered.set)
            assert release.wait(30)

    async def in_a_thread(work):
        result = loop.create_future()

        def run():
            value = work()
            loop.call_soon_threadsafe(result.set_result, value)

        threading.Thread(target=run).start()
        return await result

    module = make(Blocking, thread=in_a_thread)
    starting = asyncio.create_task(module.start(BRAIN))
    await entered.wait()
    assert module.state is ModuleState.INITIALIZING
    release.set()
    assert await starting

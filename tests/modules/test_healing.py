"""One registered module, live: failing, health checks, restart and quarantine."""

from __future__ import annotations

import asyncio

import pytest

from companion_async.errors import ModuleUnavailableError
from companion_async.modules.restart import RestartPolicy
from companion_async.modules.state import ModuleState
from companion_async.testing.clock import settle
from tests.modules.actors import BRAIN, GRACE


@pytest.mark.feature("CB-17", "PM-01")
async def test_a_restart_makes_a_fresh_instance_of_a_class(make, trace):
    """The old instance is stopped before the new one is made; work waits meanwhile, as the states say."""
    module = make()
    await module.start(BRAIN)
    first = module.instance
    trace.moves.clear()
    assert await module.restart()
    assert module.instance is not first
    assert module.instance.brain is BRAIN
    assert trace.log == ["made", "start", "stop", "made", "start"]
    assert trace.moves == ["running>initializing", "initializing>running"]
    assert (module.restarts, module.generation) == (1, 2)


@pytest.mark.feature("CB-17")
async def test_a_restart_starts_an_instance_again(make, trace, traced):
    """An object that was registered as it is is stopped and started, the same one."""
    instance = traced()
    module = make(instance)
    await module.start(BRAIN)
    await module.restart()
    assert module.instance is instance
    assert trace.log == ["made", "start", "stop", "start"]


@pytest.mark.feature("CB-17")
async def test_a_stop_that_hangs_holds_a_restart_for_the_grace_only(make, trace, virtual_clock, stuck):
    """The old instance is given its grace, the error is kept, and the fresh one starts."""
    module = make(stuck("stop"))
    await module.start(BRAIN)
    restarting = asyncio.create_task(module.restart())
    await virtual_clock.advance(GRACE - 0.1)
    assert not restarting.done()
    assert module.state is ModuleState.INITIALIZING
    await virtual_clock.advance(0.1)
    assert restarting.result() is True
    assert [entry.message for entry in module.record.errors] == ["stop did not end within 5 s"]
    assert trace.log == ["start", "stop", "start"]
    assert module.hooks_under_way == 0


async def test_a_stop_during_a_restart_wins(make, trace, virtual_clock, stuck):
    """Nothing comes up again behind the back of whoever stops a module that is being restarted."""
    module = make(stuck("stop"))
    await module.start(BRAIN)
    restarting = asyncio.create_task(module.restart())
    await settle()
    stopping = asyncio.create_task(module.stop())
    await virtual_clock.advance(GRACE)
    assert restarting.result() is False
    assert stopping.done()
    assert module.state is ModuleState.STOPPED
    assert trace.log == ["start", "stop"]


@pytest.mark.parametrize("at", ["start", "stop"])
async def test_a_cancelled_start_or_restart_leaves_the_module_stopped(make, at, stuck):
    """The cancellation is the caller's own and goes on; the module is not left half-way."""
    module = make(stuck(at))
    if at == "stop":
        await module.start(BRAIN)
        task = asyncio.create_task(module.restart())
    else:
        task = asyncio.create_task(module.start(BRAIN))
    await settle()
    task.cancel()
    await settle()
    assert task.cancelled()
    assert module.state is ModuleState.STOPPED
    assert module.hooks_under_way == 0


async def test_two_healers_restart_once(make, trace):
    """Of two restarts that saw the same generation one acts, the other finds it done."""
    module = make()
    await module.start(BRAIN)
    seen = module.generation
    results = await asyncio.gather(module.restart(seen), module.restart(seen))
    assert all(results)
    assert trace.log.count("made") == 2


async def test_a_healer_does_not_revive_what_was_stopped(make, trace):
    """A restart that was decided before a stop does nothing after it."""
    module = make()
    await module.start(BRAIN)
    seen = module.generation
    await module.stop()
    assert await module.restart(seen) is False
    assert module.state is ModuleState.STOPPED
    assert trace.log == ["made", "start", "stop"]


async def test_healing_a_paused_module_leaves_it_paused(make):
    """Through failure and restart a pause stands until it is taken back."""
    module = make()
    await module.start(BRAIN)
    module.pause()
    assert module.fail(ValueError("sick"))
    assert module.state == "error"
    assert await module.restart(module.generation)
    assert module.state == "paused"
    module.resume()
    assert module.state == "running"


async def test_failing_is_for_modules_that_are_up(make):
    """``fail`` keeps the error of a module that is up, and does nothing to any other."""
    module = make()
    assert not module.fail(ValueError("early"))
    await module.start(BRAIN)
    assert module.fail(ValueError("sick"))
    assert module.state == "error"
    assert not module.fail(ValueError("again"))
    assert [entry.message for entry in module.record.errors] == ["sick"]


@pytest.mark.feature("CB-24")
@pytest.mark.parametrize("error", [ValueError, SystemExit, asyncio.CancelledError])
async def test_a_failed_health_check_is_told_and_counted(make, trace, error):
    """The check tells what was raised and counts it; the state is the judgement of others; a good answer resets."""
    module = make()
    assert await module.check_health() is None
    await module.start(BRAIN)
    assert await module.check_health() is None
    trace.fails["health"] = error("sick")
    for failures in (1, 2):
        entry = await module.check_health()
        assert (entry.type, entry.message) == (error.__name__, "sick")
        assert module.health_failures == failures
    assert module.state == "running"
    assert len(module.record.errors) == 2
    trace.fails.clear()
    assert await module.check_health() is None
    assert module.health_failures == 0


async def test_a_stuck_health_check_is_not_piled_upon(make, virtual_clock, stuck):
    """A check that does not end fails by time, is not begun again while it lasts, and its error is kept once."""
    kind = stuck("health", stubborn=True)
    module = make(kind)
    await module.start(BRAIN)
    checking = asyncio.create_task(module.check_health(2.0))
    await virtual_clock.advance(3.0)
    assert checking.result().message == "health did not end within 2 s"
    for _ in range(3):
        assert (await module.check_health()).message == "an earlier health check has not ended"
    assert (module.health_failures, module.hooks_under_way, len(module.record.errors)) == (4, 1, 1)
    kind.release.set()
    await settle()
    assert await module.check_health() is None


async def test_a_health_check_that_a_restart_overtook_says_nothing(make, traced):
    """The answer of the old instance is not held against the new one."""
    release = asyncio.Event()

    class Slow(traced):  # type: ignore[misc, valid-type] # a fixture
        async def health(self):
            await release.wait()
            raise ValueError

    module = make(Slow)
    await module.start(BRAIN)
    checking = asyncio.create_task(module.check_health())
    await settle()
    await module.restart()
    release.set()
    assert await checking is None
    assert (module.health_failures, list(module.record.errors)) == (0, [])


@pytest.mark.feature("CB-17")
async def test_quarantine_lasts_until_a_person_starts_it_again(make, trace):
    """A module that used up its restarts is stopped with its reason; starting it forgets the restarts granted."""
    module = make(restart=RestartPolicy(max_restarts=1))
    trace.fails["start"] = ValueError("broken")
    await module.start(BRAIN)
    assert module.history.next_delay(0.0) == pytest.approx(0.1)
    await module.restart(module.generation)
    assert module.history.next_delay(1.0) is None
    await module.quarantine("1 restart within 60 s did not help")
    assert (module.state, module.quarantined) == (ModuleState.STOPPED, True)
    with pytest.raises(ModuleUnavailableError, match="did not help"):
        module.bound("run")
    trace.fails.clear()
    assert await module.start(BRAIN)
    assert (module.quarantined, module.reason) == (False, "")
    assert module.history.next_delay(2.0) == pytest.approx(0.1)


async def test_a_restart_by_hand_ends_a_quarantine_too(make):
    """``restart`` of a quarantined module is as good a person's word as ``start``."""
    module = make(restart=RestartPolicy(max_restarts=0))
    await module.start(BRAIN)
    assert module.history.next_delay(0.0) is None
    await module.quarantine("sick")
    assert await module.restart()
    assert not module.quarantined
    assert not module.history.exceeded


async def test_failures_in_a_row_begin_anew_with_a_fresh_instance(make):
    """A restarted module is not put back into error by what its predecessor did."""
    module = make()
    await module.start(BRAIN)
    for _ in range(5):
        module.record.failed(1.0, 0.0, 0.0, None, ValueError(), "t")
    await module.restart()
    assert module.record.failures_in_row == 0
    assert module.record.tasks_failed == 5

"""Goals pursued within what is allowed, and all of it on record."""

from __future__ import annotations

import pytest

from companion_async import BaseModule, Brain, BrainConfig, InvalidArgumentError, RestartPolicy
from companion_async.cognition.autonomous_system.module import MODULE, AutonomousSystem
from companion_async.cognition.autonomous_system.rules import Goal
from companion_async.cognition.autonomous_system.settings import AutonomousSettings


def quiet(**settings):
    return BrainConfig(health_interval=3600.0, decision_interval=3600.0, failure_threshold=1000, **settings)


class Shaky(BaseModule):
    made = 0

    def __init__(self):
        super().__init__()
        type(self).made += 1

    def run(self):
        raise OSError("no")


def _broken(self):
    raise OSError("it cannot be made")


async def moved_in(brain, **settings):
    chosen = AutonomousSettings(**settings)
    await brain.register(
        MODULE, AutonomousSystem, factory=lambda: AutonomousSystem(chosen), category="agi", offload="loop"
    )
    Shaky.made = 0
    await brain.register("shaky", Shaky, restart=RestartPolicy(max_restarts=50))
    for _ in range(5):
        with pytest.raises(OSError, match="no"):
            await brain.submit("shaky", "run")
    await brain.submit(MODULE, "set_goal", Goal("healthy", "success_rate", "shaky", "at least", 0.9))


@pytest.mark.feature("CB-52")
async def test_what_is_safe_and_useful_is_done_and_the_rest_is_asked_for():
    """A restart of a failing module needs no word, pausing it does; both are in the audit with their figures."""
    async with Brain(quiet()) as brain:
        await moved_in(brain, enabled=True)
        restarted, asked = await brain.submit(MODULE, "cycle")
        assert (restarted.proposal.operation, restarted.verdict, restarted.by) == ("restart", "done", "rule")
        assert restarted.proposal.figures["tasks_failed"] == 5
        assert Shaky.made == 2
        assert (asked.proposal.operation, asked.verdict) == ("pause", "waiting")
        assert await brain.submit(MODULE, "waiting") == {asked.number: asked.proposal}
        done = await brain.submit(MODULE, "approve", asked.number)
        assert (done.verdict, done.by) == ("done", "person")
        assert brain.module_status("shaky").state == "paused"
        assert [each.verdict for each in await brain.submit(MODULE, "audit")] == ["done", "waiting", "done"]
        reasons = [each.reason for each in brain.decisions() if each.context == "shaky"]
        assert all(reason.startswith("goal 'healthy'") for reason in reasons)
        assert len(reasons) == 2


@pytest.mark.feature("CB-52")
async def test_a_restart_is_judged_by_what_came_after_it():
    """What failed before is no reason for another; what fails since is."""
    async with Brain(quiet()) as brain:
        await moved_in(brain, enabled=True)
        await brain.submit(MODULE, "cycle")
        await brain.submit(MODULE, "cycle")
        assert Shaky.made == 2
        for _ in range(4):
            with pytest.raises(OSError, match="no"):
                await brain.submit("shaky", "run")
        entries = await brain.submit(MODULE, "cycle")
        assert (entries[0].proposal.operation, entries[0].verdict) == ("restart", "done")
        assert entries[0].proposal.figures["tasks_failed"] == 4
        assert Shaky.made == 3


@pytest.mark.feature("CB-52")
async def test_off_it_proposes_and_does_nothing():
    """Every proposal is refused and on record; the module is as it was."""
    async with Brain(quiet()) as brain:
        await moved_in(brain)
        entries = await brain.submit(MODULE, "cycle")
        assert {each.verdict for each in entries} == {"refused"}
        assert {each.detail for each in entries} == {"it is off"}
        assert (Shaky.made, brain.module_status("shaky").state) == (1, "running")


@pytest.mark.feature("CB-52")
async def test_an_operation_that_is_not_allowed_is_never_done():
    """Not by a rule, and not by a person's word."""
    async with Brain(quiet()) as brain:
        await moved_in(brain, enabled=True, allowed=("resize",), max_risk=1.0, min_benefit=0.0)
        entries = await brain.submit(MODULE, "cycle")
        assert {(each.verdict, each.proposal.operation) for each in entries} == {
            ("refused", "restart"),
            ("refused", "pause"),
        }
        assert Shaky.made == 1


@pytest.mark.feature("CB-52")
async def test_what_waits_is_asked_once_and_expires_with_its_goal():
    """A rejected proposal comes again, one that waits does not come twice, one whose goal is dropped goes."""
    async with Brain(quiet()) as brain:
        await moved_in(brain, enabled=True, max_risk=0.0)
        first = await brain.submit(MODULE, "cycle")
        assert [each.verdict for each in first] == ["waiting", "waiting"]
        assert await brain.submit(MODULE, "cycle") == ()
        rejected = await brain.submit(MODULE, "reject", first[0].number, "not now")
        assert (rejected.verdict, rejected.detail) == ("rejected", "not now")
        (again,) = await brain.submit(MODULE, "cycle")
        assert again.proposal.operation == first[0].proposal.operation
        assert await brain.submit(MODULE, "drop_goal", "healthy") is True
        assert await brain.submit(MODULE, "waiting") == {}
        assert [each.verdict for each in await brain.submit(MODULE, "audit", 2)] == ["expired", "expired"]
        with pytest.raises(InvalidArgumentError, match="Nothing waits"):
            await brain.submit(MODULE, "approve", again.number)


@pytest.mark.feature("CB-52")
async def test_a_category_is_resized_for_its_queue():
    """One goal of a category; and a module that is not there is no reason to do anything."""
    async with Brain(quiet(categories={"core": 2})) as brain:
        await moved_in(brain, enabled=True, allowed=("resize",))
        goal = {"name": "idle", "metric": "utilization", "subject": "core", "sense": "at most", "value": -1.0}
        await brain.submit(
            MODULE,
            "set_goal",
            goal,
        )
        await brain.submit(MODULE, "set_goal", Goal("ghost", "state", "nobody"))
        entries = await brain.submit(MODULE, "cycle")
        done = [each for each in entries if each.verdict == "done"]
        assert [(each.proposal.operation, each.proposal.value) for each in done] == [("resize", 3)]
        assert brain.status().categories["core"].max == 3


@pytest.mark.feature("CB-52")
async def test_no_more_is_done_in_a_cycle_than_may_be():
    """What is safe beyond ``max_actions`` waits for a person."""
    async with Brain(quiet(categories={"core": 2, "phase1": 2})) as brain:
        await moved_in(brain, enabled=True, max_actions=1)
        for name in ("core", "phase1"):
            await brain.submit(MODULE, "set_goal", Goal(name, "utilization", name, "at most", -1.0))
        entries = await brain.submit(MODULE, "cycle")
        assert [each.verdict for each in entries] == ["done", "waiting", "waiting", "waiting"]


@pytest.mark.feature("CB-52")
async def test_what_is_met_meanwhile_is_asked_for_no_more():
    """A proposal that waits expires when its goal is met, and cannot be approved then."""
    async with Brain(quiet()) as brain:
        await moved_in(brain, enabled=True, max_risk=0.0)
        first, _ = await brain.submit(MODULE, "cycle")
        await brain.submit(MODULE, "set_goal", Goal("healthy", "success_rate", "shaky", "at least", 0.0))
        assert await brain.submit(MODULE, "cycle") == ()
        assert await brain.submit(MODULE, "waiting") == {}
        last = (await brain.submit(MODULE, "audit"))[-1]
        assert (last.verdict, last.by, last.detail) == ("expired", "rule", "the goal is met")
        with pytest.raises(InvalidArgumentError, match="Nothing waits"):
            await brain.submit(MODULE, "approve", first.number)


@pytest.mark.feature("CB-52")
async def test_an_operation_that_fails_is_on_record_and_ends_nothing(monkeypatch):
    """A module that does not come up again, and one that is gone: the kind of error is told, and it goes on."""
    async with Brain(quiet()) as brain:
        await moved_in(brain, enabled=True, max_actions=1)
        monkeypatch.setattr(Shaky, "__init__", _broken)
        restarted, paused = await brain.submit(MODULE, "cycle")
        assert (restarted.proposal.operation, restarted.verdict) == ("restart", "failed")
        assert restarted.detail == "InvalidArgumentError"
        await brain.unregister("shaky")
        gone = await brain.submit(MODULE, "approve", paused.number)
        assert (gone.verdict, gone.by, gone.detail) == ("failed", "person", "UnknownModuleError")


@pytest.mark.feature("CB-52")
async def test_it_does_nothing_to_itself():
    """A goal for its own module is never acted on: it could restart itself in the midst of it."""
    async with Brain(quiet()) as brain:
        await moved_in(brain, enabled=True)
        await brain.submit(MODULE, "drop_goal", "healthy")
        await brain.submit(MODULE, "set_goal", Goal("me", "success_rate", MODULE, "at least", 1.0))
        for _ in range(5):
            with pytest.raises(InvalidArgumentError):
                await brain.submit(MODULE, "approve", 1)
        assert brain.module_status(MODULE).tasks_failed == 5
        assert await brain.submit(MODULE, "cycle") == ()


@pytest.mark.feature("CB-52")
async def test_what_it_keeps_is_bounded():
    """A hundred goals, a hundred proposals that wait, and the last entries of the audit."""
    async with Brain(quiet(categories={"core": 2})) as brain:
        await moved_in(brain, enabled=True, max_risk=0.0, audit_size=5)
        await brain.submit(MODULE, "drop_goal", "healthy")
        for number in range(100):
            await brain.submit(MODULE, "set_goal", Goal(f"{number}", "success_rate", "shaky"))
        with pytest.raises(InvalidArgumentError, match="100 goals already"):
            await brain.submit(MODULE, "set_goal", Goal("one more", "state", "shaky"))
        await brain.submit(MODULE, "set_goal", Goal("0", "success_rate", "shaky"))  # one in the place of another
        assert len(await brain.submit(MODULE, "cycle")) == 100
        assert len(await brain.submit(MODULE, "waiting")) == 100
        assert len(await brain.submit(MODULE, "audit", 100)) == 5


async def test_what_is_wrong_is_refused():
    """Goals and settings are checked at the door."""
    async with Brain(quiet()) as brain:
        await moved_in(brain)
        for wrong in (
            {"name": "x"},
            {"name": "x", "metric": "fun", "subject": "m"},
            {"name": "", "metric": "state", "subject": "m"},
        ):
            with pytest.raises(InvalidArgumentError):
                await brain.submit(MODULE, "set_goal", wrong)
        assert len(await brain.submit(MODULE, "goals")) == 1
    for settings in ({"allowed": ("format_disk",)}, {"max_risk": 2}, {"max_actions": 0}):
        with pytest.raises(InvalidArgumentError):
            AutonomousSettings(**settings)

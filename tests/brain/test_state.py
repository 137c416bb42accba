"""The brain's state: shared by its modules, in threads and on the loop, signed by their tasks, and ended with it."""

from __future__ import annotations

from typing import Any

import pytest

from companion_async import Brain, BrainClosedError, BrainConfig, ConflictError
from companion_async.testing.clock import settle


@pytest.mark.feature("PT-01", "PT-13")
async def test_modules_share_it_in_threads_and_on_the_loop():
    """A thread's commit is seen by a coroutine and the other way round; the history says which task it was."""
    async with Brain(BrainConfig()) as brain:
        state = brain.state

        def perceive(value):
            state.propose("perception", "seen.light", value)
            with state.transaction("perception") as transaction:
                transaction.set("count", transaction.get("count", 0) + 1)

        async def plan():
            async with state.transaction("planner") as transaction:
                transaction.set("plan", f"light is {transaction.get('seen.light')}")

        await brain.register("perception", perceive)
        await brain.register("planner", plan)
        first = brain.submit("perception", "run", 0.5)
        await first
        second = brain.submit("planner")
        await second
        assert state.to_dict() == {"seen": {"light": 0.5}, "count": 1, "plan": "light is 0.5"}
        assert [(change.module, change.task) for change in state.history()] == [
            ("perception", first.id),
            ("perception", first.id),
            ("planner", second.id),
        ]
        state.propose("somebody", "x", 1)
        assert state.history()[-1].task is None


@pytest.mark.feature("PT-10")
async def test_what_a_module_submits_is_outside_of_its_transaction():
    """STA-02: work inherits the context of its submitter, but not its transaction."""
    async with Brain() as brain:
        state = brain.state

        def other():
            state.propose("other", "theirs", 1)

        async def plan():
            state.begin_transaction("plan")
            state.propose("planner", "mine", 1)
            await brain.submit("other")
            assert state.get("theirs") is None
            state.rollback_transaction("plan")

        await brain.register("other", other)
        await brain.register("planner", plan)
        await brain.submit("planner")
        assert state.to_dict() == {"theirs": 1}


async def test_its_settings_are_those_of_the_config(virtual_clock):
    """Policy, sizes and times come from the config; its timers run on the brain's clock."""
    config = BrainConfig(sync_policy="batched", batch_size=3, sync_interval=4.0, max_snapshots=1)
    async with Brain(config, clock=virtual_clock) as brain:
        status = brain.state.status()
        assert status.sync_policy == "batched"
        changes = [brain.state.propose("m", f"k{number}", number) for number in range(4)]
        assert [change.status for change in changes] == ["applied"] * 3 + ["pending"]
        await virtual_clock.advance(4.0)
        assert changes[3].applied
        for name in "ab":
            brain.state.create_snapshot(name)
        assert brain.state.status().snapshots == ("b",)


async def test_the_bus_tells_of_changes():
    """``state.changed`` comes to those who listen on the brain's bus, of a thread's commit too."""
    async with Brain() as brain, brain.events.subscribe("state.changed") as stream:
        await brain.to_thread(brain.state.propose, "m", "a.b", 1)
        event: Any = await anext(stream)
        assert (event.path, event.change_type, event.version, event.module) == ("a.b", "update", 1, "m")


@pytest.mark.feature("PT-04", "PT-06")
async def test_what_is_pending_is_decided_as_the_brain_ends():
    """A module's last word in ``stop`` is applied and told of; afterwards the state is closed and can be read."""
    told: list[Any] = []
    async with Brain(BrainConfig(sync_policy="on_demand")) as brain:
        state = brain.state
        state.subscribe_to_path("m", "*", told.extend)

        class Tells:
            def run(self):
                pass

            def stop(self):
                state.propose("tells", "last", "word")

        await brain.register("tells", Tells)
        pending = state.propose("m", "a", 1)
    assert [change.path for change in told] == ["a", "last"]
    assert pending.applied
    assert brain.state.to_dict() == {"a": 1, "last": "word"}
    with pytest.raises(BrainClosedError):
        state.propose("m", "b", 2)


async def test_before_the_start_there_is_none():
    """The error says what to do."""
    with pytest.raises(BrainClosedError, match="not started"):
        Brain().state  # noqa: B018


async def test_an_error_in_a_modules_transaction_comes_to_its_caller():
    """A conflict is an error of the task like any other, and leaves the state whole."""
    async with Brain() as brain:
        state = brain.state
        await settle()

        def loses():
            with state.transaction() as transaction:
                transaction.set("n", (transaction.get("n") or 0) + 1)
                state.propose("other", "n", 10)

        await brain.register("loses", loses)
        with pytest.raises(ConflictError) as raised:
            await brain.submit("loses")
        assert (raised.value.paths, state.get("n")) == (("n",), 10)


@pytest.mark.feature("PT-02", "PT-09")
@pytest.mark.parametrize("given", [{"mood": 1, "tags": ["a"]}, type("Agent", (), {})])
async def test_it_begins_with_what_the_brain_was_given(given):
    """A dict, or an object's public attributes, copied; a reset goes back to it."""
    if not isinstance(given, dict):
        given = given()
        given.mood, given.tags, given._own = 1, ["a"], 2
    async with Brain(BrainConfig(), state=given) as brain:
        assert (brain.state.to_dict(), brain.state.version) == ({"mood": 1, "tags": ["a"]}, 0)
        await brain.state.propose_change("m", "mood", 5)
        await brain.state.propose_change("m", "mood", change_type="reset")
        assert brain.state.get("mood") == 1
        brain.state.get("tags").append("b")
        assert brain.state.get("tags") == ["a"]

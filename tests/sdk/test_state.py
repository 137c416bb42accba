"""An agent's state for programs without a loop."""

from __future__ import annotations

import threading
from datetime import datetime
from types import SimpleNamespace

import pytest

from companion_async.errors import BrainClosedError, InvalidArgumentError, InvalidPathError, UnknownModuleError
from companion_async.modules.module import BaseModule
from companion_async.sdk.records import StateChange
from companion_async.sdk.refusals import ChangeRefusedError, NotWrittenBackError
from companion_async.sdk.state import ConflictResolution, StateCoordinator
from companion_async.state.batch import SyncPolicy
from companion_async.state.change import StateChangeType
from tests.sdk.actors import PATIENCE


class Agent:
    def __init__(self):
        self.emotional_state = SimpleNamespace(happiness=0.5, energy=1.0)
        self.goals: list[str] = []
        self.relations = {"bob": {"trust": 0.5}}
        self.lock = threading.Lock()


class Listener:
    """Keeps what it is told, and says when."""

    def __init__(self):
        self.told: list[list[StateChange]] = []
        self._calls = threading.Semaphore(0)

    def on_state_change(self, changes):
        self.told.append(changes)
        self._calls.release()

    def wait(self, count=1):
        for _ in range(count):
            assert self._calls.acquire(timeout=PATIENCE), "it was never told"


@pytest.fixture
def agent():
    return Agent()


@pytest.fixture
def coordinate(agent):
    """Makes coordinators of the agent's state, and ends them."""
    made = []

    def make(**options):
        made.append(StateCoordinator(agent, **options))
        return made[-1]

    yield make
    for coordinator in made:
        coordinator.shutdown()


@pytest.fixture
def coordinator(coordinate):
    return coordinate()


@pytest.mark.feature("PT-02", "PT-03")
def test_a_change_stands_in_the_agent_when_the_call_returns(agent, coordinator):
    """In its attributes and in the dicts and objects below them; the id is a new one each time."""
    mood = agent.emotional_state
    first = coordinator.propose_change(
        module_id="perception",
        path="emotional_state.happiness",
        new_value=0.8,
        change_type=StateChangeType.UPDATE,
        priority=1,
    )
    second = coordinator.propose_change("social", "relations.bob.trust", 0.9)
    assert (agent.emotional_state.happiness, agent.relations) == (0.8, {"bob": {"trust": 0.9}})
    assert agent.emotional_state is mood
    assert first != second
    coordinator.propose_change("m", "relations.cara", {"trust": 0.1}, "create")
    coordinator.propose_change("m", "relations.bob", change_type="delete")
    coordinator.propose_change("m", "emotional_state.energy", 0.0)
    coordinator.propose_change("m", "emotional_state", change_type=StateChangeType.RESET)
    assert (agent.relations, vars(mood)) == ({"cara": {"trust": 0.1}}, {"happiness": 0.5, "energy": 1.0})


@pytest.mark.feature("PT-14")
def test_what_is_wrong_or_impossible_is_raised(agent, coordinator):
    """Paths and modules are checked; a change that the state cannot take says why, and nothing has changed."""
    for path in ("", "__class__", "a..b", "goals._x"):
        with pytest.raises(InvalidPathError):
            coordinator.propose_change("m", path, 1)
    with pytest.raises(ValueError, match="module name"):
        coordinator.propose_change("no such name!", "goals", 1)
    with pytest.raises(ChangeRefusedError) as refused:
        coordinator.propose_change("m", "goals", ["eat"], "create")
    assert (refused.value.path, refused.value.change_type) == ("goals", "create")
    assert isinstance(refused.value, ValueError)
    with pytest.raises(ChangeRefusedError):
        coordinator.propose_change("m", "lock.inside", 1)
    assert (agent.goals, coordinator.get_coordination_status()["state_version"]) == ([], 0)


def test_an_object_that_does_not_take_a_change_is_told_of():
    """The state has it and the object has not: the proposer is told which and why."""

    class Stubborn:
        def __init__(self):
            self.__dict__["level"] = 1

        def __setattr__(self, name, value):
            raise PermissionError("as I am")

    coordinator = StateCoordinator(Stubborn())
    try:
        with pytest.raises(NotWrittenBackError, match="as I am") as caught:
            coordinator.propose_change("m", "level", 2)
        assert isinstance(caught.value.__cause__, PermissionError)
    finally:
        coordinator.shutdown()


@pytest.mark.feature("PT-01", "PT-11")
def test_a_module_is_told_of_what_touches_its_paths(coordinator):
    """Once for each commit, in order, with the documents' records, on a thread where it may propose changes itself."""
    listener, everything = Listener(), Listener()
    coordinator.register_module("listener", listener)
    coordinator.register_module("everything", everything)
    coordinator.subscribe_to_path("listener", "emotional_state.*")
    coordinator.subscribe_to_path("everything", "*")
    coordinator.propose_change("m", "goals", ["eat"])
    coordinator.propose_change("m", "emotional_state.happiness", 0.8, priority=2, metadata={"why": "sun"})
    listener.wait()
    everything.wait(2)
    ((change,),) = listener.told
    assert (change.path, change.old_value, change.new_value) == ("emotional_state.happiness", 0.5, 0.8)
    assert (change.module_id, change.priority, change.metadata, change.applied) == ("m", 2, {"why": "sun"}, True)
    assert change.timestamp.tzinfo is None
    assert abs((datetime.now() - change.timestamp).total_seconds()) < PATIENCE
    assert [changes[0].path for changes in everything.told] == ["goals", "emotional_state.happiness"]
    assert coordinator.unsubscribe_from_path("listener", "emotional_state.*") is True
    assert coordinator.unsubscribe_from_path("listener", "emotional_state.*") is False
    coordinator.unregister_module("everything")
    assert coordinator.get_coordination_status()["subscriptions"] == {}
    with pytest.raises(UnknownModuleError):
        coordinator.subscribe_to_path("everything", "goals")


@pytest.mark.feature("PT-11")
def test_a_module_may_answer_a_change_with_a_change_or_be_a_coroutine(coordinator, agent):
    """A plain method runs outside of the loop and of every lock; a coroutine runs on the brain's loop."""
    done = threading.Event()

    class Answering:
        def on_state_change(self, changes):
            coordinator.propose_change("answering", "emotional_state.happiness", 0.0)

    class Awaiting:
        async def on_state_change(self, changes):
            done.set()

    class Deaf:
        pass

    for name, module in (("answering", Answering()), ("awaiting", Awaiting()), ("deaf", Deaf())):
        coordinator.register_module(name, module)
        coordinator.subscribe_to_path(name, "emotional_state.happiness" if name == "awaiting" else "goals")
    coordinator.propose_change("m", "goals", ["weep"])
    assert done.wait(PATIENCE)
    assert agent.emotional_state.happiness == 0.0


@pytest.mark.feature("PT-06", "PT-07")
def test_on_demand_changes_wait_until_they_are_applied(coordinate, agent):
    """Of one path the higher priority wins, the rest is applied, losers are never applied later."""
    coordinator = coordinate(sync_policy=SyncPolicy.ON_DEMAND)
    strong = coordinator.propose_change("a", "goals", ["eat"], priority=5)
    weak = coordinator.propose_change("b", "goals", ["sleep"], priority=1)
    other = coordinator.propose_change("c", "emotional_state.energy", 0.2)
    assert (agent.goals, coordinator.get_coordination_status()["pending_changes"]) == ([], 3)
    assert coordinator.apply_changes() is False
    assert (agent.goals, agent.emotional_state.energy) == (["eat"], 0.2)
    assert coordinator.apply_changes([strong, other]) is True
    assert coordinator.apply_changes([strong, weak]) is False
    assert agent.goals == ["eat"]
    coordinator.propose_change("b", "goals", ["sleep"])
    assert coordinator.apply_changes() is True
    assert agent.goals == ["sleep"]
    with pytest.raises(InvalidArgumentError):
        coordinator.apply_changes(strong)
    assert coordinator.get_state_metrics().conflicts_resolved == 1


@pytest.mark.feature("PT-07")
@pytest.mark.parametrize(
    ("resolution", "winner"),
    [
        (ConflictResolution("goals", "latest_wins"), ["third"]),
        (ConflictResolution("goals", "priority", priority_order=["b", "a"]), ["second"]),
        (ConflictResolution("goals", "custom", custom_resolver=lambda changes: changes[0]), ["first"]),
        (ConflictResolution("goals", "custom", custom_resolver=lambda changes: [changes[1]]), ["second"]),
        (
            ConflictResolution("goals", "custom", custom_resolver=lambda changes: [*changes[0].new_value, "more"]),
            ["first", "more"],
        ),
    ],
    ids=["latest", "priority", "one", "list", "value"],
)
def test_conflicts_are_decided_as_was_said(coordinate, agent, resolution, winner):
    """By the latest, by the module, or by a function that is shown the documents' records."""
    coordinator = coordinate(sync_policy="on_demand")
    coordinator.register_conflict_resolver("goals", resolution)
    for module, goal in (("a", "first"), ("b", "second"), ("c", "third")):
        coordinator.propose_change(module, "goals", [goal])
    coordinator.apply_changes()
    assert agent.goals == winner
    assert coordinator.get_coordination_status()["conflict_resolvers"] == 1


@pytest.mark.feature("PT-04", "PT-05")
@pytest.mark.parametrize("policy", ["batched", "periodic"])
def test_a_batch_is_applied_when_its_time_has_come(coordinate, agent, policy):
    """By the clock, with nobody asking; a batch that is full does not wait for that."""
    coordinator = coordinate(sync_policy=policy, sync_interval=0.01, batch_size=100)
    listener = Listener()
    coordinator.register_module("listener", listener)
    coordinator.subscribe_to_path("listener", "goals")
    coordinator.propose_change("m", "goals", ["eat"])
    listener.wait()
    assert agent.goals == ["eat"]


@pytest.mark.feature("PT-04")
def test_a_full_batch_stands_in_the_agent_when_the_call_returns_that_filled_it(coordinate, agent):
    """And what is left of a batch is applied by the shutdown."""
    coordinator = coordinate(sync_policy="batched", batch_size=2, sync_interval=3600)
    coordinator.propose_change("m", "goals", ["eat"])
    assert agent.goals == []
    coordinator.propose_change("m", "emotional_state.energy", 0.1)
    assert (agent.goals, agent.emotional_state.energy) == (["eat"], 0.1)
    coordinator.propose_change("m", "goals", ["sleep"])
    coordinator.shutdown()
    assert agent.goals == ["sleep"]
    with pytest.raises(BrainClosedError):
        coordinator.propose_change("m", "goals", [])


@pytest.mark.feature("PT-10")
def test_a_transaction_is_seen_by_nobody_before_it_is_committed(coordinator, agent):
    """All of it at once, or nothing; other threads change the state meanwhile, and keep what they did."""
    coordinator.begin_transaction("both")
    coordinator.propose_change("m", "goals", ["eat"])
    coordinator.propose_change("m", "emotional_state.energy", 0.3)
    other = threading.Thread(target=coordinator.propose_change, args=("n", "emotional_state.happiness", 0.1))
    other.start()
    other.join(PATIENCE)
    assert (agent.goals, vars(agent.emotional_state)) == ([], {"happiness": 0.1, "energy": 1.0})
    assert coordinator.get_coordination_status()["active_transactions"] == 1
    with pytest.raises(ValueError, match="open here already"):
        coordinator.begin_transaction("both")
    assert coordinator.commit_transaction("both") is True
    assert (agent.goals, vars(agent.emotional_state)) == (["eat"], {"happiness": 0.1, "energy": 0.3})
    coordinator.begin_transaction("none")
    coordinator.propose_change("m", "goals", ["nothing"])
    assert coordinator.rollback_transaction("none") is True
    assert agent.goals == ["eat"]
    for end in (coordinator.commit_transaction, coordinator.rollback_transaction):
        with pytest.raises(ValueError, match="No transaction"):
            end("none")


@pytest.mark.feature("PT-10")
def test_a_transaction_that_lost_applies_nothing(coordinator, agent):
    """What it was to create has come into being meanwhile: it says so, and its other changes are not done either."""
    coordinator.begin_transaction("late")
    coordinator.propose_change("m", "house", "mine", "create")
    coordinator.propose_change("m", "goals", ["move in"])
    other = threading.Thread(target=coordinator.propose_change, args=("n", "house", "theirs", "create"))
    other.start()
    other.join(PATIENCE)
    assert coordinator.commit_transaction("late") is False
    assert (agent.house, agent.goals) == ("theirs", [])


@pytest.mark.feature("PT-08", "PT-09")
def test_a_snapshot_is_restored_to_the_last_attribute(coordinator, agent):
    """What was added since is gone, the object is the same, the version goes up; the first one is there anyway."""
    assert coordinator.create_snapshot("checkpoint") == "checkpoint"
    mood = agent.emotional_state
    coordinator.propose_change("m", "emotional_state.happiness", 0.0)
    coordinator.propose_change("m", "extra.deep", 1)
    agent.untold = "mine"
    assert coordinator.restore_snapshot("checkpoint") is True
    assert (vars(agent.emotional_state), hasattr(agent, "extra")) == ({"happiness": 0.5, "energy": 1.0}, False)
    assert agent.emotional_state is mood
    assert agent.untold == "mine"
    assert coordinator.get_coordination_status()["state_version"] == 3
    assert coordinator.create_snapshot() not in ("checkpoint", "initial")
    assert coordinator.restore_snapshot("initial") is True
    with pytest.raises(KeyError):
        coordinator.restore_snapshot("never")
    assert coordinator.get_state_metrics().rollbacks_performed == 2


@pytest.mark.feature("PT-12")
def test_the_pictures_have_the_documented_keys_and_true_figures(coordinator):
    """Counts, versions of modules, and their subscriptions; the coordinator's own is not shown."""
    coordinator.register_module("m", Listener())
    coordinator.subscribe_to_path("m", "goals")
    coordinator.propose_change("m", "goals", ["eat"])
    assert coordinator.get_coordination_status() == {
        "state_version": 1,
        "registered_modules": 1,
        "pending_changes": 0,
        "active_transactions": 0,
        "snapshots": 1,
        "conflict_resolvers": 0,
        "sync_policy": "immediate",
        "module_versions": {"m": 1},
        "subscriptions": {"m": ["goals"]},
    }
    metrics = coordinator.get_state_metrics()
    assert (metrics.total_changes, metrics.sync_operations, metrics.snapshot_count) == (1, 1, 1)
    assert 0 < metrics.average_sync_time < PATIENCE
    assert metrics.state_size_bytes > len('{"goals":["eat"]}')


@pytest.mark.feature("PT-03", "PT-11")
def test_many_threads_at_once_leave_the_agent_as_the_state_is(coordinator, agent):
    """Each call returns with its own change in the agent, whoever is writing beside it."""
    missing = []

    def write(name):
        for n in range(50):
            coordinator.propose_change("m", f"relations.{name}.n", n)
            if agent.relations[name]["n"] != n:
                missing.append((name, n))

    threads = [threading.Thread(target=write, args=(f"t{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert missing == []
    assert coordinator.get_coordination_status()["state_version"] == 200


@pytest.mark.feature("PT-11")
def test_a_change_behind_thousands_is_waited_for(coordinator, agent):
    """While the loop was held up more was committed than it writes back in one turn: the call still returns last."""
    held, release = threading.Event(), threading.Event()

    def hold():
        held.set()
        release.wait(PATIENCE)

    holding = threading.Thread(target=coordinator._portal.call, args=(hold,))
    holding.start()
    assert held.wait(PATIENCE)
    for n in range(3500):
        coordinator._core.propose("m", "relations.bob.trust", n)
    threading.Timer(0.05, release.set).start()
    coordinator.propose_change("m", "goals", ["be last"])
    assert (agent.relations["bob"]["trust"], agent.goals) == (3499, ["be last"])
    holding.join(PATIENCE)


class Thinking(BaseModule):
    def run(self, goal):
        self.brain.state.propose("thinking", "goals", [goal])
        return self.brain.state.get("goals")


@pytest.mark.feature("PT-03", "PX-06")
def test_a_manager_s_coordinator_is_its_modules_own_state(manage):
    """One state: what a module changes inside its run, the program sees in the agent, and the other way round."""
    agent = Agent()
    manager = manage(agent)
    manager.register_module("thinking", Thinking(agent))
    assert manager.get_task_result(manager.submit_task("thinking", args=("eat",)), PATIENCE) == ["eat"]
    manager.state_coordinator.propose_change("main", "emotional_state.energy", 0.5)
    assert (agent.goals, agent.emotional_state.energy) == (["eat"], 0.5)
    manager.state_coordinator.propose_change("main", "emotional_state", change_type="reset")
    assert vars(agent.emotional_state) == {"happiness": 0.5, "energy": 1.0}
    assert manager.state_coordinator.get_coordination_status()["state_version"] == 3
    manager.state_coordinator.shutdown()
    manager.state_coordinator.propose_change("main", "goals", ["still there"])
    manager.shutdown()
    assert agent.goals == ["still there"]
    assert manager.state_coordinator.get_coordination_status()["state_version"] == 4

"""Deadlocks: found when the wait begins, one victim, no false ones; a line whose order makes one is reordered."""

from __future__ import annotations

import random
from typing import Any

import pytest

from companion_async.errors import DeadlockError, LockUpgradeError
from companion_async.locks.request import Phase
from tests.locks.scene import EXCLUSIVE, READ, WRITE, Oracle, Scene, step, step_join


def ring(size: int) -> tuple[Scene, list[str]]:
    """Each holds a lock, and all but the last wait for the next one's."""
    scene = Scene(size)
    who = [f"w{number}" for number in range(size)]
    for owner, name in zip(who, scene.names, strict=True):
        scene.ask(owner, name)
    for number in range(size - 1):
        scene.ask(who[number], scene.names[number + 1])
    return scene, who


@pytest.mark.feature("PR-09", "X-05")
@pytest.mark.parametrize("size", [2, 3, 50])
def test_a_ring_has_one_victim_and_everybody_else_finishes(size):
    """Two, three or fifty: the wait that closes the ring is refused with all of it in words, and the rest goes on."""
    scene, who = ring(size)
    with pytest.raises(DeadlockError) as error:
        scene.ask(who[-1], scene.names[0])
    cycle = error.value.cycle
    assert cycle[::2] == (who[-1], *who)
    assert cycle[1] == "write on 'r0'"
    assert f"{who[-1]} waits for write on 'r0' waits for {who[0]}" in str(error.value)
    for owner in reversed(who):
        assert not scene.waits(owner)
        scene.finish(owner)
    scene.consistent()
    assert scene.ledger.open == 0
    assert len(scene.victims) == 1


@pytest.mark.feature("PR-09")
def test_two_rings_apart_have_a_victim_each_and_a_figure_of_eight_two():
    """A victim breaks its own ring alone; where two rings share an owner, each wait that closes one is refused."""
    scene = Scene(4)
    for owner, name in zip("abcd", scene.names, strict=True):
        scene.ask(owner, name)
    scene.ask("a", "r1")
    scene.ask("c", "r3")
    for owner, name in (("b", "r0"), ("d", "r2")):
        with pytest.raises(DeadlockError) as error:
            scene.ask(owner, name)
        assert set(error.value.cycle[::2]) == {owner, "a" if owner == "b" else "c"}

    scene = Scene(3)
    for owner, name in zip("mab", scene.names, strict=True):
        scene.ask(owner, name)
    scene.ask("a", "r0", READ)
    scene.ask("b", "r0", READ)
    for name in ("r1", "r2"):
        with pytest.raises(DeadlockError):
            scene.ask("m", name)
    scene.finish("m")
    assert not scene.waiting()


@pytest.mark.feature("PR-09")
def test_readers_writers_and_the_exclusive_in_one_ring():
    """Readers who share are no reason to wait; against a writer each of them is."""
    scene = Scene(2)
    scene.ask("a", "r0", READ)
    scene.ask("b", "r0", READ)
    scene.ask("c", "r1", EXCLUSIVE)
    scene.ask("a", "r1", READ)
    scene.ask("d", "r0", READ)
    with pytest.raises(DeadlockError):
        scene.ask("c", "r0", WRITE)
    scene.ask("c", "r0", READ)
    scene.consistent()


@pytest.mark.feature("PR-05", "PR-09")
def test_what_one_owner_can_never_have_is_refused_at_once():
    """A reader never becomes a writer, nor do two of them; the exclusive holder asks for nothing again."""
    scene = Scene()
    scene.ask("a", mode=READ)
    scene.ask("b", mode=READ)
    for who in "ab":
        for mode in (WRITE, EXCLUSIVE):
            with pytest.raises(LockUpgradeError):
                scene.ask(who, mode=mode)
    scene.finish("a")
    scene.finish("b")
    scene.ask("a", mode=EXCLUSIVE)
    for mode in (READ, WRITE, EXCLUSIVE):
        with pytest.raises(DeadlockError) as error:
            scene.ask("a", mode=mode)
        assert error.value.cycle == ("a", f"{mode} on 'r0'", "a")
    scene.finish("a")
    scene.ask("a", mode=WRITE)
    with pytest.raises(DeadlockError):
        scene.ask("a", mode=EXCLUSIVE)
    scene.consistent()
    status = scene.coordinator.get_resource_status("r0")
    assert (status.refused, status.deadlocks, len(status.holders)) == (4, 4, 1)


@pytest.mark.feature("X-05")
def test_a_cycle_that_only_the_order_of_a_line_makes_is_solved_by_another_order():
    """A reader behind a writer in line is let in before it, where otherwise all would wait for each other."""
    scene = Scene(2)
    scene.ask("reader", "r0", READ)
    writer = scene.ask("writer", "r0", WRITE)
    scene.ask("late", "r1", WRITE)
    waits = scene.ask("reader", "r1", WRITE)
    passes = scene.ask("late", "r0", READ)
    assert passes.phase is Phase.HELD
    assert (waits.phase, writer.phase) == (Phase.WAITING, Phase.WAITING)
    assert not scene.victims
    scene.finish("late")
    assert waits.phase is Phase.HELD
    scene.finish("reader")
    assert writer.phase is Phase.HELD


@pytest.mark.feature("X-05")
def test_a_cycle_is_solved_by_another_order_too_when_it_is_closed_elsewhere():
    """The reader stands in line already; the wait that closes the cycle is another's, for a lock or for a task."""
    for last in ("lock", "join"):
        scene = Scene(2)
        scene.ask("reader", "r0", READ)
        scene.ask("writer", "r0", WRITE)
        scene.ask("late", "r1", WRITE)
        passes = scene.ask("late", "r0", READ)
        assert not passes.held
        if last == "lock":
            assert scene.ask("reader", "r1", WRITE).phase is Phase.WAITING
        else:
            scene.join("reader", "late")
        assert passes.held
        assert not scene.victims


@pytest.mark.feature("PR-09")
def test_a_long_wait_that_is_none_of_a_cycle_is_left_alone():
    """A chain of a thousand owners, each with a lock that the next one wants, has no victim, however long it takes."""
    scene = Scene(1000)
    for number, name in enumerate(scene.names):
        scene.ask(f"w{number}", name)
    for number in range(999):
        assert scene.ask(f"w{number}", scene.names[number + 1]).phase is Phase.WAITING
    scene.clock.now += 600
    for request in scene.waiting():
        scene.ledger.look(request)
    assert len(scene.waiting()) == 999
    assert not scene.victims


@pytest.mark.feature("PR-09")
def test_the_search_visits_each_wait_once():
    """A thousand in one line and a thousand in a chain: as many steps as there are waits, not their square."""
    scene = Scene(1001)
    del scene.graph.wanted[0]  # which has the search made for every wait
    scene.ask("first", "r1000", READ)
    for number in range(1000):
        scene.ask(f"w{number}", scene.names[number])
        scene.ask(f"w{number}", "r1000", WRITE if number % 2 else READ)
    asked = 0
    ahead = scene.joins.ahead

    def counted(node: Any) -> Any:
        nonlocal asked
        asked += 1
        return ahead(node)

    scene.joins.ahead = counted  # type: ignore[method-assign]
    with pytest.raises(DeadlockError) as error:
        scene.ask("first", "r999", WRITE)
    assert error.value.cycle[0] == "first"
    # The one look at it as it stands, and one for each order that was tried.
    assert asked <= 3 * 2 * 1003


@pytest.mark.feature("PR-09")
def test_without_detection_only_timeouts_break_a_cycle():
    """Both wait; the first whose time is over goes, and frees the other."""
    scene = Scene(2, enable_deadlock_detection=False)
    scene.ask("a", "r0")
    scene.ask("b", "r1")
    first = scene.ask("a", "r1", timeout=5)
    second = scene.ask("b", "r0", timeout=9)
    assert (first.phase, second.phase) == (Phase.WAITING, Phase.WAITING)
    scene.clock.now = 5
    scene.ledger.look(first)
    assert type(first.error).__name__ == "LockTimeoutError"
    scene.finish("a")
    assert second.phase is Phase.HELD
    assert not scene.victims


def play(seed: int) -> tuple[int, int]:
    """A random situation, step by step against the oracle; how many waits there were, and how many victims."""
    dice = random.Random(seed)
    scene = Scene(dice.randint(1, 5))
    who = [f"w{number}" for number in range(dice.randint(2, 6))]
    waits = victims = 0
    for _ in range(dice.randint(5, 25)):
        able = [owner for owner in who if not scene.waits(owner)]
        # A run may wait for a lock in one of its coroutines, and for a task in another.
        twice = [owner for owner in who if owner in scene.graph.waiting and owner not in scene.joins.edges_of]
        chance = dice.random()
        if twice and chance > 0.85:
            waits += 1
            owner = dice.choice(twice)
            if step_join(scene, owner, *dice.sample(who, dice.randint(1, 2))):
                victims += 1
            continue
        if not able:
            break
        owner = dice.choice(able)
        if chance < 0.15:
            scene.finish(owner)
            continue
        if chance < 0.3:
            others = dice.sample(who, dice.randint(1, 2))
            hit = step_join(scene, owner, *others)
        else:
            name, mode = dice.choice(scene.names), dice.choice([READ, READ, WRITE, WRITE, EXCLUSIVE])
            lock = scene.lock(name)
            if owner in lock.readers or lock.writer == owner:
                continue
            hit = step(scene, owner, name, mode)
        waits += 1
        victims += hit
        scene.consistent()
        if hit:
            scene.finish(owner)  # it unwinds
    for _ in range(len(who)):  # everybody else goes on to the end
        for owner in [owner for owner in who if not scene.waits(owner)]:
            scene.finish(owner)
    assert not scene.waiting()
    assert scene.ledger.open == 0
    assert not Oracle(scene).stuck()
    assert len(scene.victims) == victims
    return waits, victims


@pytest.mark.feature("PR-09", "X-05")
def test_random_graphs_have_a_victim_for_each_deadlock_and_none_without():
    """Readers, writers, the exclusive and joins: as the oracle, which tries every order of the lines, would have it."""
    played = [play(seed) for seed in range(3000)]
    assert sum(victims for _, victims in played) > 400


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.feature("PR-09", "X-05")
def test_twenty_thousand_random_graphs():
    """The same, twenty thousand times."""
    played = [play(seed) for seed in range(3_000, 23_000)]
    assert sum(victims for _, victims in played) > 3000

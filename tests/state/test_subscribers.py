"""Subscribers: told after the commit, in its order, with no lock held, and never able to harm it."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from typing import Any

import anyio
import pytest
from loguru import logger

from companion_async import InvalidArgumentError, StateCoordinator, WrongThreadError
from companion_async.events.bus import EventBus
from companion_async.state import announcer
from companion_async.state.ledger import EndlessAnswersError
from companion_async.testing.clock import settle, until


@pytest.fixture
async def state() -> StateCoordinator:
    return StateCoordinator({"mood": {"joy": 1, "fear": {"dark": 2}}, "goals": []})


@pytest.mark.feature("PT-01")
@pytest.mark.parametrize(
    ("pattern", "told"),
    [
        ("mood.joy", {"mood.joy", "mood"}),
        ("mood", {"mood", "mood.joy", "mood.fear.dark"}),
        ("mood.*", {"mood", "mood.joy", "mood.fear.dark"}),
        ("mood.fear.dark", {"mood.fear.dark", "mood"}),
        ("mood.*.dark", {"mood.fear.dark", "mood"}),
        ("*.joy", {"mood.joy", "mood"}),
        ("goals", {"goals"}),
        ("*", {"mood", "mood.joy", "mood.fear.dark", "goals", "other"}),
        ("nothing.here", set()),
    ],
)
async def test_a_subscriber_hears_what_touches_its_path(state, pattern, told):
    """Exact, from its parents, from its children, and with a star for any one segment; nothing else."""
    heard: list[Any] = []
    state.subscribe_to_path("m", pattern, heard.extend)
    for path, value in (
        ("mood.joy", 5),
        ("mood.fear.dark", 6),
        ("mood", {"joy": 7, "fear": {"dark": 8}}),
        ("goals", ["eat"]),
        ("other", 1),
    ):
        await state.propose_change("m", path, value)
    assert {change.path for change in heard} == told
    assert len(heard) == len(told)


@pytest.mark.feature("PT-01")
async def test_a_merge_tells_only_those_whose_keys_it_changed(state):
    """Merging one key into a mapping does not concern the subscriber of another one."""
    heard: list[Any] = []
    for pattern in ("mood.joy", "mood.fear", "mood"):
        state.subscribe_to_path(pattern, pattern, lambda changes, pattern=pattern: heard.append(pattern))
    state.propose("m", "mood", {"joy": 9}, "merge")
    assert heard == ["mood", "mood.joy"]


@pytest.mark.feature("PT-11")
async def test_callbacks_run_after_the_commit_with_no_lock_held(state):
    """What they see is the new state, and another thread can commit while one runs."""
    seen = []

    def callback(changes):
        if changes[0].module == "thread":
            return
        seen.append((state.version, state.get("goals")))
        thread = threading.Thread(target=state.propose, args=("thread", "other", 1))
        thread.start()
        thread.join(30)
        seen.append(state.get("other"))

    state.subscribe_to_path("m", "*", callback)
    await state.propose_change("m", "goals", ["eat"])
    assert seen == [(1, ["eat"]), 1]


@pytest.mark.feature("PT-11")
async def test_whoever_commits_callbacks_run_on_the_loop_in_commit_order(state):
    """T6: eight threads and the loop commit; each subscriber hears each commit once, in order, on the loop's thread."""
    heard: dict[str, list[int]] = {"plain": [], "async": []}
    threads = set()

    def plain(changes):
        threads.add(threading.get_ident())
        heard["plain"].append(changes[0].version)

    async def slow(changes):
        threads.add(threading.get_ident())
        heard["async"].append(changes[0].version)
        await asyncio.sleep(0)

    state.subscribe_to_path("m", "*", plain)
    state.subscribe_to_path("m", "k.*", slow)
    async with state.watch("k") as stream:

        def work(number):
            for step in range(50):
                state.propose("m", f"k.t{number}", step)

        workers = [asyncio.to_thread(work, number) for number in range(8)]
        mine = [state.propose_change("m", "k.loop", step) for step in range(50)]
        await asyncio.gather(*workers, *mine)
        await until(lambda: len(heard["async"]) == 450)
        assert threads == {threading.get_ident()}
        assert heard["plain"] == heard["async"] == list(range(1, 451))
        assert [(await anext(stream))[0].version for _ in range(450)] == list(range(1, 451))


@pytest.mark.feature("PT-11")
@pytest.mark.parametrize("error", [ValueError, SystemExit, KeyboardInterrupt, asyncio.CancelledError, StopIteration])
async def test_whatever_a_callback_raises_ends_with_it(state, error):
    """STA-06: the commit stands, the others are told, the error is counted and logged."""
    told: list[Any] = []
    lines: list[Any] = []
    logger.enable("companion_async")
    logger.add(lines.append, format="{message}")

    def bad(changes):
        raise error

    async def bad_async(changes):
        raise error

    first = state.subscribe_to_path("bad", "goals", bad)
    second = state.subscribe_to_path("bad", "goals", bad_async)
    state.subscribe_to_path("good", "goals", told.append)
    for _ in range(3):
        assert (await state.propose_change("m", "goals", [1])).applied
    await settle()
    assert len(told) == 3
    assert (first.errors, second.errors, state.get_metrics().callback_errors) == (3, 3, 6)
    assert len(lines) == 4, "the first and the second of each"


@pytest.mark.feature("PT-11")
async def test_what_a_callback_changes_in_its_values_stays_with_it(state):
    """STA-06: neither the state nor the next subscriber sees what one does to the values and the list it got."""

    def vandal(changes):
        changes[0].new_value.append("vandal")
        for name in ("module", "status", "version", "metadata"):
            with pytest.raises((AttributeError, TypeError)):
                setattr(changes[0], name, "vandal")
        with pytest.raises(TypeError):
            changes[0].metadata["vandal"] = True
        changes.clear()

    seen = []
    state.subscribe_to_path("vandal", "goals", vandal)
    state.subscribe_to_path("m", "goals", lambda changes: seen.append(changes[0].new_value))
    state.propose("m", "goals", ["eat"], metadata={"why": "hungry"})
    assert state.get_metrics().callback_errors == 0
    assert (seen, state.get("goals")) == ([["eat"]], ["eat"])


@pytest.mark.feature("PT-11")
async def test_a_callback_may_change_the_state(state):
    """Its change is committed at once and told after the one it answers, so that everybody sees one order."""
    order = []

    def answer(changes):
        if changes[0].path == "goals":
            order.append("before")
            assert state.propose("answer", "mood.joy", 9).applied
            assert state.get("mood.joy") == 9
            order.append("after")

    state.subscribe_to_path("m", "*", answer)
    state.subscribe_to_path("m", "*", lambda changes: order.append(changes[0].path))
    await state.propose_change("m", "goals", [])
    assert order == ["before", "after", "goals", "mood.joy"]


@pytest.mark.feature("PT-11")
@pytest.mark.parametrize("policy", ["immediate", "batched"])
async def test_callbacks_that_answer_each_other_come_to_an_end(policy):
    """At the limit the next change is refused by an error, which ends in the callback; the state goes on."""
    state = StateCoordinator({"ping": 0, "pong": 0}, sync_policy=policy, batch_size=1)
    errors = []

    def answer(path):
        def callback(changes):
            try:
                state.propose("m", path, changes[0].new_value + 1)
            except EndlessAnswersError as error:
                errors.append(error)

        return callback

    state.subscribe_to_path("m", "ping", answer("pong"))
    state.subscribe_to_path("m", "pong", answer("ping"))
    state.propose("m", "ping", 1)
    assert len(errors) == 1
    assert state.version == announcer.DEEPEST + 1
    assert state.propose("m", "elsewhere", 1).applied
    with pytest.raises(EndlessAnswersError):
        raise errors[0]


@pytest.mark.feature("PT-11")
async def test_async_callbacks_may_go_on_for_ever(state):
    """Each answer is a turn of its own, so a conversation of coroutines has no limit and starves nobody."""
    turns = []

    async def answer(changes):
        turns.append(changes[0].version)
        if len(turns) < 10 * announcer.DEEPEST:
            await state.propose_change("m", "n", len(turns))

    state.subscribe_to_path("m", "n", answer)
    state.propose("m", "n", 0)
    await until(lambda: len(turns) == 10 * announcer.DEEPEST)


@pytest.mark.feature("PT-11")
async def test_an_async_callback_gets_one_commit_at_a_time(state, monkeypatch):
    """While it works the commits queue up for it; too many, and it loses the oldest and that is counted."""
    monkeypatch.setattr(announcer, "CALLBACK_CAPACITY", 3)
    heard, go_on = [], asyncio.Event()

    async def slow(changes):
        heard.append(changes[0].version)
        await go_on.wait()

    subscription = state.subscribe_to_path("m", "n", slow)
    state.propose("m", "n", 0)
    await settle()
    for number in range(5):
        state.propose("m", "n", number)
    go_on.set()
    await settle()
    assert heard == [1, 4, 5, 6]
    assert (subscription.dropped, state.get_metrics().dropped) == (2, 2)


@pytest.mark.feature("PT-01")
async def test_a_stream_is_bounded_and_says_what_it_lost(state):
    """The committer never waits; a slow reader loses the oldest; leaving the block ends the subscription."""
    stream = state.watch("n", capacity=2)
    state.propose("m", "n", 0)
    async with stream:
        with pytest.raises(InvalidArgumentError, match="entered already"):
            await stream.__aenter__()
        for number in range(1, 5):
            state.propose("m", "n", number)
        assert [(await anext(stream))[0].new_value for _ in range(2)] == [3, 4]
        assert (stream.dropped, state.get_metrics().dropped) == (2, 2)
    assert state.status().subscriptions == {}
    assert state.get_metrics().dropped == 2

    async def elsewhere():
        async with state.watch("n"):
            pass

    with pytest.raises(WrongThreadError):
        await asyncio.to_thread(asyncio.run, elsewhere())


async def test_leaving_the_state_ends_streams_and_async_callbacks(monkeypatch):
    """A stream hands out what it holds and ends; a callback that hangs is cancelled in the end; no task is left."""
    monkeypatch.setattr(announcer, "LAST_WORD", 0.01)
    cancelled = []

    async def hangs(changes):
        try:
            await anyio.sleep_forever()
        finally:
            cancelled.append(1)

    async with StateCoordinator() as state:
        state.subscribe_to_path("m", "n", hangs)
        stream = await state.watch("n").__aenter__()
        state.propose("m", "n", 1)
        await settle()
    assert [changes[0].new_value async for changes in stream] == [1]
    assert cancelled == [1]


@pytest.mark.feature("PT-01")
async def test_unsubscribing_ends_it_at_once(state):
    """One subscription, a module's at one path, or all of a module; nothing that was noted before comes after."""
    heard: list[Any] = []
    first = state.subscribe_to_path("a", "n", lambda changes: heard.append("a.n"))
    state.subscribe_to_path("a", "x.*", lambda changes: heard.append("a.x"))
    later: list[Any] = []
    state.subscribe_to_path("b", "n", lambda changes: state.unsubscribe(later[0]))
    later.append(state.subscribe_to_path("c", "n", lambda changes: heard.append("c.n")))
    assert state.status().subscriptions == {"a": ("n", "x.*"), "b": ("n",), "c": ("n",)}
    state.propose("m", "n", 1)
    assert heard == ["a.n"]
    assert (state.unsubscribe(first), state.unsubscribe(first), state.unsubscribe("a", "n")) == (1, 0, 0)
    state.propose("m", "n", 2)
    state.propose("m", "x.y", 1)
    assert heard == ["a.n", "a.x"]
    assert state.unsubscribe("a") == 1
    assert state.unsubscribe("nobody") == 0
    assert state.status().subscriptions == {"b": ("n",)}


async def test_a_subscriber_hears_nothing_of_before(state):
    """A commit that a thread made before the subscription is not told after it, although the loop comes to it late."""
    heard: list[Any] = []
    state.subscribe_to_path("early", "n", lambda changes: heard.append("early"))
    thread = threading.Thread(target=state.propose, args=("m", "n", 1))
    thread.start()
    thread.join(30)
    state.subscribe_to_path("late", "n", lambda changes: heard.append("late"))
    await settle()
    assert heard == ["early"]


async def test_callbacks_run_in_the_context_of_their_subscriber(state):
    """What the committer has in its context variables is not the subscriber's business."""
    who, seen = contextvars.ContextVar("who", default="nobody"), []

    async def subscriber():
        who.set("subscriber")
        state.subscribe_to_path("m", "n", lambda changes: seen.append(who.get()))

        async def callback(changes):
            seen.append(who.get())

        state.subscribe_to_path("m", "n", callback)

    await asyncio.create_task(subscriber())
    who.set("committer")
    state.propose("m", "n", 1)
    await settle()
    assert seen == ["subscriber", "subscriber"]


@pytest.mark.feature("PT-11")
async def test_the_bus_hears_of_each_change_only_if_somebody_listens():
    """``state.changed`` has path, type, version and module; unheard, a commit is not even noted."""
    bus = EventBus()
    state = StateCoordinator({"n": 0}, topic=bus.topic("state.changed"))
    state.propose("m", "n", 1)
    assert not state._announcer._outbox
    async with bus.subscribe("state.changed") as stream:
        async with state.transaction("planner") as transaction:
            transaction.set("a.b", 1)
            transaction.delete("n")
        events: list[Any] = [await anext(stream) for _ in range(2)]
    assert [(event.path, event.change_type, event.version, event.module) for event in events] == [
        ("a.b", "update", 2, "planner"),
        ("n", "delete", 2, "planner"),
    ]
    bus.close()

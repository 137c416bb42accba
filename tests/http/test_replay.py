"""The ring behind the streams."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from companion_async.errors import BrainClosedError
from companion_async.events.bus import EventBus
from companion_async.events.kinds import ModuleEvent, ModulePaused, ModuleResumed
from companion_async.http import replay as ring
from companion_async.http.replay import LINGER, Fact, Reader, Replay
from companion_async.testing.clock import VirtualClock

pytestmark = pytest.mark.feature("X-12")

NOW = datetime(2026, 1, 1, tzinfo=UTC)
PAUSED, RESUMED = "module.paused", "module.resumed"


class Stub:
    """As much of a brain as the ring looks at."""

    phase = "running"

    def __init__(self) -> None:
        self.events = EventBus()

    def tell(self, kind: str, name: str = "m") -> None:
        self.events.publish((ModulePaused if kind == PAUSED else ModuleResumed)(name, "core", NOW))


@pytest.fixture
def brain():
    return Stub()


def name_of(fact: Fact) -> str:
    assert isinstance(fact.event, ModuleEvent)
    return fact.event.module


def made(brain: Stub, clock=None) -> Replay:
    replay = Replay(brain, clock or VirtualClock())  # type: ignore[arg-type]
    replay.enter()
    return replay


@given(st.lists(st.sampled_from([PAUSED, RESUMED, "read"]), max_size=80), st.integers(1, 7), st.integers(1, 4))
def test_what_a_reader_gets_and_what_it_is_told_to_have_lost_is_all_that_there_was(steps, capacity, most):
    """Whatever the size of the ring and however seldom it is read: in order, no event twice, and each one is either
    handed over or counted as lost.
    """
    brain = Stub()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(ring, "CAPACITY", capacity)
        replay = made(brain)
        reader, got, lost, told = Reader(replay, frozenset({PAUSED}), None), [], 0, 0
        for number, step in enumerate([*steps, *["read"] * 100]):
            if step == "read":
                gone, facts = reader.take(most)
                lost += gone
                got += [name_of(fact) for fact in facts]
                assert not gone or len(got) <= told - lost
            else:
                brain.tell(step, str(number))
                told += step == PAUSED
        assert got == sorted(set(got), key=int)
        assert len(got) + lost == told
        assert not reader.behind


def test_a_reader_that_comes_back_goes_on_where_it_was(brain):
    """Its id is the place; events that came meanwhile are handed over while the ring has them, or said to be lost."""
    replay = made(brain)
    reader = Reader(replay, frozenset({PAUSED}), None)
    brain.tell(PAUSED, "1")
    reader.take(10)
    brain.tell(RESUMED)
    brain.tell(PAUSED, "2")
    again = Reader(replay, frozenset({PAUSED}), reader.last_id)
    assert [name_of(fact) for fact in again.take(10)[1]] == ["2"]
    assert not again.lost_unknown
    assert Reader(replay, frozenset({PAUSED}), "other-1").lost_unknown
    assert Reader(replay, frozenset({PAUSED}), f"{replay.epoch}-4").lost_unknown
    assert not Reader(replay, frozenset({PAUSED}), f"{replay.epoch}-0").lost_unknown


async def test_nobody_listens_when_nobody_has_read_for_a_while(virtual_clock, brain):
    """The bus is listened to from the first reader on, and for a minute after the last: then an event costs nothing."""
    topic = brain.events.topic(PAUSED)
    replay = Replay(brain, virtual_clock)
    assert not topic.active
    replay.enter()
    brain.tell(PAUSED)
    first = replay.epoch
    replay.leave()
    await virtual_clock.advance(LINGER - 1)
    assert topic.active
    replay.enter()
    await virtual_clock.advance(LINGER)
    assert (topic.active, replay.epoch, replay.next) == (True, first, 1)
    replay.leave()
    await virtual_clock.advance(LINGER)
    assert (topic.active, replay.next) == (False, 0)
    replay.enter()
    assert replay.epoch != first
    replay.close()
    assert not topic.active


async def test_closing_lets_readers_take_what_is_kept(brain):
    """Nobody waits for ever: `news` returns, what is kept is still there, and new readers are refused."""
    replay = made(brain)
    reader = Reader(replay, frozenset({PAUSED}), None)
    brain.tell(PAUSED)
    replay.close()
    replay.close()
    await replay.news()
    brain.tell(PAUSED)
    assert len(reader.take(10)[1]) == 1
    with pytest.raises(BrainClosedError):
        replay.enter()

"""The last events, numbered, for any number of readers, each of them at a place of its own.

One ring for all: a reader costs the publisher nothing, and one that is slower than the ring turns loses the oldest and
is told how many. With nobody reading, and nobody expected back, the bus is not listened to at all.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import Any

import anyio

from companion_async.brain.brain import Brain
from companion_async.clock import Clock, TimerHandle
from companion_async.errors import BrainClosedError
from companion_async.events.kinds import EVENT_KINDS, Event
from companion_async.http.refusal import Refusal

CAPACITY = 4096
"""Events that are kept."""
LINGER = 60.0
"""Seconds for which events are kept after the last reader has left, in case that one comes back."""
MOST_READERS = 256


class Fact:
    """An event at its number, with what it was encoded to, so that all readers share the work."""

    __slots__ = ("encoded", "event", "number")

    def __init__(self, number: int, event: Event) -> None:
        self.number = number
        self.event = event
        self.encoded: dict[bool, bytes] = {}


class Replay:
    """Keeps the last ``CAPACITY`` events of a brain while there are readers. Loop only."""

    def __init__(self, brain: Brain, clock: Clock) -> None:
        self.closed = False
        self.next = 0
        self.epoch = ""
        self._brain = brain
        self._clock = clock
        self._ring: list[Fact] = []
        self._published = dict.fromkeys(EVENT_KINDS, 0)
        self._readers = 0
        self._wakeup: anyio.Event | None = None
        self._forgetting: TimerHandle | None = None

    @property
    def oldest(self) -> int:
        """The number of the oldest event that is kept; that of the next one if there is none."""
        return self.next - len(self._ring)

    @property
    def readers(self) -> int:
        """How many read."""
        return self._readers

    def enter(self) -> None:
        """A reader begins; from now on events are kept."""
        if self.closed or self._brain.phase != "running":
            raise BrainClosedError("shutting down" if self.closed else self._brain.phase)
        if self._readers >= MOST_READERS:
            many = f"{MOST_READERS} streams are open already."
            raise Refusal(429, "too_many_streams", many, headers={"retry-after": "5"})
        self._readers += 1
        if self._forgetting is not None:
            self._forgetting.cancel()
            self._forgetting = None
        if not self.epoch:
            self.epoch = uuid.uuid4().hex[:8]
            self._brain.events.add_handler("*", self._keep)

    def leave(self) -> None:
        """A reader has ended; after the last one events are kept for a while."""
        self._readers -= 1
        if self._readers == 0 and not self.closed:
            self._forgetting = self._clock.call_later(LINGER, self._forget)

    def close(self) -> None:
        """Keep no more events, and let readers take what is kept and end. A second call does nothing."""
        if self.closed:
            return
        self.closed = True
        if self._forgetting is not None:
            self._forgetting.cancel()
            self._forgetting = None
        self._listen_no_more()
        self.wake()

    def wake(self) -> None:
        """Let readers look."""
        if self._wakeup is not None:
            self._wakeup.set()
            self._wakeup = None

    async def news(self) -> None:
        """Return when there is something after ``next``, or the end."""
        if self.closed:
            return
        if self._wakeup is None:
            self._wakeup = anyio.Event()
        await self._wakeup.wait()

    def published(self, kinds: Iterable[str]) -> int:
        """How many events of these kinds there were since the epoch began."""
        return sum(self._published[kind] for kind in kinds)

    def since(self, number: int) -> list[Fact]:
        """What is kept from ``number`` on, oldest first."""
        start = max(number - self.oldest, 0)
        first = self.oldest + start
        return [self._ring[place % CAPACITY] for place in range(first, self.next)]

    def _keep(self, event: Event) -> Any:
        fact = Fact(self.next, event)
        if len(self._ring) < CAPACITY:
            self._ring.append(fact)
        else:
            self._ring[self.next % CAPACITY] = fact
        self.next += 1
        self._published[event.kind] = self._published.get(event.kind, 0) + 1
        if self._wakeup is not None:
            self.wake()

    def _forget(self) -> None:
        self._forgetting = None
        self._listen_no_more()
        self.epoch, self.next = "", 0
        self._ring.clear()
        self._published = dict.fromkeys(EVENT_KINDS, 0)

    def _listen_no_more(self) -> None:
        if self.epoch:
            self._brain.events.remove_handler("*", self._keep)


class Reader:
    """One reader's place. ``kinds`` are those it wants; ``after`` is the id of the last event it had, if any."""

    def __init__(self, replay: Replay, kinds: frozenset[str], after: str | None) -> None:
        self._replay = replay
        self._kinds = kinds
        self._place = replay.next
        self.lost_unknown = False
        """Whether it came back for events that are gone, of which nobody can say how many."""
        if after is not None:
            epoch, _, number = after.partition("-")
            known = epoch == replay.epoch and number.isascii() and number.isdecimal() and len(number) < 16
            place = int(number) if known else -1
            self.lost_unknown = not replay.oldest <= place <= replay.next
            self._place = replay.oldest if self.lost_unknown else place
        pending = sum(fact.event.kind in kinds for fact in replay.since(self._place))
        self._had = replay.published(kinds) - pending

    @property
    def last_id(self) -> str:
        """The id to come back with: the epoch, and how many events it had seen by then."""
        return f"{self._replay.epoch}-{self._place}"

    @property
    def behind(self) -> bool:
        """Whether there is something that it has not seen."""
        return self._place < self._replay.next

    def take(self, most: int) -> tuple[int, list[Fact]]:
        """How many events of its kinds were lost since it last took some, and at most ``most`` that come next."""
        facts = self._replay.since(self._place)
        wanted = [fact for fact in facts if fact.event.kind in self._kinds]
        lost = 0
        if self._place < self._replay.oldest:
            lost = self._replay.published(self._kinds) - self._had - len(wanted)
        taken = wanted[:most]
        self._had += lost + len(taken)
        self._place = self._replay.next if len(taken) == len(wanted) else taken[-1].number + 1
        return lost, taken

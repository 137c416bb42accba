"""Where idle threads of a category sleep: the warmest is woken first, the coldest goes home first."""

from __future__ import annotations

from collections import deque

from companion_async.offload.mailbox import Mailbox
from companion_async.offload.places import Backlog, Places
from companion_async.offload.slot import Slot


class Parking(Places):
    """The places of one category, with the threads that sleep on a stack until there is work for them."""

    __slots__ = ("_parked", "_searching", "slots")

    def __init__(self, name: str, *, limit: int, budget: int | None, backlog: Backlog, mailbox: Mailbox) -> None:
        super().__init__(name, limit=limit, budget=budget, backlog=backlog, mailbox=mailbox)
        self.slots = 0
        self._searching = 0
        self._parked: deque[Slot] = deque()

    @property
    def parked(self) -> int:
        """Threads that sleep and have no job."""
        return len(self._parked)

    def sleepers(self) -> tuple[Slot, ...]:
        """The parked slots, the coldest first. Under the lock only."""
        return tuple(self._parked)

    def retire(self, keep: int, idle_since: float | None = None) -> int:
        """Send parked threads home, the coldest first, until ``keep`` slots are left; with ``idle_since`` only those
        that have slept since before then. The number sent.
        """
        sent = 0
        with self.lock:
            while self._parked and self.slots > keep:
                if idle_since is not None and self._parked[0].parked_at > idle_since:
                    break
                self._send_home()
                sent += 1
        return sent

    def give_up_idle(self) -> bool:
        """Send the coldest parked thread home for another pool's sake; False if none is parked."""
        with self.lock:
            if self._parked:
                self._send_home()
                return True
        return False

    # -- under the lock --------------------------------------------------------------------------------------------

    def _unpark(self) -> Slot:
        slot = self._parked.pop()
        slot.searching = True
        self._searching += 1
        return slot

    def _send_home(self) -> None:
        slot = self._parked.popleft()
        self._leave(slot)
        slot.gate.release()

    def _leave(self, slot: Slot) -> None:
        if slot.searching:
            slot.searching = False
            self._searching -= 1
        slot.retiring = True
        self.slots -= 1

"""The lock against lists: whatever is asked, granted, given up and let go, the same comes out."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import Phase as Stage
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from companion_async.errors import CompanionError, DeadlockError, LockTimeoutError, LockUpgradeError
from companion_async.locks.request import Phase, ResourceLock
from tests.locks.scene import EXCLUSIVE, READ, SPAN, WRITE, Scene

_WHO = [f"w{number}" for number in range(6)]


class LockAgainstLists(RuleBasedStateMachine):
    """One lock, six owners. The model holds two lists, and decides by looking at all of both."""

    def __init__(self) -> None:
        super().__init__()
        self.scene = Scene()
        self.held: list[ResourceLock] = []
        self.line: list[ResourceLock] = []
        self.counts = dict.fromkeys(("acquisitions", "contention", "timeouts", "deadlocks", "cancelled", "refused"), 0)
        self.suspect = False
        self.fence = 0

    # -- what is done --------------------------------------------------------------------------------------------

    @rule(
        who=st.sampled_from(_WHO),
        mode=st.sampled_from([READ, READ, WRITE, EXCLUSIVE]),
        timeout=st.sampled_from([None, None, 0, 3.0]),
        priority=st.sampled_from(["medium", "medium", "critical", "idle"]),
    )
    def ask(self, who, mode, timeout, priority):
        if any(one.owner == who for one in self.line):
            return
        expected = self.verdict(who, mode, priority)
        if expected is not None and issubclass(expected, LockUpgradeError | DeadlockError):
            with pytest.raises(expected):
                self.scene.ask(who, mode=mode, timeout=timeout, priority=priority)
            self.counts["refused" if expected is LockUpgradeError else "deadlocks"] += 1
        elif expected is LockTimeoutError and timeout == 0:
            with pytest.raises(LockTimeoutError):
                self.scene.ask(who, mode=mode, timeout=timeout, priority=priority)
            self.counts["contention"] += 1
            self.counts["timeouts"] += 1
        else:
            request = self.scene.ask(who, mode=mode, timeout=timeout, priority=priority)
            if expected is None:
                self.grant(request)
            else:
                self.counts["contention"] += 1
                self.line.append(request)
                self.line.sort(key=self.rank)  # stable: equals stay as they came

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def let_go(self, data):
        request = data.draw(st.sampled_from(self.held))
        self.scene.hands.name = request.owner
        assert self.scene.coordinator.release_resource(request)
        assert not self.scene.coordinator.release_resource(request)
        self.held.remove(request)
        self.advance()

    @precondition(lambda self: self.line)
    @rule(data=st.data())
    def cancel(self, data):
        request = data.draw(st.sampled_from(self.line))
        self.scene.ledger.withdraw(request)
        self.line.remove(request)
        self.counts["cancelled"] += 1
        self.advance()

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def cancel_just_after_the_grant(self, data):
        request = data.draw(st.sampled_from(self.held))
        self.scene.ledger.withdraw(request)
        self.held.remove(request)
        self.advance()

    @rule(who=st.sampled_from(_WHO))
    def end_of_an_owner(self, who):
        self.scene.ledger.end(who)
        waits = [one for one in self.line if one.owner == who]
        self.counts["cancelled"] += len(waits)
        assert all(isinstance(one.error, CompanionError) for one in waits)
        self.line = [one for one in self.line if one.owner != who]
        # It waits no more before it lets go.
        self.advance()
        mine = [one for one in self.held if one.owner == who]
        self.suspect |= any(one.mode is not READ for one in mine)
        for one in mine:
            self.held.remove(one)
            self.advance()

    @rule(seconds=st.sampled_from([0.5, 3.0, 25.0]))
    def time_passes(self, seconds):
        self.scene.clock.now += seconds
        for request in list(self.line):
            if request not in self.line:
                continue
            self.scene.ledger.look(request)
            if request.timeout is not None and request.asked + request.timeout <= self.scene.clock.now:
                assert isinstance(request.error, LockTimeoutError)
                self.line.remove(request)
                self.counts["timeouts"] += 1
                self.advance()

    # -- the model -----------------------------------------------------------------------------------------------

    def rank(self, request: Any) -> float:
        rank: float = request.asked + request.level * SPAN
        return rank

    def verdict(self, who: str, mode: Any, priority: str) -> type[CompanionError] | None:
        mine = [one.mode for one in self.held if one.owner == who]
        if EXCLUSIVE in mine or (WRITE in mine and mode is EXCLUSIVE):
            return DeadlockError
        if WRITE in mine:
            return None
        if mine:
            return None if mode is READ else LockUpgradeError
        level = {"critical": 1, "medium": 3, "idle": 5}[priority]
        first = not self.line or self.scene.clock.now + level * SPAN < self.rank(self.line[0])
        return None if first and self.shares(mode) else LockTimeoutError

    def shares(self, mode: Any) -> bool:
        return all(one.mode is READ and mode is READ for one in self.held)

    def grant(self, request: ResourceLock) -> None:
        self.held.append(request)
        self.counts["acquisitions"] += 1

    def advance(self) -> None:
        while self.line and self.shares(self.line[0].mode):
            self.grant(self.line.pop(0))

    # -- what holds at every moment --------------------------------------------------------------------------------

    @invariant()
    def the_same_hold_and_wait(self):
        lock = self.scene.lock()
        assert set(lock.held) == set(self.held)
        assert list(lock.line) == self.line
        assert lock.suspect is self.suspect
        assert [one.phase for one in self.held] == [Phase.HELD] * len(self.held)
        self.scene.consistent()

    @invariant()
    def the_counts_are_exact(self):
        status = self.scene.coordinator.get_resource_status("r0")
        assert {name: getattr(status, name) for name in self.counts} == self.counts
        ended = sum(count for name, count in self.counts.items() if name != "contention")
        assert status.requests == ended + len(self.line)

    @invariant()
    def every_writer_has_a_number_of_its_own(self):
        assert self.scene.lock().fence >= self.fence
        self.fence = self.scene.lock().fence

    def teardown(self):
        """When all let go, all are served (nobody is forgotten), and nothing is left."""
        while self.held:
            request = self.held[0]
            self.scene.ledger.let_go(request)
            self.held.remove(request)
            self.advance()
            self.the_same_hold_and_wait()
        assert not self.line
        assert self.scene.ledger.open == 0


TestLockAgainstLists = pytest.mark.feature("PR-02", "PR-03", "PR-04", "PR-05", "PR-06", "PR-08", "PR-12", "PR-13")(
    LockAgainstLists.TestCase
)
TestLockAgainstLists.settings = settings(max_examples=150, stateful_step_count=40, phases=[Stage.generate])
TestLockAgainstLists.__doc__ = (
    "Asking, letting go, giving up before and after the grant, ends of owners and of time in any order: never two "
    "writers, nobody overtaken, nobody forgotten, every count exact."
)

"""The built-in module ``autonomous_system``."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec

from companion_async.clock import Clock, SystemClock
from companion_async.cognition.autonomous_system.operation import perform
from companion_async.cognition.autonomous_system.rules import Counted, Goal, Proposal, needs_no_word, unmet
from companion_async.cognition.autonomous_system.settings import AutonomousSettings
from companion_async.errors import CompanionError, InvalidArgumentError
from companion_async.modules.module import BaseModule
from companion_async.security import check_count, check_text

MODULE = "autonomous_system"
"""The name it is registered under."""

_MOST_GOALS = 100
_MOST_WAITING = 100
_LONGEST_NAME = 200

Verdict = Literal["waiting", "done", "failed", "refused", "rejected", "expired"]


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the audit: what was proposed, who had the word (``rule``, ``person``, nobody yet), what came of it.

    ``waiting`` for a person; ``done``, or ``failed`` with the kind of error in ``detail``; ``refused`` as it is off
    or the operation is not allowed; ``rejected`` by a person; ``expired`` because its goal was met or dropped.
    """

    number: int
    at: datetime
    proposal: Proposal
    verdict: Verdict
    by: str = ""
    detail: str = ""


class AutonomousSystem(BaseModule):
    """Pursues goals that a person has set, by operations on the brain that a person could do, and no others: it neither
    writes nor changes code. Every proposal and what came of it is in the audit.

    Call `cycle` now and then (``brain.every("autonomous_system", "cycle", period=60)``). It is off unless enabled: then
    it proposes all the same, and everything is refused. The handlers are short and on the loop.
    """

    def __init__(self, settings: AutonomousSettings | None = None, *, clock: Clock | None = None) -> None:
        super().__init__()
        self._settings = settings or AutonomousSettings()
        self._clock = clock if clock is not None else SystemClock()
        self._goals: dict[str, Goal] = {}
        self._waiting: dict[int, Proposal] = {}
        self._audit: deque[Entry] = deque(maxlen=self._settings.audit_size)
        self._numbers = itertools.count(1)
        self._restarted: dict[str, Counted] = {}

    async def set_goal(self, goal: Goal | Mapping[str, Any]) -> Goal:
        """Pursue a goal, in the place of the former of that name."""
        try:
            known = goal if isinstance(goal, Goal) else msgspec.convert(goal, Goal)
        except (msgspec.ValidationError, UnicodeError) as error:
            raise InvalidArgumentError(f"A goal has a name, metric, subject, sense and value: {error}") from error
        if not 0 < len(known.name) <= _LONGEST_NAME or not known.name.isprintable():
            raise InvalidArgumentError(f"A goal has a name of 1 to {_LONGEST_NAME} printable characters.")
        if known.name not in self._goals and len(self._goals) >= _MOST_GOALS:
            raise InvalidArgumentError(f"There are {_MOST_GOALS} goals already; drop one first.")
        self._goals[known.name] = known
        return known

    async def drop_goal(self, name: str) -> bool:
        """Pursue a goal no more; False where there is none of that name. What waits for it expires."""
        check_text(name, "name")
        self._expire(lambda proposal: proposal.goal == name, "the goal was dropped")
        return self._goals.pop(name, None) is not None

    async def goals(self) -> tuple[Goal, ...]:
        """What is pursued."""
        return tuple(self._goals.values())

    async def cycle(self) -> tuple[Entry, ...]:
        """Look at the goals once; do what is safe, useful and allowed, and ask for the rest. What came of it."""
        status, settings = self.brain.status(), self._settings
        modules = {name: self.brain.module_status(name) for name in status.module_threads if name != MODULE}
        proposals = list(unmet(self._goals.values(), modules, status.categories, self._restarted))
        wanted = {_what(proposal) for proposal in proposals}
        self._expire(lambda proposal: _what(proposal) not in wanted, "the goal is met")
        asked = {_what(proposal) for proposal in self._waiting.values()}
        entries: list[Entry] = []
        done = 0
        for proposal in sorted(proposals, key=lambda each: each.risk - each.benefit):
            if _what(proposal) in asked:
                continue
            if not settings.enabled or proposal.operation not in settings.allowed:
                why = "it is off" if not settings.enabled else f"{proposal.operation} is not allowed"
                entries.append(self._note(proposal, "refused", "rule", why))
            elif done < settings.max_actions and needs_no_word(proposal, settings.max_risk, settings.min_benefit):
                done += 1
                entries.append(await self._do(proposal, "rule"))
            elif len(self._waiting) < _MOST_WAITING:
                entry = self._note(proposal, "waiting", "", "")
                self._waiting[entry.number] = proposal
                entries.append(entry)
        return tuple(entries)

    async def waiting(self) -> dict[int, Proposal]:
        """What a person is asked for, by the number to `approve` or `reject` it."""
        return dict(self._waiting)

    async def approve(self, number: int) -> Entry:
        """Do what waits under a number. Nothing waits that is not allowed, or while it is off."""
        return await self._do(self._taken(number), "person")

    async def reject(self, number: int, reason: str = "") -> Entry:
        """Do it not. It is proposed again when it is called for again."""
        check_text(reason, "reason")
        return self._note(self._taken(number), "rejected", "person", reason)

    async def audit(self, limit: int = 100) -> tuple[Entry, ...]:
        """The last entries, the newest last."""
        return tuple(self._audit)[-check_count(limit, "limit") :]

    async def _do(self, proposal: Proposal, by: str) -> Entry:
        reason = f"goal {proposal.goal!r}: {proposal.why}"
        try:
            await perform(self.brain, proposal.operation, proposal.subject, proposal.value, reason)
        except CompanionError as error:
            return self._note(proposal, "failed", by, type(error).__name__)
        if proposal.operation == "restart":
            status = self.brain.module_status(proposal.subject)
            self._restarted[proposal.subject] = Counted(status.tasks_completed, status.tasks_failed)
        return self._note(proposal, "done", by, "")

    def _note(self, proposal: Proposal, verdict: Verdict, by: str, detail: str) -> Entry:
        entry = Entry(
            number=next(self._numbers),
            at=datetime.fromtimestamp(self._clock.time(), UTC),
            proposal=proposal,
            verdict=verdict,
            by=by,
            detail=detail[:_LONGEST_NAME],
        )
        self._audit.append(entry)
        self.logger.info("{} {}: {} ({})", proposal.operation, proposal.subject, verdict, proposal.why)
        return entry

    def _taken(self, number: int) -> Proposal:
        proposal = self._waiting.pop(check_count(number, "number"), None)
        if proposal is None:
            raise InvalidArgumentError(f"Nothing waits under the number {number!r:.20}.")
        return proposal

    def _expire(self, over: Any, why: str) -> None:
        for number, proposal in list(self._waiting.items()):
            if over(proposal):
                del self._waiting[number]
                self._note(proposal, "expired", "rule", why)


def _what(proposal: Proposal) -> tuple[str, str, str]:
    return proposal.goal, proposal.operation, proposal.subject

"""The built-in module ``execution``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from companion_async.cognition.controller.social import greeted
from companion_async.cognition.execution.outcome import Outcome, expected, judged, skill_of
from companion_async.cognition.execution.practice import Practice, practised
from companion_async.cognition.mind import MindModule
from companion_async.security import check_label

MODULE = "execution"
"""The name it is registered under."""

_SURPRISING, _USUAL = 0.7, 0.3
_ATTEMPTS = 100
_UNSEEN = 20  # outcomes that planning has not looked at; more, and the oldest go


class Execution(MindModule):
    """Does the step that was decided on, with the skill whose name it begins with, and compares what came of it with
    what was expected.

    The controller's decision is followed, each once (at most: a doing that breaks off is not repeated); in an agent
    without a controller, the next step of the plan. Skills are the mind's: functions of the step's other words, called
    in this module's thread; ``greet``, ``answer``, ``talk`` and ``wait`` are there without. What came of it stands in
    the agent's state as ``action``, where planning finds it, and what surprises is remembered.
    """

    def run(self) -> Outcome | None:
        """Do what is to be done now; None where there is nothing new to do."""
        decided = self._get("decision.number")
        if decided is not None and decided == self._get("acting.decision"):
            return None
        taken = self.brain.state.transact(self._take, attempts=_ATTEMPTS, module=self.mind.name)
        return None if taken is None else self._do(*taken)

    def do(self, step: str) -> Outcome:
        """Do this step now, whatever was decided."""
        check_label(step, "step")
        number = self.brain.state.transact(self._next, attempts=_ATTEMPTS, module=self.mind.name)
        return self._do(number, step, 0)

    def skills(self) -> dict[str, Practice]:
        """How well each skill is practised that was ever used."""
        return msgspec.convert(self._get("skills", {}), dict[str, Practice])

    def _take(self, tx: Any) -> tuple[int, str, int] | None:
        """The step to be done, marked as taken, so that no two runs do the same."""
        mind = self.mind
        decision = tx.get(mind.path("decision"))
        if decision is not None:
            if decision["number"] == tx.get(mind.path("acting.decision")):
                return None
            tx.set(mind.path("acting.decision"), decision["number"])
            return self._next(tx), decision["step"], decision["number"]
        plan = tx.get(mind.path("plan"))
        # Done already, and planning has not looked yet.
        if plan is None or tx.get(mind.path("acting.number"), 0) > tx.get(mind.path("acted_on"), 0):
            return None
        return self._next(tx), plan["steps"][plan["at"]], 0

    def _next(self, tx: Any) -> int:
        number = int(tx.get(self.mind.path("acting.number"), 0)) + 1
        tx.set(self.mind.path("acting.number"), number)
        return number

    def _do(self, number: int, step: str, decision: int) -> Outcome:
        """Whatever happens there is an outcome: planning waits for it."""
        mind = self.mind
        skills: dict[str, Callable[..., Any]] = {**self._own_skills(), **mind.skills}
        name, target = skill_of(step, skills)
        hoped = expected(step, mind.actions)
        observed: tuple[str, ...] = ()
        if not name:
            ok, reason = False, "there is no skill for it"
        else:
            try:
                ok, observed, reason = judged(skills[name](target), hoped)
            except Exception as error:
                self.logger.warning("The skill {} failed: {}.", name, type(error).__name__)
                ok, reason = False, f"the skill failed with {type(error).__name__}"
            except BaseException as error:  # it ends this run, and its task says so
                reason = f"it broke off with {type(error).__name__}"
                self._put(Outcome(number, step, name, False, hoped, (), reason, decision), practise=False)
                raise
        outcome = Outcome(number, step, name, ok, hoped, observed, reason, decision)
        self._put(outcome, practise=bool(name))
        if outcome.surprise:
            mind.memory.observe(outcome.surprise, _SURPRISING, event_type="surprise", valence=-0.3)
        elif name != "wait":
            mind.memory.observe(f"did: {step}", _USUAL, event_type="action", valence=0.1)
        return outcome

    def _put(self, outcome: Outcome, *, practise: bool) -> None:
        """Have it stand as the ``action``, and among the ``outcomes`` that planning, which may be slower, is to see."""
        mind, plain = self.mind, msgspec.to_builtins(outcome)

        def put(tx: Any) -> None:
            if practise:
                known = msgspec.convert(tx.get(mind.path("skills"), {}), dict[str, Practice])
                known[outcome.skill] = practised(known.get(outcome.skill, Practice()), outcome.ok)
                tx.set(mind.path("skills"), msgspec.to_builtins(known))
            seen = tx.get(mind.path("acted_on"), 0)
            unseen = [each for each in tx.get(mind.path("outcomes"), ()) if each["number"] > seen]
            tx.set(mind.path("outcomes"), [*unseen, plain][-_UNSEEN:])
            tx.set(mind.path("action"), plain)

        self.brain.state.transact(put, attempts=_ATTEMPTS, module=mind.name)

    def _own_skills(self) -> dict[str, Callable[[str], None]]:
        """To turn to somebody is all that hands do in a talk; the words are `converse`'s, where there is one."""

        def face(target: str) -> None:
            self._set("facing", target.removeprefix("to "))

        def greet(target: str) -> None:
            face(target)
            if not self.mind.voices:
                path = self.mind.path("relations")
                self.brain.state.transact(
                    lambda tx: tx.set(path, greeted(tx.get(path, {}), target)),
                    attempts=_ATTEMPTS,
                    module=self.mind.name,
                )

        return {"greet": greet, "answer": face, "talk": face, "wait": lambda _: None}

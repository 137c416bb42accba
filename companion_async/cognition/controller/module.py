"""The built-in module ``controller``."""

from __future__ import annotations

import math
from typing import Any

import msgspec

from companion_async.cognition.controller.bottleneck import Digest, squeeze
from companion_async.cognition.controller.decision import TALK, Decision, decide, partner
from companion_async.cognition.controller.social import Relation, felt, kept, met, parted
from companion_async.cognition.mind import Mind, MindModule
from companion_async.cognition.planning.goals import Goal, steady_until, urgency
from companion_async.cognition.settled import Settled
from companion_async.security import check_label, check_valence

MODULE = "controller"
"""The name it is registered under."""

_ATTEMPTS = 100
_SEEN = (
    *("heard", "plan", "goals", "action", "acting", "acted_on", "perceived", "relations", "needs"),
    *("decision", "decisions", "said"),
)  # all that a decision is made of
_WAITING = 16  # decisions that nobody has read yet; the oldest goes


class Controller(MindModule):
    """Decides for the whole agent, out of a digest of its state of at most `LIMIT` bytes, and broadcasts the decision.

    It stands in the agent's state as ``decision``, which acting and talking follow, in the channel
    ``<agent>.decisions``, and on the bus as ``state.changed``. A decision stands until it has been acted on or another
    is better; one to talk, in an agent that has a voice, until it has been said. Without ``broadcast`` each module
    decides for itself. Uses no model.
    """

    def __init__(self, mind: Mind | None = None, *, broadcast: bool = True) -> None:
        super().__init__(mind)
        self._broadcast = broadcast
        self._settled: Settled[Decision] = Settled()

    def run(self) -> Decision:
        """Decide, and broadcast what is new."""
        stamps = self.brain.state.stamps(self.mind.root, *_SEEN)
        settled = self._settled.get(stamps, self.mind.clock.time())
        if settled is not None:
            return settled
        decision, new, until = self.brain.state.transact(self._decide, attempts=_ATTEMPTS, module=self.mind.name)
        if new and self._broadcast:
            channel = self.brain.channel(f"{self.mind.name}.decisions", _WAITING, overflow="drop_oldest")
            channel.put(decision)
        self._settled.put(decision, stamps, until)
        return decision  # type: ignore[no-any-return]

    def digest(self) -> Digest:
        """What it sees now."""
        return self._digest(self.brain.state.transaction())[0]

    def feel(self, other: str, valence: float) -> Relation:
        """How something with another felt, from -1 to 1, changes how the other is liked."""
        check_label(other, "other")
        valence = check_valence(valence, "valence")

        def change(tx: Any) -> Relation:
            relations = self._relations(tx)
            relations[other] = felt(relations.get(other, Relation()), valence)
            tx.set(self.mind.path("relations"), msgspec.to_builtins(relations))
            return relations[other]

        return self.brain.state.transact(change, attempts=_ATTEMPTS, module=self.mind.name)  # type: ignore[no-any-return]

    def _decide(self, tx: Any) -> tuple[Decision, bool, float]:
        mind = self.mind
        digest, relations, others, until = self._digest(tx)
        stood = tx.get(mind.path("decision"))
        last = None if stood is None else msgspec.convert(stood, Decision)
        decision = decide(digest, tx.get(mind.path("decisions"), 0) + 1, mind.clock.time())
        if digest.step and decision.step == digest.step:  # the digest may have it cut
            plan = tx.get(mind.path("plan"))
            decision = msgspec.structs.replace(decision, step=plan["steps"][plan["at"]])
        if last is not None and self._stands(tx, last, decision, others):
            return last, False, until
        after = {name: met(relation) if name in others else parted(relation) for name, relation in relations.items()}
        tx.set(mind.path("relations"), msgspec.to_builtins(kept(after)))
        tx.set(mind.path("decisions"), decision.number)
        if self._broadcast:
            tx.set(mind.path("decision"), msgspec.to_builtins(decision))
        return decision, True, until

    def _stands(self, tx: Any, last: Decision, better: Decision, others: set[str]) -> bool:
        if better.step == last.step:
            return better.skill == "wait" or not self._is_done(tx, last)
        # Hands that have turned to somebody end the surprise that was to be told, but not the telling.
        told = last.skill == "talk" and self.mind.voices and partner(last.step) in others
        return bool(told) and better.worth <= last.worth and not self._is_done(tx, last)

    def _is_done(self, tx: Any, decision: Decision) -> bool:
        said = self.mind.voices and decision.skill in TALK
        return bool(tx.get(self.mind.path("said.decision" if said else "acting.decision")) == decision.number)

    def _digest(self, tx: Any) -> tuple[Digest, dict[str, Relation], set[str], float]:
        """The digest, the relations, who is there, and until when time alone makes no other of it."""
        mind, now = self.mind, self.mind.clock.time()
        others = set(tx.get(mind.path("perceived.others"), ()))
        relations = {**dict.fromkeys(others, Relation()), **self._relations(tx)}
        plan, action = tx.get(mind.path("plan")), tx.get(mind.path("action"))
        step, goal, urgent, until = "", "", 0.0, math.inf
        # A step that was done and that planning has not looked at is not to be done again.
        if plan is not None and tx.get(mind.path("acting.number"), 0) <= tx.get(mind.path("acted_on"), 0):
            pursued = msgspec.convert(tx.get(mind.path("goals"))[plan["goal"]], Goal)
            step, goal = plan["steps"][plan["at"]], pursued.text
            urgent, until = urgency(pursued, now), steady_until([pursued], now)
        digest = squeeze(
            heard=tx.get(mind.path("heard")),
            step=step,
            goal=goal,
            urgency=urgent,
            surprise="" if action is None or action["ok"] else f"{action['step']}: {action['reason']}",
            others=others,
            relations=relations,
            needs=tx.get(mind.path("needs"), {}),
        )
        return digest, relations, others, until

    def _relations(self, tx: Any) -> dict[str, Relation]:
        return msgspec.convert(tx.get(self.mind.path("relations"), {}), dict[str, Relation])

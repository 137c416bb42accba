"""The built-in module ``planning``."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import msgspec

from companion_async.cognition.mind import CLAIMS, Mind, MindModule
from companion_async.cognition.planning.goals import COMPANY_PAUSE, Goal, by_urgency, checked, steady_until, wishes
from companion_async.cognition.planning.pursuit import Claim, Course, Report, Round, pursue
from companion_async.cognition.settled import Settled
from companion_async.errors import InvalidArgumentError
from companion_async.security import check_label, check_labels

MODULE = "planning"
"""The name it is registered under."""

MOST_GOALS = 100

_SEEN = (
    *("goals", "plan", "facts", "needs", "emotional_state", "perceived", "holds", "outcomes", "action", "acted_on"),
    *("sociable_at", "goal_number"),
)  # all that a plan is made of, beside what others claim
_ATTEMPTS = 100  # of many agents that claim the same, one gets on with each


class Planned(msgspec.Struct, frozen=True):
    """What a run came to: the goal that is pursued and its next step (None and empty: nothing to do), all steps, and
    the goals that wait, failed or were missed, each with its reason.
    """

    goal: Goal | None
    step: str
    steps: tuple[str, ...]
    laid_aside: dict[str, str]


class Planning(MindModule):
    """Pursues several goals, the most urgent first, and finds another way when a step fails. Uses no model.

    Everything it knows is in the agent's state: ``goals``, ``plan`` and ``facts``, and, shared by all agents,
    ``claims``. A run is one transaction over these, so planners that run at once never both hold what there is one of.
    One at which nothing of this is another than at the last is answered without.
    """

    def __init__(self, mind: Mind | None = None) -> None:
        super().__init__(mind)
        self._settled: Settled[Planned] = Settled()
        self._claims = True  # whether what others claim can matter

    def run(self) -> Planned:
        """Take in what became of the last step (``action`` in the state), set goals of one's own, and plan on."""
        state = self.brain.state
        claims = state.stamps(CLAIMS) if self._claims else ()
        stamps = (*state.stamps(self.mind.root, *_SEEN), *claims, self.mind.actions)
        found = self._settled.get(stamps, self.mind.clock.time())
        if found is None:
            found, until, self._claims = self._round()
            self._settled.put(found, stamps, until)
        return found

    def add_goal(
        self,
        text: str,
        priority: float = 0.5,
        *,
        deadline: float | None = None,
        wants: Collection[str] = (),
        steps: Collection[str] = (),
        claims: Collection[str] = (),
        source: str = "",
    ) -> str:
        """A new goal; its id. `MOST_GOALS` at once; those that are over make room, the oldest first."""
        goal = checked(Goal("", text, priority, deadline, wants, steps, claims, source=source))  # type: ignore[arg-type]

        def add(tx: Any) -> str:
            goals = self._goals(tx.get(self.mind.path("goals"), {}))
            number = tx.get(self.mind.path("goal_number"), 0) + 1
            name = f"goal-{number}"
            kept = self._room({**goals, name: msgspec.structs.replace(goal, id=name)})
            tx.set(self.mind.path("goals"), msgspec.to_builtins(kept))
            tx.set(self.mind.path("goal_number"), number)
            return name

        return str(self.brain.state.transact(add, attempts=_ATTEMPTS, module=self.mind.name))

    def drop_goal(self, goal: str) -> bool:
        """Give a goal up; False where there is none of that id. What it claimed is free at the next run."""
        check_label(goal, "goal")

        def drop(tx: Any) -> bool:
            goals = tx.get(self.mind.path("goals"), {})
            if goals.pop(goal, None) is None:
                return False
            tx.set(self.mind.path("goals"), goals)
            return True

        return bool(self.brain.state.transact(drop, attempts=_ATTEMPTS, module=self.mind.name))

    def goals(self) -> tuple[Goal, ...]:
        """All goals: first those that can still be reached, the most urgent first."""
        known = self._goals(self._get("goals", {}))
        alive = by_urgency(known.values(), self.mind.clock.time())
        return (*alive, *(goal for goal in known.values() if not goal.alive))

    def report(self, step: str, succeeded: bool, facts: Collection[str] = ()) -> Planned:
        """Tell what became of a step, and plan on."""
        return self._round(Report(check_label(step, "step"), bool(succeeded), check_labels(facts, "facts")))[0]

    def _round(self, report: Report | None = None) -> tuple[Planned, float, bool]:
        """What it came to, until when time alone makes no other of it, and whether what others claim could."""
        mind = self.mind
        planned, until = self.brain.state.transact(
            lambda tx: self._plan(tx, report), attempts=_ATTEMPTS, module=mind.name
        )
        course = planned.course
        goal = planned.goals[course.goal] if course is not None else None
        aside = {
            each.id: each.reason for each in planned.goals.values() if each.status in ("waiting", "failed", "missed")
        }
        claims = any(each.claims for each in planned.goals.values())
        return Planned(goal, course.step if course else "", course.steps if course else (), aside), until, claims

    def _plan(self, tx: Any, report: Report | None) -> tuple[Round, float]:
        mind, now = self.mind, self.mind.clock.time()
        goals = self._goals(tx.get(mind.path("goals"), {}))
        plan = tx.get(mind.path("plan"))
        course = msgspec.convert(plan, Course) if plan else None
        facts = frozenset(tx.get(mind.path("facts"), ()))
        if report is None:
            report = self._what_became(tx, course)
        sociable_at = tx.get(mind.path("sociable_at"), 0.0)
        own = wishes(
            tx.get(mind.path("needs"), {}),
            tx.get(mind.path("emotional_state.happiness"), 0.5),
            tx.get(mind.path("perceived.others"), ()),
            goals.values(),
            sociable=now >= sociable_at,
        )
        if any(goal.source == "company" for goal in own):
            tx.set(mind.path("sociable_at"), now + COMPANY_PAUSE)
        own = own[: max(0, MOST_GOALS - sum(goal.alive for goal in goals.values()))]
        known = self._room({**goals, **{goal.id: goal for goal in own}})
        # That a need was once met says nothing of now.
        facts = facts.difference(*(goal.wants for goal in own))
        claims: dict[str, Claim] = {}
        for name in sorted(set(tx.get(mind.path("holds"), ())).union(*(goal.claims for goal in known.values()))):
            claim = tx.get(f"{CLAIMS}.{name}")
            if claim is not None:
                claims[name] = msgspec.convert(claim, Claim)
        done = pursue(mind.name, known, course, facts, claims, mind.actions, now, report)
        for name, claimed in done.claims.items():
            if claimed is None:
                tx.delete(f"{CLAIMS}.{name}")
            else:
                tx.set(f"{CLAIMS}.{name}", msgspec.to_builtins(claimed))
        after = {
            "goals": msgspec.to_builtins(done.goals),
            "plan": msgspec.to_builtins(done.course),
            "facts": sorted(done.facts),
            "holds": sorted(done.goals[done.course.goal].claims) if done.course else [],
        }
        for name, value in after.items():
            if tx.get(mind.path(name)) != value:
                tx.set(mind.path(name), value)
        until = steady_until(done.goals.values(), now)
        return done, min(until, sociable_at) if now < sociable_at else until

    def _what_became(self, tx: Any, course: Course | None) -> Report | None:
        """What execution did since the last run: of the step that is under way, else the last of it."""
        mind = self.mind
        seen = tx.get(mind.path("acted_on"), 0)
        done = tx.get(mind.path("outcomes")) or [tx.get(mind.path("action"))]
        new = [each for each in done if each and each["number"] > seen]
        if not new:
            return None
        tx.set(mind.path("acted_on"), new[-1]["number"])
        found = next((each for each in new if course is not None and each["step"] == course.step), new[-1])
        return Report(found["step"], found["ok"], tuple(found["observed"]))

    @staticmethod
    def _goals(kept: dict[str, Any]) -> dict[str, Goal]:
        return msgspec.convert(kept, dict[str, Goal])

    @staticmethod
    def _room(goals: dict[str, Goal]) -> dict[str, Goal]:
        over = [name for name, goal in goals.items() if not goal.alive]
        for name in over[: max(0, len(goals) - MOST_GOALS)]:
            del goals[name]
        if len(goals) > MOST_GOALS:
            raise InvalidArgumentError(f"An agent has at most {MOST_GOALS} goals at once: drop_goal() some first.")
        return goals

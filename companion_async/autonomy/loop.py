"""The decision loop: look, judge, act, say so, and look again at what came of it."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping
from typing import Any, NamedTuple, assert_never

import anyio
from anyio.abc import TaskGroup
from loguru import logger

from companion_async.autonomy.controls import Controls
from companion_async.autonomy.decision import Decision, DecisionLog, Expectation
from companion_async.autonomy.judgement import Judgement
from companion_async.autonomy.outcome import measure, read_metric
from companion_async.autonomy.settings import AutonomySettings
from companion_async.autonomy.signals import Glance
from companion_async.autonomy.situation import Situation
from companion_async.autonomy.verdict import Verdict
from companion_async.clock import Clock, TimerHandle
from companion_async.errors import CompanionError, trace_of
from companion_async.events.bus import Topic
from companion_async.events.kinds import DecisionMade, utc
from companion_async.health.supervise import Crash, supervise

_CALM_LOOK = 0.25
"""Seconds between two looks while no category is full; one that fills up is seen at the first and answered at the next
of the quick ones.
"""
_STILL_AFTER, _IDLE_AFTER = 2.0, 30.0
"""Seconds after which the looks become rare if nothing has come, begun or ended; and with nothing at work."""
_STILL_LOOK, _RAREST_LOOK = 1.0, 5.0
_SOON = 1e-6  # moments that are added up from tenths do not hit each other
_USE_LOOK = 0.2
"""Seconds between two looks at who uses the processor: as long as tell a few runs that compute from those that wait."""
_USE_SHARE = 0.02
"""The share of the loop's time that these looks may take: of thousands of modules each takes tens of milliseconds."""


class _Due(NamedTuple):
    at: float
    made: float
    decision_id: int
    context: str
    expectation: Expectation


class DecisionLoop:
    """Every ``settings.interval`` seconds one pass over the `Controls`, and the governor's looks in between, every
    ``look_interval`` while a category is full: sizes and computing do not wait for a pass. Everything here belongs to
    the loop's thread.

    ``log`` holds the decisions, newest last; ``situations`` the readings of the last passes and ``glances`` those of
    the governor's last looks, to be judged again under other settings. ``passes`` and ``last_pass`` (monotonic seconds)
    are its heartbeat.
    """

    def __init__(
        self, controls: Controls, clock: Clock, settings: AutonomySettings | None = None, topic: Topic | None = None
    ) -> None:
        self.settings = settings or AutonomySettings()
        self.log = DecisionLog(self.settings.log_size)
        self.situations: deque[Situation] = deque(maxlen=self.settings.situations_kept)
        self.glances: deque[Glance] = deque(maxlen=self.settings.glances_kept)
        self.passes = 0
        self.last_pass: float | None = None
        self._controls = controls
        self._clock = clock
        self._topic = topic
        self._judgement = Judgement(self.settings)
        self._due: deque[_Due] = deque()
        self._said: dict[tuple[str, ...], tuple[float, int]] = {}
        self._tasks: TaskGroup | None = None
        self._in_flight: set[str] = set()
        self._wake: anyio.Event | None = None
        self._nudge: TimerHandle | None = None
        self._use_due = -math.inf
        self._busy = False
        self._moved_at = clock.monotonic()
        self._state: object = None

    async def run(self) -> None:
        """Make passes until cancelled; the first one at once, as the base of all differences.

        A pass that raises is logged, recorded as a decision and begun again after a while; restarts that are under way
        are not disturbed by it. Cancellation ends them.
        """
        if self._tasks is not None:
            raise CompanionError("The decision loop runs already; one brain has one.")
        try:
            async with anyio.create_task_group() as tasks:
                self._tasks = tasks
                tasks.start_soon(supervise, "governor", self._keep_looking, self._clock, self._governor_crashed)
                await supervise("decision loop", self._make_passes, self._clock, self._crashed)
        finally:
            self._tasks = None
            if self._nudge is not None:
                self._nudge.cancel()

    def nudge(self) -> None:
        """Ask for a pass before its time, as when a queue begins to wait. At most one every ``nudge_gap`` seconds."""
        if self._nudge is None and self._wake is not None and self.last_pass is not None:
            delay = self.last_pass + self.settings.nudge_gap - self._clock.monotonic()
            self._nudge = self._clock.call_later(max(0.0, delay), self._ring)

    def record(
        self,
        type: str,
        context: str,
        data: Mapping[str, Any],
        reason: str,
        applied: bool = True,
        *,
        rule: str = "",
        expectation: Expectation | None = None,
        error: str | None = None,
        repeats: bool = False,
    ) -> Decision:
        """Enter a decision that was taken elsewhere (by a person, or by a pool at a timeout), and tell of it.

        One that ``repeats`` what another has said within ``settings.interval`` (of the same type, context, rule and
        effect) is counted there instead, and nobody is told again: a module whose runs all hang must not push
        everything else out of the log.
        """
        if repeats:
            said = self._repeated((type, context, rule, str(applied)))
            if said is not None:
                return said
        now = self._clock.time()
        decision = self.log.add(
            type, context, data, reason, applied, utc(now), expectation=expectation, rule=rule, error=error
        )
        if repeats:
            self._said[type, context, rule, str(applied)] = (self._clock.monotonic(), decision.decision_id)
        if expectation is not None and applied:
            at = self._clock.monotonic()
            self._due.append(_Due(at + expectation.within, at, decision.decision_id, context, expectation))
        if self._topic is not None and self._topic.active:
            self._topic.publish(
                DecisionMade(
                    decision.decision_id, type, context, dict(decision.data), reason, applied, decision.timestamp
                )
            )
        return decision

    def _repeated(self, key: tuple[str, ...]) -> Decision | None:
        before = self._clock.monotonic() - self.settings.interval
        for old in [old for old, (at, _) in self._said.items() if at <= before]:
            del self._said[old]
        return self.log.count(self._said[key][1]) if key in self._said else None

    def cpu_bound(self, module: str) -> float:
        """The governor's verdict on the module: 0 only waits, 1 only computes."""
        return self._judgement.governor.share(module)

    def step(self) -> list[Decision]:
        """One pass. The decisions that were carried out, or failed, at once; restarts follow when they have ended."""
        situation = self._controls.situation()
        self.situations.append(situation)
        made = []
        for verdict in self._judgement.consider(situation):
            decision = self._carry_out(verdict, situation.now)
            if decision is not None:
                made.append(decision)
        self._measure(situation)
        self.passes += 1
        self.last_pass = situation.now
        return made

    def look(self) -> float:
        """One look of the governor: sizes, and a few times a second computing. In how many seconds the next is due."""
        glance = self._controls.glance()
        if glance.busy:
            self.glances.append(glance)
            if not self._busy:
                self._use_due = glance.now  # what begins now is to be seen from its beginning
        self._busy = glance.busy
        if glance.state != self._state:
            self._state, self._moved_at = glance.state, glance.now
        verdicts = self._judgement.glance(glance)
        if glance.now >= self._use_due:
            began = self._clock.monotonic()
            verdicts += self._judgement.govern(self._controls.use())
            took = self._clock.monotonic() - began
            rest = max(_USE_LOOK if glance.busy else _STILL_LOOK, took / _USE_SHARE)
            self._use_due = glance.now + rest - _SOON
        for verdict in verdicts:
            self._carry_out(verdict, glance.now)
        still = glance.now - self._moved_at
        if still >= (_STILL_AFTER if glance.busy else _IDLE_AFTER):
            return min(_RAREST_LOOK, max(_STILL_LOOK, still / 10))
        return self.settings.look_interval if glance.full else _CALM_LOOK

    async def _keep_looking(self) -> None:
        while True:
            delay = self.look()
            woken = anyio.Event()
            timer = self._clock.call_later(delay, woken.set)
            if delay >= _STILL_LOOK:
                self._controls.tell_of_work(woken.set)
            try:
                await woken.wait()
            finally:
                timer.cancel()

    async def _make_passes(self) -> None:
        while True:
            self.step()
            await self._rest()

    async def _rest(self) -> None:
        self._wake = anyio.Event()
        timer = self._clock.call_later(self.settings.interval, self._ring)
        try:
            await self._wake.wait()
        finally:
            timer.cancel()

    def _ring(self) -> None:
        self._nudge = None
        if self._wake is not None:
            self._wake.set()

    def _carry_out(self, verdict: Verdict, now: float) -> Decision | None:
        """Do it and enter it. None for what is entered when it has ended, and for threads that come and go within a
        limit that stays.
        """
        try:
            done = self._act(verdict)
        except Exception as error:
            return self._failed(verdict, error)
        if done is None:
            return None
        if done:
            self._judgement.carried_out(verdict, now)
        data = dict(verdict.data)
        if verdict.type == "scale_down" and data["old"] == data["new"]:
            if done:
                logger.debug("{} idle threads of {} go home. {}", done, verdict.context, verdict.reason)
            return None
        if not isinstance(done, bool):
            data["done"] = done
        return self._enter(verdict, data, applied=bool(done))

    def _act(self, verdict: Verdict) -> bool | int | None:
        """Do it: False or 0 where there was nothing to do any more, else True or how many it concerned; None where it
        has only begun.
        """
        controls, context, data = self._controls, verdict.context, verdict.data
        match verdict.type:
            case "scale_up":
                controls.resize(context, data["new"])
            case "scale_down":
                if data["new"] != data["old"]:
                    controls.resize(context, data["new"])
                retired = controls.retire_idle(context, data["keep"], data["idle_for"])
                return retired or data["new"] != data["old"]
            case "replace_worker":
                return controls.replace_worker(data["task_id"], verdict.reason)
            case "throttle_cpu_bound" if "cap" in data:
                controls.throttle(context, data["cap"], data["share"])
            case "throttle_cpu_bound":
                controls.set_switch_interval(data["switch_interval"])
            case "adjust_priority":
                return controls.adjust_priority(context, data["waited"])
            case "shed_load":
                return controls.shed(context, data["count"], data["lowest"])
            case "restart_module" | "quarantine":
                self._begin(verdict)
                return None
            case never:
                assert_never(never)
        return True

    def _begin(self, verdict: Verdict) -> None:
        # A restart takes as long as the module's start: the passes go on meanwhile, and one at a time is enough.
        if verdict.context not in self._in_flight and self._tasks is not None:
            self._in_flight.add(verdict.context)
            self._tasks.start_soon(self._heal, verdict)

    async def _heal(self, verdict: Verdict) -> None:
        try:
            if verdict.type == "quarantine":
                done = await self._controls.quarantine(verdict.context, verdict.reason)
            else:
                generation = verdict.data["generation"]
                done = await self._controls.restart_module(verdict.context, generation, verdict.reason)
        except Exception as error:
            self._failed(verdict, error)
        else:
            self._enter(verdict, verdict.data, applied=done)
        finally:
            self._in_flight.discard(verdict.context)

    def _enter(self, verdict: Verdict, data: Mapping[str, Any], *, applied: bool, error: str | None = None) -> Decision:
        if verdict.inputs is not None:
            data = {**data, "inputs": verdict.inputs}
        return self.record(
            verdict.type,
            verdict.context,
            data,
            verdict.reason,
            applied,
            rule=verdict.rule,
            expectation=verdict.expectation,
            error=error,
        )

    def _failed(self, verdict: Verdict, error: Exception) -> Decision:
        name = type(error).__name__
        logger.error("{} of {} failed.\n{}", verdict.type, verdict.context, trace_of(error))
        return self._enter(verdict, verdict.data, applied=False, error=name)

    def _measure(self, situation: Situation) -> None:
        waiting = [due for due in self._due if due.at > situation.now]
        for due in self._due:
            if due.at <= situation.now:
                after = read_metric(due.expectation.metric, due.context, situation, self._judgement.loads)
                self.log.attach(due.decision_id, measure(due.expectation, after, situation.now - due.made))
        self._due = deque(waiting, self.settings.log_size)

    def _crashed(self, crash: Crash) -> None:
        self._restarted("decision_loop", crash)

    def _governor_crashed(self, crash: Crash) -> None:
        self._restarted("governor", crash)

    def _restarted(self, what: str, crash: Crash) -> None:
        self.record(
            "restart_loop",
            what,
            {"count": crash.count, "delay": crash.delay},
            f"A pass raised {crash.error}; the next one follows in {crash.delay:.1f} s.",
            error=crash.error,
        )

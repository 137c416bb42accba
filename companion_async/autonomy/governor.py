"""Pure: which modules compute rather than wait, and how many of their runs may go on at once.

CPU time over wall time is the plain measure, and under contention a wrong one: while ``n`` threads compete for the
interpreter lock each of them shows 1/n, whether it computes all the time or not. So the time spent waiting for a
processor is estimated from the load of the whole process and taken out; measurements made without contention are
remembered and believed before any estimate; and where only an estimate is at hand, the runners are halved step by step
for as long as the processor stays full, which costs no throughput and ends in a measurement without contention.
"""

from __future__ import annotations

import math
from bisect import bisect
from collections import Counter, deque
from collections.abc import Iterable, Mapping
from itertools import accumulate, islice
from operator import itemgetter

import msgspec

from companion_async.autonomy.decision import Expectation
from companion_async.autonomy.settings import AutonomySettings
from companion_async.autonomy.situation import ModuleReading, Situation
from companion_async.autonomy.verdict import Verdict

_FULL = 0.8  # of the lanes: from here on the processor counts as full
_CALM = 1.25  # runs stretched by less than this are measurements without contention
_TOLERANCE = 0.9  # how much of the load the modules must explain at a supposed slowdown
_WINDOW = 1.0  # seconds that a judgement rests on, once there are as many
_SETTLED = 0.7
_WELL_SUPPLIED = 0.6
_LEAST_SECONDS = 0.1  # of measured wall time, below which an interval says nothing
_RELEASED = 1.1  # one module on more than this many processors does not hold the interpreter lock
_BASELINE_LIVES = 600.0
_SAME_WORK = 2.0  # CPU time per run within this factor: still the same kind of work
_SHARE_MOVED = 0.15
_WORTH_A_PROCESS = 0.005  # CPU seconds of a run, below which the way there and back takes too large a part
_BRIEF = 0.0005
"""CPU seconds of a run, below which it cannot keep the loop waiting: to hold such back costs more than it saves."""
_LEAST_SUPPLY = 0.15
_QUIET = 3.0  # seconds without computing, after which the switch interval goes back
_SHORTEST_LOOK = 0.15  # seconds; a shorter one sees too little to learn from


class ModuleUse(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What one module did between two passes: ``threads`` in its runs on average, ``ratio`` of CPU to wall time,
    ``rate`` of processors used, ``cpu_per_run`` seconds.
    """

    name: str
    threads: float
    ratio: float
    rate: float
    cpu_per_run: float


class Estimate(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The share of a module's run time that is computing: measured without contention (``sure``), or estimated."""

    share: float
    sure: bool
    cpu_per_run: float
    at: float


def slowdown(uses: Iterable[ModuleUse], rest: float, lanes: float) -> float:
    """How many times longer computing takes than it would alone; 1.0 without contention.

    ``rest`` is what the process uses outside of the runs (processors), ``lanes`` how many threads can compute at once.
    With the lanes full it is the largest factor at which the threads that could then be computing still account for
    the load; below that, the usual stretch of a shared processor, which no more threads can cause than there are.
    """
    present = [(use.threads, use.ratio) for use in uses if use.threads > 0]
    if rest > 0:
        present.append((1.0, min(1.0, rest)))
    threads = sum(count for count, _ in present)
    load = sum(count * ratio for count, ratio in present) / lanes
    most = max(1.0, threads / lanes)
    if load < _FULL:
        return min(most, 1.0 / (1.0 - load))
    # What computes all the time at this load explains its share of it at any slowdown; the others as far as they can.
    present.sort(key=itemgetter(1))
    ratios = [ratio for _, ratio in present]
    computed = list(accumulate((count * ratio for count, ratio in present), initial=0.0))
    counted = list(accumulate((count for count, _ in present), initial=0.0))
    low, high = 1.0, most
    for _ in range(40):
        middle = (low + high) / 2
        split = bisect(ratios, load / middle)
        explained = (computed[split] / load + (counted[-1] - counted[split]) / middle) / lanes
        low, high = (middle, high) if explained >= _TOLERANCE else (low, middle)
    return low


def computing_share(ratio: float, stretch: float) -> float:
    """The share of a run that would be computing without contention, from CPU over wall under a slowdown."""
    waiting = max(0.0, 1.0 - ratio * stretch)
    return ratio / (ratio + waiting) if ratio > 0 else 0.0


class Governor:
    """Watches the modules from pass to pass. Holds one estimate per module."""

    def __init__(self, settings: AutonomySettings) -> None:
        self._settings = settings
        self._seen: deque[Situation] = deque()
        self._estimates: dict[str, Estimate] = {}
        self._bound: set[str] = set()
        self._released: set[str] = set()
        self._uses: dict[str, ModuleUse] = {}
        self._running: dict[str, float] = {}
        self._load = 0.0
        self._busy_at = -math.inf

    def observe(self, situation: Situation) -> None:
        """Take in what has changed in the last second, or since something began to run, or was throttled: with fewer
        runners it is the same work under other circumstances.
        """
        seen = self._seen
        if seen and situation.now - seen[-1].now < _SHORTEST_LOOK:
            return
        if seen and _caps(seen[-1]).keys() != _caps(situation).keys():
            seen.clear()
            for gone in self._estimates.keys() - _caps(situation).keys():
                del self._estimates[gone]
            self._bound &= _caps(situation).keys()
        elif seen and (_caps(seen[-1]) != _caps(situation) or not any(one.running for one in seen[-1].modules)):
            while len(seen) > 1:
                seen.popleft()
        while len(seen) > 1 and seen[1].now <= situation.now - _WINDOW:
            seen.popleft()
        seen.append(situation)
        before = seen[0]
        if before is situation:
            return
        seconds = situation.now - before.now
        # Short runs wait for the lock between two of them as well: those inside at each look tell more than their time.
        inside = Counter[str]()
        for other in islice(seen, 1, None):
            inside.update({module.name: module.running for module in other.modules if module.running})
        self._running = {module.name: inside[module.name] / (len(seen) - 1) for module in situation.modules}
        known = {module.name: module for module in before.modules}
        uses = {m.name: _use(known[m.name], m, seconds) for m in situation.modules if m.name in known}
        # What is done in processes needs no lock of ours: it is known, and neither counted nor capped.
        elsewhere = {m.name: uses.pop(m.name) for m in situation.modules if m.offload == "process" and m.name in uses}
        self._uses = uses
        slots = sum(use.rate for use in self._uses.values())
        rest, told = 0.0, False
        if situation.process_cpu_seconds is not None and before.process_cpu_seconds is not None:
            told = True
            process = max(0.0, (situation.process_cpu_seconds - before.process_cpu_seconds) / seconds)
            rest = max(0.0, process - slots)
            if slots > process:
                # Runs are counted when they end, with all of their time: a long one seems to be many at once.
                self._uses = {name: _scaled(use, process / slots) for name, use in self._uses.items()}
                slots = process
            self._released.update(use.name for use in self._uses.values() if use.rate > _RELEASED)
        one_lane = situation.gil and not (told and slots > _RELEASED)
        lanes = 1.0 if one_lane else float(situation.cores)
        # Who has the lock and waits for a processor that other processes have keeps all others from it as well.
        lack = min(1 / self._supply(), max(1.0, lanes / (slots + rest))) if slots + rest > 0 else 1.0
        self._uses = {name: _lacking(use, lack) for name, use in self._uses.items()}
        rest *= lack
        self._load = (sum(use.rate for use in self._uses.values()) + rest) / lanes
        # What is seen while others have the processor is a suspicion at most.
        settled = seconds >= _SETTLED and self._supply() >= _WELL_SUPPLIED
        stretch = slowdown(self._uses.values(), rest, lanes)
        for module in situation.modules:
            use = self._uses.get(module.name)
            if use is not None and module.measured_seconds - known[module.name].measured_seconds >= _LEAST_SECONDS:
                self._learn(use, stretch, situation.now, settled=settled)
            elif (apart := elsewhere.get(module.name)) is not None and apart.ratio > 0:
                self._learn(apart, 1.0, situation.now, settled=True)

    def _supply(self) -> float:
        """The share of the processor time that it wanted which the process got, over all that has been seen. What woke
        for a moment counts too much in it, so it is believed within bounds only.
        """
        told = [situation.processor_supply for situation in self._seen][1:]
        return max(_LEAST_SUPPLY, sum(told) / len(told))

    def share(self, module: str) -> float:
        """The verdict on the module, 0 (only waits) to 1 (only computes); 0.0 before anything is known."""
        estimate = self._estimates.get(module)
        return 0.0 if estimate is None else estimate.share

    def verdicts(self, situation: Situation) -> list[Verdict]:
        """Caps to set or lift, and whether threads should hand over the interpreter lock sooner."""
        found = [verdict for module in situation.modules if (verdict := self._cap(module, situation)) is not None]
        switch = self._switch_interval(situation)
        return found if switch is None else [*found, switch]

    def _learn(self, use: ModuleUse, stretch: float, now: float, *, settled: bool) -> None:
        share = computing_share(use.ratio, stretch)
        settings, known = self._settings, self._estimates.get(use.name)
        if not settled:
            # A moment is enough for a suspicion, not for knowledge, and not to be rid of one.
            if known is None or (not known.sure and share > known.share):
                self._estimates[use.name] = Estimate(share=share, sure=False, cpu_per_run=use.cpu_per_run, at=now)
        elif stretch <= _CALM or share <= settings.cpu_bound_until:
            # The estimate errs upward, so one that is low needs no calm to be believed.
            if known is not None and known.sure and _same_work(known, use):
                share = (share + known.share) / 2
            self._estimates[use.name] = Estimate(share=share, sure=True, cpu_per_run=use.cpu_per_run, at=now)
        elif known is None or not known.sure or not _same_work(known, use) or now - known.at > _BASELINE_LIVES:
            self._estimates[use.name] = Estimate(share=share, sure=False, cpu_per_run=use.cpu_per_run, at=now)
        share = self._estimates[use.name].share
        if share >= settings.cpu_bound_from:
            self._bound.add(use.name)
        elif share < settings.cpu_bound_until:
            self._bound.discard(use.name)

    def _cap(self, module: ModuleReading, situation: Situation) -> Verdict | None:
        estimate, use = self._estimates.get(module.name), self._uses.get(module.name)
        if estimate is None or use is None:
            return None
        if module.name not in self._bound or _brief(use):
            if module.cap is None:
                return None
            reason = f"It waits for most of its run time ({estimate.share:.0%} CPU)."
            if module.name in self._bound:
                reason = f"It computes for {1e6 * use.cpu_per_run:.0f} us at a time, too short to be in anybody's way."
            return self._throttled(module, None, estimate, reason)
        others = sum(other.rate for other in self._uses.values() if other.name != module.name)
        alone = self._holds_the_lock(module.name, situation)
        lanes = 1.0 if alone else max(1.0, situation.cores - others)
        cap = max(1, math.ceil(lanes / estimate.share - 0.25))
        now_at = max(use.threads, self._running[module.name])
        if not estimate.sure:
            cap = max(cap, math.ceil(now_at / 2 - 0.25))
        # What is sure to compute and to hold the lock shares it with all that do.
        share = round(estimate.share, 2) if estimate.sure and (alone or not situation.gil) else None
        if module.cap is not None:
            shared = share is not None and (module.share is None or abs(share - module.share) > _SHARE_MOVED)
            if shared:
                cap = min(cap, module.cap)
            elif cap == module.cap or (cap > module.cap and alone and estimate.share >= self._settings.cpu_bound_from):
                # Upward only on evidence: a release of the lock, free cores, or a share that fell.
                return None
        else:
            crowd = max(now_at, self._crowd() if alone else 0.0)
            if crowd < cap + 0.5 or use.rate < self._settings.cpu_load_counts:
                return None
        grounds = "measured without contention" if estimate.sure else "estimated, to be measured with fewer runners"
        where = "one interpreter lock" if alone else f"{lanes:.1f} free cores"
        runs = "one run" if cap == 1 else f"{cap} runs"
        reason = (
            f"CPU-bound: {estimate.share:.0%} of its run time computes ({grounds}). At most {runs} at once, on {where}"
            + ("." if share is None else ", together with all others that compute.")
        )
        helps = share is not None and alone and situation.cores > 1 and module.offload == "thread"
        if helps and module.queued and use.cpu_per_run >= _WORTH_A_PROCESS:
            reason += f' With offload="process" its runs could have {situation.cores} cores instead of one.'
            return self._throttled(module, cap, estimate, reason, share, recommend={"offload": "process"})
        return self._throttled(module, cap, estimate, reason, share)

    def _holds_the_lock(self, module: str, situation: Situation) -> bool:
        return situation.gil and module not in self._released

    def _crowd(self) -> float:
        """Threads in runs that compute under the interpreter lock, of all modules together."""
        bound = self._bound & self._uses.keys() - self._released
        return sum(self._running[name] for name in bound if not _brief(self._uses[name]))

    def _throttled(
        self,
        module: ModuleReading,
        cap: int | None,
        estimate: Estimate,
        reason: str,
        share: float | None = None,
        **more: Mapping[str, str],
    ) -> Verdict:
        lag = self._seen[-1].loop_lag if self._seen else None
        return Verdict(
            type="throttle_cpu_bound",
            context=module.name,
            reason=reason,
            rule="governor.cap",
            data={"old": module.cap, "cap": cap, "share": share, **more},
            inputs={
                "estimate": msgspec.to_builtins(estimate),
                "use": msgspec.to_builtins(self._uses[module.name]),
                "load": self._load,
            },
            expectation=None
            if lag is None or cap is None
            else Expectation("loop_lag", lag, lag, self._settings.interval, "down"),
        )

    def _switch_interval(self, situation: Situation) -> Verdict | None:
        settings = self._settings
        bound = {name: self._uses[name] for name in self._bound & self._uses.keys()}
        busy = sorted(name for name, use in bound.items() if use.rate >= settings.cpu_load_counts and not _brief(use))
        if busy:
            self._busy_at = situation.now
        wanted = settings.short_switch_interval if busy and situation.gil and settings.manage_switch_interval else None
        if wanted is None and situation.now - self._busy_at < _QUIET:
            return None
        interval = situation.switch_interval
        short = wanted is not None and interval is not None and interval <= wanted
        if short if wanted is not None else interval != settings.short_switch_interval:
            return None
        return Verdict(
            type="throttle_cpu_bound",
            context="interpreter",
            reason=f"Threads hand over the interpreter lock sooner while {', '.join(busy)} computes."
            if busy
            else "Nothing computes any more; the interpreter's own switch interval is back.",
            rule="governor.switch_interval",
            data={"old": situation.switch_interval, "switch_interval": wanted},
        )


def _use(before: ModuleReading, now: ModuleReading, seconds: float) -> ModuleUse:
    measured = now.measured_seconds - before.measured_seconds
    runs = now.measured_runs - before.measured_runs
    cpu = now.cpu_seconds - before.cpu_seconds
    ended = now.ended_cpu_seconds - before.ended_cpu_seconds
    threads = max(0.0, (now.run_seconds - before.run_seconds) / seconds)
    ratio = min(1.0, max(0.0, cpu / measured)) if measured > 0 else 0.0
    return ModuleUse(
        name=now.name,
        threads=threads,
        ratio=ratio,
        rate=threads * ratio,
        cpu_per_run=max(0.0, ended / runs) if runs > 0 else 0.0,
    )


def _brief(use: ModuleUse) -> bool:
    """Whether its runs compute for moments only; not while none has ended."""
    return 0.0 < use.cpu_per_run < _BRIEF


def _caps(situation: Situation) -> dict[str, int | None]:
    return {module.name: module.cap for module in situation.modules}


def _lacking(use: ModuleUse, lack: float) -> ModuleUse:
    ratio = min(1.0, use.ratio * lack)
    return msgspec.structs.replace(use, ratio=ratio, rate=use.threads * ratio)


def _scaled(use: ModuleUse, factor: float) -> ModuleUse:
    return msgspec.structs.replace(use, threads=use.threads * factor, rate=use.rate * factor)


def _same_work(known: Estimate, use: ModuleUse) -> bool:
    if known.cpu_per_run <= 0 or use.cpu_per_run <= 0:
        return True  # nothing has ended: there is nothing that speaks against it
    return 1 / _SAME_WORK <= use.cpu_per_run / known.cpu_per_run <= _SAME_WORK

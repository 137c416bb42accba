"""Pure: the sizes of all categories together, within what the house has, and how a change of one is said."""

from __future__ import annotations

from collections import deque

import msgspec

from companion_async.autonomy.decision import Expectation
from companion_async.autonomy.settings import AutonomySettings
from companion_async.autonomy.signals import CategoryGlance, Glance
from companion_async.autonomy.sizer import Sizer
from companion_async.autonomy.sizing import Size, SizeFigures, need
from companion_async.autonomy.verdict import Verdict

ADAPTIVE = "scale.adaptive"
SURPLUS = "scale.surplus"
_USE_WINDOW, _LEAST_SECONDS = 0.5, 0.1
_BUSY, _ONE_AT_MOST = 0.9, 1.5  # threads that change places all the time use some of another processor


class Sizes:
    """One `Sizer` for each category."""

    def __init__(self, settings: AutonomySettings) -> None:
        self._settings = settings
        self._sizers: dict[str, Sizer] = {}
        self._used: deque[tuple[float, float]] = deque()

    def verdicts(self, glance: Glance) -> list[Verdict]:
        """The limits to change. What one category takes of the house the next cannot have: those with urgent work come
        first, then those whose queue is the longest for their slots.
        """
        found, spare = list[Verdict](), glance.spare
        for gone in self._sizers.keys() - glance.categories.keys():
            del self._sizers[gone]
        late = self._late(glance)
        idle = sum(one.idle for one in glance.categories.values())
        for name, one in sorted(glance.categories.items(), key=_pressing):
            signals = one.signals
            sizer = self._sizers.get(name)
            if sizer is None:
                sizer = self._sizers[name] = Sizer(name, one.configured, self._settings)
            # Idle threads elsewhere give way when the house is full, so their places count.
            most = max(signals.limit, one.threads + max(0, spare) + idle - one.idle)
            size = sizer.look(signals, most, self._bar(glance, one), late)
            if size is not None:
                found.append(sized(sizer.figures, size, self._settings))
                spare -= max(0, size.limit - max(signals.limit, one.threads))
            home = surplus(name, one, self._settings)
            if home is not None:
                found.append(home)
        return found

    def _late(self, glance: Glance) -> str | None:
        """Why one whose runs compute must not grow now: more threads would wait for what those there are wait for."""
        lag, load = glance.loop_lag, self._load(glance)
        if lag is not None and lag > self._settings.lag_veto:
            return f"the event loop is {1e3 * lag:.0f} ms late"
        if load >= _BUSY * glance.cores:
            return "all processors are in use"
        return "the interpreter is in use all the time" if glance.gil and _BUSY <= load <= _ONE_AT_MOST else None

    def _load(self, glance: Glance) -> float:
        """The processors that the process has used lately; 0.0 before that is known."""
        used = self._used
        if glance.process_cpu_seconds is None:
            return 0.0
        while used and used[0][0] < glance.now - _USE_WINDOW:
            used.popleft()
        used.append((glance.now, glance.process_cpu_seconds))
        since, before = used[0]
        return (glance.process_cpu_seconds - before) / max(_LEAST_SECONDS, glance.now - since)

    def _bar(self, glance: Glance, one: CategoryGlance) -> str | None:
        """Why the category must not grow now."""
        settings = self._settings
        if one.stuck >= one.signals.limit:
            return "all of its slots are held by runs that do not end"  # more of the same would hang as well
        if glance.memory_fraction is not None and glance.memory_fraction > settings.memory_veto:
            return f"{glance.memory_fraction:.0%} of the memory is in use"
        return None


def _pressing(item: tuple[str, CategoryGlance]) -> tuple[bool, float, str]:
    name, one = item
    return not one.urgent, -one.signals.queued / one.signals.limit, name


def surplus(name: str, one: CategoryGlance, settings: AutonomySettings) -> Verdict | None:
    """Threads beyond the configured number that nobody has needed for a moment go, within a limit that stays: to start
    one again takes a fraction of a millisecond.
    """
    if one.threads <= one.configured or one.longest_idle < settings.surplus_retirement:
        return None
    limit = one.signals.limit
    return Verdict(
        type="scale_down",
        context=name,
        reason=f"A thread beyond the {one.configured} configured has been idle for {one.longest_idle:.0f} s.",
        rule=SURPLUS,
        data={"old": limit, "new": limit, "keep": one.configured, "idle_for": settings.surplus_retirement},
    )


def sized(figures: SizeFigures, size: Size, settings: AutonomySettings) -> Verdict:
    """The change of a limit as a verdict, with all that it rests on."""
    up = size.limit > figures.limit
    data: dict[str, object] = {"old": figures.limit, "new": size.limit, "cause": size.cause}
    return Verdict(
        type="scale_up" if up else "scale_down",
        context=figures.name,
        reason=_reason(figures, size, settings),
        rule=ADAPTIVE,
        data=data if up else {**data, "keep": size.limit, "idle_for": 0.0},
        inputs=msgspec.to_builtins(figures),
        expectation=_expectation(figures, size, settings),
    )


def _expectation(figures: SizeFigures, size: Size, settings: AutonomySettings) -> Expectation | None:
    if size.cause == "downstream":
        throughput = figures.running / figures.service if figures.service else None
        return Expectation("throughput", throughput, throughput and 0.9 * throughput, settings.interval, "up")
    if size.cause == "decline":
        return Expectation("queued", 0, 0, settings.interval, "down")
    return Expectation("queued", figures.queued, figures.queued * figures.limit / size.limit, settings.interval, "down")


def _reason(figures: SizeFigures, size: Size, settings: AutonomySettings) -> str:
    tasks = "1 task waits" if figures.queued == 1 else f"{figures.queued} tasks wait"
    slots = "1 slot" if figures.limit == 1 else f"{figures.limit} slots"
    full = f"All threads busy: {tasks} for {slots}."
    match size.cause:
        case "unknown":
            return f"{full} No run has ended yet, so the need is unknown."
        case "demand":
            wanted = need(figures, settings.drain_seconds) or 0.0
            return (
                f"{full} {figures.arrival_rate:.3g} a second, {(figures.service or 0.0) / figures.stretch:.3g} s each: "
                f"by Little's law {wanted:.1f} slots are needed."
            )
        case "downstream":
            return (
                f"With {slots} busy each run takes {figures.stretch:.2f} times as long as with few: they wait for "
                "something that has a limit of its own. Fewer at once, on trial."
            )
        case "regret":
            return "With fewer slots the runs took no less long, so throughput fell: the cut is taken back."
        case _:
            seconds = settings.reserve_seconds
            working = "" if figures.peak_running is None else f" and {figures.peak_running} at work"
            return (
                f"Low utilization: {figures.peak_need:.1f} of {slots} were needed{working} at most in the last "
                f"{seconds:.0f} s."
            )

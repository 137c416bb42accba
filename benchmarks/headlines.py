"""Pure: of each suite the one row of figures that stands for it: how many times better than each peer ours is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from benchmarks.figures import Summary, better
from benchmarks.goals import GOALS
from benchmarks.report import Report

OURS = "companion"


class Headline(msgspec.Struct, frozen=True, kw_only=True):
    """Above 1 ours is better, whichever way the unit goes. ``reasons`` says of peers without a figure why that is."""

    suite: str
    loop: str
    setting: str
    unit: str
    times: Mapping[str, Summary]
    reasons: Mapping[str, str]


def headlines(reports: Iterable[Report]) -> list[Headline]:
    """One for each suite that compares; of several loops, the last one's."""
    found: dict[str, Headline] = {}
    for one in reports:
        setting = headline_setting(one)
        times = {
            each.peer: each.ratio if better(unit) == "more" else inverted(each.ratio)
            for each in one.comparisons
            if each.ours == OURS and each.setting == setting and each.ratio.low > 0
            for unit in [_unit(one, setting)]
            if better(unit)
        }
        if times:
            reasons = {each.contender: each.reason for each in one.absences if each.setting in ("", setting)}
            found[one.suite] = Headline(
                suite=one.suite,
                loop=one.loop,
                setting=setting,
                unit=_unit(one, setting),
                times=times,
                reasons=reasons,
            )
    return list(found.values())


def headline_setting(one: Report) -> str:
    """What the report says it is, or that of the suite's first goal, or the last that was compared."""
    compared = [each.setting for each in one.comparisons]
    goals = [goal.setting for goal in GOALS if goal.suite == one.suite]
    return next(
        (setting for setting in (one.headline, *goals) if setting in compared), compared[-1] if compared else ""
    )


def inverted(ratio: Summary) -> Summary:
    """How many times ours the peer's figure is."""
    return Summary(1 / ratio.median, 1 / ratio.high, 1 / ratio.low, ratio.count)


def _unit(one: Report, setting: str) -> str:
    return next((each.unit for each in one.measurements if each.setting == setting), "")

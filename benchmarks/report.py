"""What a suite hands back: its figures on one loop, as a struct that goes through JSON between processes."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec

from benchmarks.figures import Comparison, Distribution, Measurement

Progress = Callable[[float], None]
"""Told the share of the work that is done, from 0 to 1."""


class Sample(msgspec.Struct, frozen=True):
    """What the process held at one moment: live threads, and resident memory in bytes after a garbage collection."""

    moment: str
    threads: int
    resident: float


class Verdict(msgspec.Struct, frozen=True):
    """A goal beside what was measured. The median decides; ``sure`` where the whole middle half agrees with it."""

    goal: str
    ours: str
    measured: str
    reached: bool
    sure: bool = True


class Absence(msgspec.Struct, frozen=True):
    """Why a contender has no figure: not installed, or without what is measured. No setting means none of them."""

    contender: str
    reason: str
    setting: str = ""


class Curve(msgspec.Struct, frozen=True):
    """One line of a chart. ``low`` and ``high``, if given, bound the middle half of the rounds at each ``x``."""

    name: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()


class Chart(msgspec.Struct, frozen=True, kw_only=True):
    """What is plotted over an axis of numbers; ``x`` and ``y`` name the axes, with their units.

    ``steps`` draws what holds until the next point, such as a limit over time. ``goal`` is a level to be reached, and
    ``ours`` the curves to be seen first.
    """

    title: str
    x: str
    y: str
    curves: tuple[Curve, ...]
    log_x: bool = False
    log_y: bool = False
    steps: bool = False
    goal: float | None = None
    ours: tuple[str, ...] = ("companion",)
    caption: str = ""


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """One suite on one event loop.

    ``asks`` is the question that the suite answers, and ``says_not`` what nobody should read out of its figures: a
    sentence each. ``headline`` is the setting that stands for the suite where there is room for one only; without it,
    that of its first goal. ``configurations`` says of each contender how it was set up. ``spent`` are the seconds of
    its turns, and ``seconds`` those of the suite.
    """

    suite: str
    loop: str
    asks: str = ""
    says_not: str = ""
    headline: str = ""
    measurements: tuple[Measurement, ...] = ()
    comparisons: tuple[Comparison, ...] = ()
    verdicts: tuple[Verdict, ...] = ()
    samples: tuple[Sample, ...] = ()
    charts: tuple[Chart, ...] = ()
    distributions: tuple[Distribution, ...] = ()
    absences: tuple[Absence, ...] = ()
    configurations: dict[str, str] = {}
    notes: tuple[str, ...] = ()
    seconds: float = 0.0
    spent: dict[str, float] = {}


def told(absences: Iterable[Absence]) -> list[str]:
    """A sentence for each reason, with all whom it holds for."""
    names: dict[tuple[str, str], list[str]] = {}
    for one in absences:
        names.setdefault((one.setting, one.reason), []).append(one.contender)
    return [
        f"{', '.join(whom)}{f' at {setting}' if setting else ''}: {reason}" for (setting, reason), whom in names.items()
    ]

"""What a suite hands back: its figures on one loop, as a struct that goes through JSON between processes."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from benchmarks.figures import Comparison, Measurement

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


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """One suite on one event loop."""

    suite: str
    loop: str
    measurements: tuple[Measurement, ...] = ()
    comparisons: tuple[Comparison, ...] = ()
    verdicts: tuple[Verdict, ...] = ()
    samples: tuple[Sample, ...] = ()
    notes: tuple[str, ...] = ()
    seconds: float = 0.0

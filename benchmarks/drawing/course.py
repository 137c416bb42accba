"""What a process held from moment to moment: resident memory as bars, the number of threads beside them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from benchmarks.drawing.style import INK, OURS_DEEP, plain_axis
from benchmarks.report import Sample

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MIB = 2**20


def draw(samples: Sequence[Sample]) -> Figure:
    """Moments from the top down, as they came."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 0.9 + 0.3 * len(samples)))
    axes = figure.subplots()
    heights = [one.resident / _MIB for one in samples]
    places = list(range(len(samples)))[::-1]
    axes.barh(places, heights, height=0.62, color=OURS_DEEP)
    for place, height, one in zip(places, heights, samples, strict=True):
        said = f"{height:.1f} MiB, {one.threads} thread{'' if one.threads == 1 else 's'}"
        axes.annotate(said, (height, place), (6, 0), "data", "offset points", va="center", fontsize=8, color=INK)
    axes.set_yticks(places, [one.moment for one in samples])
    axes.set_xlim(0, 1.35 * max(heights))
    axes.set_xlabel("resident memory, MiB", fontsize=8)
    axes.grid(visible=False, axis="y")
    plain_axis(axes, "x")
    return figure

"""How much longer computing takes where several compete, and what is left when that is taken out."""

from __future__ import annotations

import pytest

from companion_async.autonomy.governor import ModuleUse, computing_share, slowdown


def use(threads: float, ratio: float) -> ModuleUse:
    return ModuleUse(name="m", threads=threads, ratio=ratio, rate=threads * ratio, cpu_per_run=0.01)


@pytest.mark.parametrize(
    ("uses", "rest", "lanes", "low", "high"),
    [
        ([], 0.0, 1.0, 1.0, 1.0),
        ([use(1.0, 1.0)], 0.0, 1.0, 1.0, 1.0),
        ([use(8.0, 1 / 8)], 0.0, 1.0, 7.9, 8.0),
        ([use(8.0, 0.25)], 0.0, 2.0, 3.9, 4.0),
        ([use(10.0, 0.01)], 0.0, 1.0, 1.0, 1.2),
        ([use(1.0, 0.5)], 0.5, 1.0, 1.9, 2.0),
        ([use(2.0, 0.48), use(8.0, 0.005)], 0.0, 1.0, 2.0, 2.5),
    ],
)
def test_the_slowdown_is_the_number_of_threads_that_want_to_compute(
    uses: list[ModuleUse], rest: float, lanes: float, low: float, high: float
) -> None:
    """Per lane; and 1 where nobody competes."""
    assert low <= slowdown(uses, rest, lanes) <= high


@pytest.mark.parametrize(
    ("ratio", "stretch", "share"),
    [(0.0, 1.0, 0.0), (0.5, 1.0, 0.5), (0.125, 8.0, 1.0), (0.1, 2.0, 1 / 9), (1.0, 9.0, 1.0)],
)
def test_waiting_for_the_lock_is_taken_out_of_the_wall_time(ratio: float, stretch: float, share: float) -> None:
    """Wall time is computing, stretched, and waiting; the share is computing over both, unstretched."""
    assert computing_share(ratio, stretch) == pytest.approx(share)

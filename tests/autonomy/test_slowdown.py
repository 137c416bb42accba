"""How much longer computing takes where several compete, and what is left when that is taken out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

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


@given(
    st.lists(st.tuples(st.floats(0.0, 9.0), st.floats(0.0, 1.0)), max_size=20),
    st.floats(0.0, 1.0),
    st.sampled_from([1.0, 2.0, 8.0]),
)
def test_it_is_the_largest_at_which_the_threads_account_for_the_load(
    uses: list[tuple[float, float]], rest: float, lanes: float
) -> None:
    """Nine tenths of it, each thread computing at most its part of the time; told by going through all of them."""
    found = slowdown([use(threads, ratio) for threads, ratio in uses], rest, lanes)
    present = [pair for pair in [*uses, (1.0, rest)] if pair[0] > 0 and pair != (1.0, 0.0)]
    load = sum(threads * ratio for threads, ratio in present) / lanes
    most = max(1.0, sum(threads for threads, _ in present) / lanes)
    if load >= 0.8:

        def explained(factor: float) -> float:
            return sum(threads * min(1 / factor, ratio / load) for threads, ratio in present) / lanes

        assert 1.0 <= found <= most
        assert found < 1.0 + 1e-9 or explained(found * (1 - 1e-9)) >= 0.9 - 1e-6
        assert found > most - 1e-9 or explained(found * (1 + 1e-9)) <= 0.9 + 1e-6


@pytest.mark.parametrize(
    ("ratio", "stretch", "share"),
    [(0.0, 1.0, 0.0), (0.5, 1.0, 0.5), (0.125, 8.0, 1.0), (0.1, 2.0, 1 / 9), (1.0, 9.0, 1.0)],
)
def test_waiting_for_the_lock_is_taken_out_of_the_wall_time(ratio: float, stretch: float, share: float) -> None:
    """Wall time is computing, stretched, and waiting; the share is computing over both, unstretched."""
    assert computing_share(ratio, stretch) == pytest.approx(share)

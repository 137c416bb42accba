"""The suite on events measures what it says."""

from __future__ import annotations

from benchmarks.suites.events import LISTENERS, contenders


def test_each_contender_tells_as_many_as_the_setting_says():
    """Ours and the queues reach every listener; with nobody there nothing is reached, by anybody."""
    for setting, count in LISTENERS.items():
        found = list(contenders(setting, count))
        assert [name for name, _, _ in found][:2] == ["companion", "queue per subscriber"]
        for _, where, act in found:
            assert where == setting
            for number in range(150):
                act(number)

"""Time of the tests of memory: it stands at one moment until a test moves it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC).timestamp()
DAY = 86_400.0


class Clock:
    """A `Clock` for what only asks for the time."""

    def __init__(self):
        self.now = NOW

    def time(self):
        return self.now

    monotonic = time

    def passes(self, **span):
        self.now += timedelta(**span).total_seconds()


@pytest.fixture
def clock():
    return Clock()

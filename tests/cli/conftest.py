"""Commands that a busy machine may keep waiting."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def time_enough(monkeypatch):
    """A run that takes longer than its usual limit, since the machine is busy, is no fault of the command."""
    monkeypatch.setenv("COMPANION_DEFAULT_TIMEOUT", "200")

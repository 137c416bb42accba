"""The pytest plugin: installed with the package, it hands a test the fixture ``virtual_clock``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from companion_async.testing.clock import VirtualClock


@pytest.fixture
def virtual_clock() -> VirtualClock:
    """A clock that stands still until the test advances it; pass it as ``clock=``."""
    # Imported on use: every pytest run of every project that has this package installed loads the plugin.
    from companion_async.testing.clock import VirtualClock

    return VirtualClock()

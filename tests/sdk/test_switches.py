"""The documents' two ways to see the log of the library."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

PROGRAM = """
import logging, os
{switch}
from companion_async.sdk import ConcurrentModuleManager
with ConcurrentModuleManager({{}}):
    pass
"""


@pytest.mark.feature("PX-05")
@pytest.mark.parametrize(
    ("switch", "shown"),
    [
        ("pass", False),
        ("os.environ['CONCURRENT_FRAMEWORK_LOG_LEVEL'] = 'DEBUG'", True),
        ("logging.getLogger('concurrent_framework').setLevel(logging.DEBUG)", True),
    ],
    ids=["nothing", "environment", "logger"],
)
def test_the_log_is_shown_when_it_was_asked_for(switch, shown):
    """Each of the two turns it on for the facades made after it; without either the library says nothing."""
    env = {name: value for name, value in os.environ.items() if name != "CONCURRENT_FRAMEWORK_LOG_LEVEL"}
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(switch=switch)],
        env=env | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert ("is up" in ended.stderr and "has shut down" in ended.stderr) is shown
    assert bool(ended.stderr) is shown

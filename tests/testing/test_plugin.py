"""The pytest plugin in a project of somebody else."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

SAMPLE = """
import asyncio
def test_time_stands_still(virtual_clock):
    assert virtual_clock.monotonic() == virtual_clock.monotonic()
def test_each_test_has_its_own(virtual_clock):
    async def step():
        virtual_clock.call_later(5, lambda: None)
        await virtual_clock.advance(5)
    assert virtual_clock.monotonic() == 0
    asyncio.run(step())
    assert virtual_clock.monotonic() == 5
"""


@pytest.mark.feature("X-14")
def test_the_plugin_serves_a_project_with_nothing_of_ours(tmp_path: Path) -> None:
    """Plain pytest without our conftest and without pytest-asyncio: the fixture is there, and fresh for each test."""
    (tmp_path / "test_sample.py").write_text(SAMPLE)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    plugin = project["entry-points"]["pytest11"]["companion_async"]
    options = ["-p", plugin, "-p", "no:asyncio", "-p", "no:cacheprovider", "-W", "error", "-o", f"pythonpath={ROOT}"]
    # The installed entry point would be a second registration of the same module.
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:companion_async", *options, "test_sample.py"]
    done = subprocess.run(
        command, cwd=tmp_path, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False
    )
    assert "2 passed" in done.stdout, done.stdout + done.stderr

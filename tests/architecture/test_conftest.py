"""The guard rails in ``tests/conftest.py`` hold: what leaks is found, what is tidy passes."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

TIDY = """
import asyncio, threading, anyio
async def test_worker():
    await anyio.to_thread.run_sync(int)
async def test_executor():
    await asyncio.to_thread(int)
async def test_cancelled_task():
    asyncio.create_task(asyncio.Event().wait()).cancel()
def test_thread():
    threading.Thread(target=int).start()
"""
LEAKS = """
import asyncio, threading
async def test_task():
    task = asyncio.create_task(asyncio.Event().wait())
async def test_report():
    asyncio.get_running_loop().call_soon(lambda: 1 / 0)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
async def test_never_awaited():
    asyncio.sleep(1)
def test_thread_raises():
    thread = threading.Thread(target=lambda: 1 / 0)
    thread.start()
    thread.join()
def test_thread():
    threading.Thread(target=threading.Event().wait, daemon=True).start()
"""


def run(folder: Path, text: str) -> str:
    rails = (ROOT / "tests" / "conftest.py").read_text()
    (folder / "conftest.py").write_text(rails.replace("_THREAD_GRACE = 30.0", "_THREAD_GRACE = 2.0"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    (folder / "test_sample.py").write_text(text)
    command = [sys.executable, "-m", "pytest", "test_sample.py", "-p", "no:cacheprovider", "-o", f"pythonpath={ROOT}"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False).stdout


def test_tidy_tests_pass(tmp_path: Path) -> None:
    """Workers of anyio and asyncio, a cancelled task and a thread that ends are no leaks; async tests run twice."""
    assert "7 passed in" in run(tmp_path, TIDY)


def test_every_leak_fails_its_test(tmp_path: Path) -> None:
    """A task, a thread, a report to the loop, a coroutine never awaited, an error in a thread: each on each loop."""
    output = run(tmp_path, LEAKS)
    for name in ("test_task", "test_report", "test_never_awaited"):
        for loop in ("asyncio", "uvloop"):
            assert f"::{name}[{loop}] - " in output
    for name in ("test_thread_raises", "test_thread"):
        assert f"::{name} - " in output
    assert "left threads running" in output
    assert "left asyncio tasks running" in output

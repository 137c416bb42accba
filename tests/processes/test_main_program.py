"""The user's main program is imported by processes only where something in it is wanted, and never started over."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

PROGRAM = """
import asyncio, os
from companion_async import Brain, RestartPolicy, TaskCancelledError

print("imported by", os.getpid(), flush=True)

def where():
    return os.getpid()

async def main():
    async with Brain() as brain:
        await brain.register("m", {module}, offload="process")
        try:
            print("ran in", await brain.submit("m", {target}), flush=True)
        except TaskCancelledError:
            print(brain.module_status("m").errors[0].message)

{guard}asyncio.run(main())
"""


def run_program(tmp_path: Path, **parts: str) -> subprocess.CompletedProcess[str]:
    path = tmp_path / "program.py"
    path.write_text(PROGRAM.format(**parts))
    env = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "error"}
    return subprocess.run(
        [sys.executable, str(path)], env=env, capture_output=True, encoding="utf-8", check=False, timeout=200
    )


@pytest.mark.feature("X-04")
@pytest.mark.slow
def test_the_main_program_is_imported_only_when_it_is_wanted(tmp_path):
    """Its functions run in processes, which import it without running what its guard guards; who does not need it does
    not import it, guarded or not. Nothing is left over, no warning is written.
    """
    guard = 'if __name__ == "__main__": '
    done = run_program(tmp_path, module="where", target='"run"', guard=guard)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("imported by") == 2
    done = run_program(tmp_path, module="os.getpid", target='"run"', guard="")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("imported by") == 1


@pytest.mark.slow
def test_a_main_program_without_a_guard_is_told_so(tmp_path):
    """Imported by its own process, it would start over: it is refused there, the module quarantined, and the program
    ends.
    """
    alone = "restart=RestartPolicy(max_restarts=0)"
    done = run_program(tmp_path, module=f"where, {alone}", target='"run"', guard="")
    assert "if __name__ == '__main__'" in done.stdout, done

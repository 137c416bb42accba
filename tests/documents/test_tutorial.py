"""The tutorial, typed as it stands."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.documents.documents import commands, is_output, snippets

ROOT = Path(__file__).parents[2]
TUTORIAL = (ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")
MADE_BEFORE = ("python3", "pip", ".", "mkdir")  # the environment that runs the tests, and the folder

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(180),
    pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed"),
]


@pytest.fixture
def desk(tmp_path):
    """A folder with the files that the tutorial has its reader save, and an environment with its commands."""
    for snippet in snippets("tutorial.md", TUTORIAL):
        (tmp_path / snippet.file).write_text(snippet.text, encoding="utf-8")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return tmp_path, {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}


@pytest.fixture
def serve(desk):
    """Start a server as a command says; it ends with the test, as by Ctrl-C."""
    folder, env = desk
    servers = []

    def start(line):
        process = subprocess.Popen(line.split(), cwd=folder, env=env, stderr=subprocess.PIPE, text=True)
        servers.append(process)
        assert process.stderr is not None
        for said in process.stderr:
            if "Uvicorn running" in said:
                return
        pytest.fail(f"{line} did not start")

    yield start
    for process in servers:
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=30)
        assert "Application shutdown complete" in said


@pytest.mark.feature("PX-08")
def test_what_it_says_happens(desk, serve):
    """Every command of the tutorial gives what stands below it, in the order in which they are typed."""
    folder, env = desk
    typed = 0
    for command in commands(TUTORIAL):
        program = command.words[0]
        if program in MADE_BEFORE:
            continue
        if program == "uvicorn":
            serve(command.line)
            continue
        done = subprocess.run(
            command.words, cwd=folder, env=env, capture_output=True, text=True, check=False, timeout=60
        )
        assert done.returncode == 0, done.stderr
        assert is_output(command.output, done.stdout), f"{command.line}\n{done.stdout}"
        typed += 1
    assert typed >= 10

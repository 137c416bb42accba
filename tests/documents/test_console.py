"""The commands of `companion` that the documents show, typed as they stand, in a home that is empty."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.patience import PATIENCE
from tests.documents.documents import Command, commands

ROOT = Path(__file__).parents[2]
SHOWN = [
    (path.relative_to(ROOT).as_posix(), command)
    for path in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))
    if path.name != "tutorial.md"  # which has a test of its own
    for command in commands(path.read_text(encoding="utf-8"))
    if command.words[:1] in (["companion"], ["curl"])
]
SERVED = "127.0.0.1:8765"
"""Where the documents have their server; the one of the tests is on a free port."""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(180),
    pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed"),
]


@pytest.fixture(scope="module")
def env(tmp_path_factory) -> dict[str, str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    home = str(tmp_path_factory.mktemp("home"))
    return {**os.environ, "HOME": home, "PATH": path, "PYTHONPATH": str(ROOT), "COLUMNS": "120"}


@pytest.fixture(scope="module")
def address(env) -> Iterator[str]:
    """A server, started by the command that the documents have for it."""
    (line,) = (command.line for _, command in SHOWN if command.words[1] == "serve")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    words = [*Command(line).words, "--port", str(port)]
    server = subprocess.Popen(words, cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    assert f"http://127.0.0.1:{port}" in server.stdout.readline()
    yield f"127.0.0.1:{port}"
    server.terminate()
    server.communicate(timeout=PATIENCE)
    assert server.returncode == 0


@pytest.mark.feature("PX-08")
@pytest.mark.parametrize(("document", "command"), SHOWN, ids=lambda each: getattr(each, "line", each))
def test_what_is_shown_can_be_typed(document, command, env, address):
    """Each ends well and says something of its kind; watching and listening are broken off as their reader would."""
    words = [word.replace(SERVED, address) for word in command.words]
    match words[1]:
        case "serve":
            return  # the fixture has typed it
        case "top":
            see_the_screen(words, env)
        case "-N":
            assert re.search(listen(words, env, address), command.output.splitlines()[1])
        case "chat":
            assert type_in(words, env, "What is a slot?\n").count("you> ") == 1
        case "ask":
            assert "[1]" in type_in(words, env)
        case "status" | "decisions" | "modules":
            said = type_in([*words, *(() if "--url" in words else ("--url", f"http://{address}"))], env)
            assert isinstance(json.loads(said), list) if "--json" in words else "model_router" in said
        case other:
            pytest.fail(f"{document} shows {other}, and nobody knows what it should say")


def type_in(words: list[str], env: dict[str, str], lines: str = "") -> str:
    done = subprocess.run(
        words, cwd=ROOT, env=env, input=lines, capture_output=True, text=True, timeout=3 * PATIENCE, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def listen(words: list[str], env: dict[str, str], address: str) -> str:
    """The kind of the first event after a task was submitted, as a line of the stream."""
    listener = subprocess.Popen(words, env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert listener.stdout is not None
    with contextlib.closing(listener.stdout):
        listener.stdout.readline()  # the stream has begun
        question = urllib.request.Request(
            f"http://{address}/api/ask", b'{"question": "What is a slot?"}', {"Content-Type": "application/json"}
        )
        urllib.request.urlopen(question, timeout=PATIENCE).close()
        kind = next(line for line in listener.stdout if line.startswith("event:"))
        listener.kill()
        listener.wait()
    return kind.strip()


def see_the_screen(words: list[str], env: dict[str, str]) -> None:
    terminal = pytest.importorskip("tests.cli.terminal").Terminal(words, **env)
    try:
        terminal.see("q ends")
        terminal.type("q")
        assert terminal.process.wait(PATIENCE) == 0
    finally:
        terminal.close()

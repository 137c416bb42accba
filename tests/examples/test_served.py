"""The chat backends as their docstrings say that they are served, asked by an HTTP client of another process."""

from __future__ import annotations

import json
import os
import re
import shlex
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

ROOT = Path(__file__).parents[2]

pytestmark = [pytest.mark.slow]


@contextmanager
def served(name: str) -> Iterator[httpx2.Client]:
    """The example behind the command that its docstring names, on a port that is free."""
    docstring = (ROOT / "examples" / name).read_text(encoding="utf-8").split('"""')[1]
    match = re.search(r"^Serve it with: +(.*?)(?: {2,}.*)?$", docstring, re.MULTILINE)
    assert match, docstring
    program, *rest = shlex.split(match[1])
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
    command = [sys.executable, *(rest if program == "python" else ["-m", program, *rest])]
    command = [port if word == "8000" else word for word in command]
    if port not in command:
        command += ["--port", port]
    env = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        command, cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            assert process.stdout is not None
            said = next((line for line in process.stdout if "unning on http" in line), "")
            assert said, "the example did not come up"
            with httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
                yield client
        finally:
            process.terminate()
            process.communicate(timeout=30)


@pytest.mark.feature("CB-31", "CB-56", "U-1")
@pytest.mark.parametrize("name", ["chat_fastapi.py", "chat_aiohttp.py"])
def test_a_client_chats_and_looks_at_the_threads(name):
    """The answer comes in lines, its sources last; status and decisions answer as the documents have them."""
    with served(name) as client:
        question = {"text": "What happens to a run that passes its limit?"}
        with client.stream("POST", "/chat", json=question) as answer:
            assert answer.headers["transfer-encoding"] == "chunked"
            *pieces, last = [json.loads(line) for line in answer.iter_lines()]
        assert len("".join(piece["text"] for piece in pieces)) > 40
        assert last["sources"]
        assert client.get("/words").json() > 100
        status = client.get("/companion/api/threads/status").json()
        assert status["success"] is True
        assert status["data"]["module_threads"]["words"]["tasks_completed"] == 1
        decisions = client.get("/companion/api/threads/decisions").json()
        assert decisions["success"] is True
        assert isinstance(decisions["data"], list)
        page = client.get("/companion/")
        assert page.headers["content-type"].startswith("text/html")

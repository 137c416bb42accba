"""`companion serve`, as a process of its own."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager

import pytest

from companion_async.cli import app as cli
from companion_async.cli.process import FAILED, INTERRUPTED, MISUSED, OK
from tests.cli.patience import PATIENCE

pytestmark = pytest.mark.feature("CB-31", "CB-57")

SERVE = "from companion_async.cli.app import main; main()"
# The same command, with a module whose work neither ends nor heeds anything.
STUBBORN = """
import threading
from companion_async.companion.companion import CompanionBrain
start = CompanionBrain.start
async def start_with_stubborn(self):
    await start(self)
    await self.register("stubborn", lambda: threading.Event().wait(), category="advanced")
    return self
CompanionBrain.start = start_with_stubborn
from companion_async.cli.app import main
main()
"""


@contextmanager
def serving(*options, code=SERVE, **environment):
    """The process, and the port that it says it listens on."""
    command = [sys.executable, "-c", code, "serve", "--port", "0", *options]
    env = {**os.environ, **environment}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env)
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        line = process.stdout.readline()
        found = re.fullmatch(r"Serving on http://127\.0\.0\.1:(\d+) .*\n", line)
        assert found, line + process.stderr.read()
        yield process, int(found[1])
    finally:
        process.kill()
        process.communicate()


def begun(port, task):
    """Wait until it runs: a task that has not begun is cancelled at the end, and leaves nothing to be named."""
    patience = time.monotonic() + 60
    while ask(port, "GET", f"/api/tasks/{task}")[1]["data"]["state"] != "running":
        assert time.monotonic() < patience


def ask(port, method, path, body=None, token=None):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    headers = {"authorization": f"Bearer {token}"} if token else {}
    if body is not None:
        headers["content-type"] = "application/json"
    try:
        connection.request(method, path, json.dumps(body) if body is not None else None, headers)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


def ended(process):
    """What it says as it ends, asked to; how long it may take is its grace, or a matter of the test."""
    process.send_signal(signal.SIGTERM)
    return process.communicate(timeout=PATIENCE)[1]


def test_it_serves_answers_and_ends(tmp_path, capsys):
    """It reads, answers with sources, is watched by our own commands, and ends at once with code 0 on SIGTERM."""
    (tmp_path / "tea.md").write_text("# Tea\n\nGreen tea is brewed with water of 70 degrees.\n")
    with serving("--docs", str(tmp_path), "--grace", "600") as (process, port):
        status, told = ask(port, "POST", "/api/ask", {"question": "How hot is the water for green tea?"})
        assert status == 200
        assert "70 degrees" in told["data"]["answer"]
        assert told["data"]["sources"]
        url = f"http://127.0.0.1:{port}"
        for command in ("status", "modules", "decisions"):
            assert cli._outcome([command, "--url", url]) == OK, command
            assert cli._outcome([command, "--url", url, "--json"]) == OK, command
        assert "search_engine" in capsys.readouterr().out
        err = ended(process)
        assert (process.returncode, err.count("\n")) == (OK, 1)
        assert "ended after" in err


def test_a_token_from_the_environment_is_asked_for(capsys):
    """With COMPANION_TOKEN set nobody gets in without it; our own commands take it from there too."""
    with serving("--grace", "600", COMPANION_TOKEN="a-token") as (process, port):
        assert ask(port, "GET", "/api/modules")[0] == 401
        assert ask(port, "GET", "/api/modules", token="a-token")[0] == 200
        url = f"http://127.0.0.1:{port}"
        assert cli._outcome(["status", "--url", url]) == FAILED
        assert "wants a token" in capsys.readouterr().err
        assert cli._outcome(["status", "--url", url, "--token", "a-token"]) == OK
        ended(process)


@pytest.mark.feature("X-12")
def test_it_ends_within_its_grace_and_a_second_more_whatever_is_open():
    """With a stream open and work that heeds nothing: the stream is ended, the work named, and the code is not 0."""
    # Of four tries one must keep to its time: a busy machine may hold up any process.
    assert any(ends_in_time_whatever_is_open() for _ in range(4))


def ends_in_time_whatever_is_open():
    """Whether it has; only then its end is looked at, since it may break off what it was saying to keep to it."""
    with serving("--grace", "1", code=STUBBORN) as (process, port):
        status, accepted = ask(port, "POST", "/api/tasks", {"module": "stubborn", "timeout": None})
        assert status == 202
        begun(port, accepted["data"]["id"])
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        connection.request("GET", "/api/events")
        stream = connection.getresponse()
        assert stream.readline().startswith(b"retry")
        began = time.monotonic()
        err = ended(process)
        if time.monotonic() - began > 2.0 + 1.0:  # the third second is the machine's, to collect the process
            connection.close()
            return False
        assert b"event: end" in stream.read()
        stream.close()
        connection.close()
        assert process.returncode == FAILED
        assert f"stubborn (task {accepted['data']['id']}" in err
        assert "Traceback" not in err
        return True


def test_asked_twice_it_ends_at_once():
    """The second signal does not wait for the grace."""
    with serving("--grace", "30", code=STUBBORN) as (process, port):
        _, accepted = ask(port, "POST", "/api/tasks", {"module": "stubborn", "timeout": None})
        begun(port, accepted["data"]["id"])
        process.send_signal(signal.SIGINT)
        refused = None
        while refused is None:  # until it is heard: then nobody listens any more
            try:
                socket.create_connection(("127.0.0.1", port), timeout=5).close()
            except OSError as error:
                refused = error
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=25)
        assert process.returncode == INTERRUPTED
        assert "a second time" in err


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (("--host", "0.0.0.0"), "COMPANION_TOKEN"),
        (("--host", "::"), "COMPANION_TOKEN"),
        (("--port", "70000"), "--port"),
        (("--port", "-1"), "--port"),
        (("--grace", "nan"), "--grace"),
        (("--docs", "/no/such/place"), "/no/such/place"),
        (("--token", "two words"), "token must be"),
        (("--config", "/no/such/file.toml"), "cannot be read"),
    ],
)
def test_what_must_not_be_served_is_one_line_and_exit_2(argv, said, capsys):
    """Beyond this machine only with a token; nothing is started for a mistake."""
    assert cli._outcome(["serve", *argv]) == MISUSED
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert said in err


def test_a_port_that_is_taken_is_one_line_and_exit_1(capsys):
    """Somebody else listens there already."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        assert cli._outcome(["serve", "--port", str(port)]) == FAILED
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert f"cannot listen on 127.0.0.1:{port}" in err


def test_without_the_server_it_says_what_to_install(monkeypatch, capsys):
    """One line with the one to type."""
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    assert cli._outcome(["serve"]) == FAILED
    assert "pip install 'companion-async[serve]'" in capsys.readouterr().err

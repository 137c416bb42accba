from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.cli.patience import PATIENCE
from tests.cli.terminal import Terminal, own_terminal, pty
from tests.cognition.model_router.model_server import serving

pytestmark = [pytest.mark.feature("CB-57"), pytest.mark.timeout(180)]

COMMAND = [sys.executable, "-c", "from companion_async.cli.app import main; main()", "chat", "--docs"]


@pytest.fixture
def documents(tmp_path):
    (tmp_path / "tea.md").write_text("# Tea\n\nGreen tea is brewed with water of 70 degrees.\n", encoding="utf-8")
    return str(tmp_path)


def test_lines_from_a_pipe_are_answered_to_their_end(documents):
    """Each line of a pipe is a question; the end of the pipe ends the chat well."""
    talk = "How hot should water for green tea be?\n\n/history\n/new\n/history\n/nope\n"
    done = subprocess.run(
        [*COMMAND, documents], input=talk, capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert done.returncode == 0
    assert done.stdout.startswith(
        "you> How hot should water for green tea be?\n  Green tea is brewed with water of 70 deg"
    )
    assert done.stdout.count("user: How hot") == 1
    assert done.stderr == "companion: there is no /nope; /help lists what there is.\n"


@pytest.fixture
def terminal(documents):
    opened = []

    def open_terminal(**env):
        opened.append(Terminal([*COMMAND, documents], **env))
        return opened[-1]

    yield open_terminal
    for each in opened:
        each.close()


def test_a_conversation_at_a_terminal(terminal):
    """There is a prompt, answers come under their questions, and Ctrl-D ends it with code 0."""
    chat = terminal()
    chat.see("you> ")
    chat.type("How hot should water for green tea be?\n")
    assert "70 degrees" in chat.see("embedded-extractive in")
    chat.see("you> ")
    chat.type("/threads\n")
    assert "context_manager" in chat.see("threads started")
    chat.see("you> ")
    chat.type("\x04")
    assert chat.process.wait(PATIENCE) == 0


def test_ctrl_c_clears_the_line_and_on_an_empty_one_ends_it(terminal):
    """What was half typed is not asked; where nothing is typed and nothing runs the chat ends well."""
    chat = terminal()
    chat.see("you> ")
    chat.type("How hot")
    chat.see("How hot")
    assert "companion" not in chat.interrupt(lambda: chat.see("you> ", 15.0))
    assert chat.interrupt(lambda: chat.process.wait(10)) == 0


def test_lines_end_without_blanks_on_a_terminal_too(terminal):
    """A table's lines are not filled up: what is marked and copied is what was written."""
    chat = terminal()
    chat.see("you> ")
    chat.type("How hot should water for green tea be?\n/threads\n")
    page = chat.see("threads started")
    assert "context_manager" in page
    plain = re.sub(r"\x1b\[[0-9;]*m", "", page)
    assert not [line for line in plain.split("\r\n")[:-1] if line.endswith(" ")]


def test_an_end_behind_half_a_line_is_an_end(documents):
    """Where standard output is no terminal there is no line editing: Ctrl-D twice asks what stands there and ends."""
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [*COMMAND, documents],
        stdin=slave,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=lambda: own_terminal(slave),
    )
    os.close(slave)
    os.write(master, b"How hot should water for green tea be?\x04\x04")
    out, _ = process.communicate(timeout=PATIENCE)
    os.close(master)
    assert process.returncode == 0
    assert b"70 degrees" in out


@pytest.mark.skipif(importlib.util.find_spec("openai") is None, reason="the extra llm is not installed")
@pytest.mark.feature("CB-56")
def test_a_models_words_come_as_they_are_written_and_ctrl_c_stops_them(terminal):
    """The first words stand on the page while the model still writes; Ctrl-C stops it and gives the prompt back."""
    gate = threading.Event()
    with serving(words=("Seventy", " degrees [1]."), gate=gate) as server:
        endpoint = {"name": "here", "model": "m", "base_url": f"{server.url}/v1"}
        chat = terminal(COMPANION_MODELS__ENDPOINTS=json.dumps([endpoint]))
        chat.see("you> ")
        chat.type("How hot should water for green tea be?\n")
        chat.see("Seventy")
        chat.type("\x03")
        chat.see("(stopped)")
        assert server.hung_up.wait(30)
        gate.set()
        chat.see("you> ")
        chat.type("How hot should water for green tea be?\n")
        page = chat.see("here in ")
        assert "Seventy degrees [1]." in page
        assert "tea.md" in page
        chat.see("you> ")
        chat.type("/quit\n")
        assert chat.process.wait(PATIENCE) == 0


@pytest.fixture
def server(documents):
    """A served companion that has read the documents, as the process, and its address."""
    serve = [*COMMAND[:-2], "serve", "--port", "0", "--docs", documents]
    process = subprocess.Popen(serve, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert process.stdout is not None
    found = re.search(r"http://\S+:\d+", process.stdout.readline())
    assert found
    yield process, found[0]
    process.kill()
    process.communicate()


def talk_to(url, talk):
    command = [*COMMAND[:-1], "--url", url]
    env = {**os.environ, "COLUMNS": "200"}
    return subprocess.run(command, input=talk, capture_output=True, text=True, timeout=PATIENCE, check=False, env=env)


def test_a_running_server_is_talked_to(server):
    """Its answers come with their sources, earlier questions count, and /new and /history are about this chat."""
    _, url = server
    talk = "How hot should water for green tea be?\nAnd how is it brewed?\n/history\n/new\n/history\n/threads\n/nope\n"
    done = talk_to(url, talk)
    assert done.returncode == 0
    assert done.stdout.count("Green tea is brewed with water of 70 deg") >= 2
    assert "tea.md" in done.stdout
    assert (done.stdout.count("user: "), done.stdout.count("assistant: ")) == (2, 2)
    assert "context_manager" in done.stdout
    assert done.stderr == "companion: there is no /nope; /help lists what there is.\n"
    other = talk_to(url, "/history\n")
    assert (other.returncode, other.stdout) == (0, "")


def test_a_server_that_goes_is_told_in_one_line(server):
    """At a terminal the chat stays and says so, each time that it is asked; Ctrl-D ends it. A pipe ends with code 1."""
    process, url = server
    chat = Terminal([*COMMAND[:-1], "--url", url])
    try:
        chat.see("you> ")
        chat.type("How hot should water for green tea be?\n")
        assert "70 degrees" in chat.see("embedded-extractive in")
        chat.see("you> ")
        process.kill()
        process.wait()
        chat.type("And black tea?\n")
        assert chat.see("companion serve").count("companion: no server answers at") == 1
        chat.see("you> ")
        chat.type("\x04")
        assert chat.process.wait(PATIENCE) == 0
    finally:
        chat.close()
    done = talk_to(url, "Why?\n")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)


def test_a_server_and_documents_are_one_too_many():
    """What is read is the server's to say; the misuse is one line and code 2, as is an address that is none."""
    for rest in (["--url", "http://127.0.0.1:1", "--docs", "."], ["--url", "here"]):
        done = subprocess.run([*COMMAND[:-1], *rest], capture_output=True, text=True, timeout=PATIENCE, check=False)
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
        assert "--url" in done.stderr


def test_pieces_of_a_server_and_its_silence(own_answers):
    """Pieces come as they are sent; Ctrl-C stops the answer by hanging up; a stream that breaks off is told so."""
    url, gate, hung_up = own_answers
    chat = Terminal([*COMMAND[:-1], "--url", url])
    try:
        chat.see("you> ")
        chat.type("stop\n")
        chat.see("Seventy")
        chat.type("\x03")
        chat.see("(stopped)")
        gate.set()
        assert hung_up.wait(30)
        chat.see("you> ")
        chat.type("break\n")
        chat.see("went away in the middle of its answer")
        chat.see("you> ")
        chat.type("whole\n")
        assert "Seventy degrees [1]." in chat.see("here in ")
        chat.see("you> ")
        chat.type("\x04")
        assert chat.process.wait(PATIENCE) == 0
    finally:
        chat.close()


@pytest.fixture
def own_answers():
    """A server that streams, and breaks off or waits when it is asked to: its address, and what lets it go on."""
    gate, hung_up = threading.Event(), threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b'{"success": true, "data": []}')

        def do_POST(self):
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()
            self.tell("piece", {"text": "Seventy", "responder": "here"})
            if asked["question"] == "break":
                return
            if asked["question"] == "stop":
                gate.wait(30)
                try:
                    while True:
                        self.tell("piece", {"text": " and", "responder": "here"})
                except OSError:
                    hung_up.set()
                    return
            self.tell("piece", {"text": " degrees [1].", "responder": "here"})
            source = {"title": "Tea", "location": "tea.md", "excerpt": "..."}
            self.tell("answer", {"answer": "Seventy degrees [1].", "sources": [source], "responder": "here"})

        def tell(self, kind, data):
            self.wfile.write(f"event: {kind}\ndata: {json.dumps(data)}\n\n".encode())

        def log_message(self, *args):
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", gate, hung_up
    gate.set()
    server.shutdown()
    thread.join()
    server.server_close()

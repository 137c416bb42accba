from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
import threading

import pytest

from tests.cli.terminal import Terminal, own_terminal, pty
from tests.cognition.model_router.model_server import serving

pytestmark = pytest.mark.feature("CB-57")

COMMAND = [sys.executable, "-c", "from companion_async.cli.app import main; main()", "chat", "--docs"]


@pytest.fixture
def documents(tmp_path):
    (tmp_path / "tea.md").write_text("# Tea\n\nGreen tea is brewed with water of 70 degrees.\n", encoding="utf-8")
    return str(tmp_path)


def test_lines_from_a_pipe_are_answered_to_their_end(documents):
    """Each line of a pipe is a question; the end of the pipe ends the chat well."""
    talk = "How hot should water for green tea be?\n\n/history\n/new\n/history\n/nope\n"
    done = subprocess.run([*COMMAND, documents], input=talk, capture_output=True, text=True, timeout=15, check=False)
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
    assert chat.process.wait(10) == 0


def test_ctrl_c_clears_the_line_and_on_an_empty_one_ends_it(terminal):
    """What was half typed is not asked; where nothing is typed and nothing runs the chat ends well."""
    chat = terminal()
    chat.see("you> ")
    chat.type("How hot")
    chat.see("How hot")
    assert "companion" not in chat.interrupt(lambda: chat.see("you> ", 2.0))
    assert chat.interrupt(lambda: chat.process.wait(2.0)) == 0


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
    out, _ = process.communicate(timeout=15)
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
        assert server.hung_up.wait(5)
        gate.set()
        chat.see("you> ")
        chat.type("How hot should water for green tea be?\n")
        page = chat.see("here in ")
        assert "Seventy degrees [1]." in page
        assert "tea.md" in page
        chat.see("you> ")
        chat.type("/quit\n")
        assert chat.process.wait(10) == 0

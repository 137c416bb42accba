"""`companion top`, in a terminal of its own."""

from __future__ import annotations

import sys

import pytest

from companion_async.cli import app as cli
from companion_async.cli.process import FAILED, MISUSED, OK
from tests.cli.patience import PATIENCE
from tests.cli.terminal import Terminal
from tests.cli.test_remote import serving

TOP = [sys.executable, "-c", "from companion_async.cli.app import main; main()", "top", "--every", "0.05", "--url"]


@pytest.fixture
def top():
    opened = []

    def open_top(url):
        opened.append(Terminal([*TOP, url], LINES="40", COLUMNS="120"))
        return opened[-1]

    yield open_top
    for each in opened:
        each.close()


@pytest.mark.feature("CB-57")
def test_it_shows_the_server_live_and_ends_at_q(top):
    """Threads, modules and decisions are on the screen, looked at again and again, until q is pressed."""
    with serving() as (url, asked):
        terminal = top(url)
        terminal.see("tasks/s")
        terminal.see("web_crawler")
        terminal.see("tasks/s")
        terminal.type("q")
        assert terminal.process.wait(PATIENCE) == OK
        assert sum(path == "/api/threads/status" for path, _ in asked) >= 2


def test_it_ends_at_ctrl_c_without_a_word_of_trouble(top):
    """Ctrl-C is one of the two ways in which it is meant to end."""
    with serving() as (url, _):
        terminal = top(url)
        terminal.see("tasks/s")
        terminal.type("\x03")
        assert terminal.process.wait(PATIENCE) == OK


def test_it_says_when_the_server_has_gone_and_keeps_what_was_seen(top):
    """The last picture stays, with a line that says how old it is."""
    with serving() as (url, _):
        terminal = top(url)
        terminal.see("tasks/s")
    terminal.see("no server answers")
    terminal.see("web_crawler")
    terminal.type("q")
    assert terminal.process.wait(PATIENCE) == OK


def test_no_server_is_one_line(top):
    """Nobody listens there: one line, and the exit code that says so."""
    terminal = top("http://127.0.0.1:9")
    terminal.see("companion: no server answers at http://127.0.0.1:9")
    assert terminal.process.wait(PATIENCE) == FAILED


def test_without_a_terminal_it_names_the_command_that_needs_none(capsys):
    """A pipe has no screen."""
    with pytest.raises(SystemExit) as ended:
        cli.main(["top"])
    assert ended.value.code == MISUSED
    assert "companion status" in capsys.readouterr().err

"""What our commands write where, and how wide."""

from __future__ import annotations

import pytest
from rich.table import Table
from rich.text import Text

from companion_async.cli.console import console, prose

pytestmark = pytest.mark.feature("CB-57")

LONG = "word " * 60


def test_a_row_is_one_line_in_a_pipe_however_long(monkeypatch, capsys):
    """Whoever searches the output of a command finds a whole row, and nothing of it is cut off."""
    monkeypatch.delenv("COLUMNS", raising=False)
    table = Table("name", "why", box=None)
    table.add_row("m" * 64, Text(LONG))
    console().print(table)
    _, row = capsys.readouterr().out.splitlines()
    assert row.split() == ["m" * 64, *LONG.split()]


def test_columns_says_how_wide_a_pipe_is(monkeypatch, capsys):
    """As for a terminal: rows are folded to it."""
    monkeypatch.setenv("COLUMNS", "40")
    table = Table("why", box=None)
    table.add_row(Text(LONG))
    console().print(table)
    assert max(map(len, capsys.readouterr().out.splitlines())) <= 40


def test_text_is_folded_to_be_read(monkeypatch, capsys):
    """A paragraph has lines of a hundred characters at most, in a pipe too."""
    monkeypatch.delenv("COLUMNS", raising=False)
    console().print(prose(Text(LONG)))
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert max(map(len, lines)) <= 100


def test_colours_do_not_hide_blanks_at_the_end_of_a_line(monkeypatch, capsys):
    """On a terminal too a line ends where its text ends, and blanks inside it stay."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    table = Table("why", "how", box=None)
    table.add_row(Text("a  b", style="red"), Text("c", style="on blue"))
    table.add_row(Text("longer", style="red"), Text("", style="dim"))
    console().print(table)
    _, first, second = capsys.readouterr().out.splitlines()
    assert "a  b" in first
    assert "longer" in second
    assert "\x1b[" in second
    assert not second.replace("\x1b[0m", "").endswith(" ")

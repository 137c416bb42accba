from __future__ import annotations

import io
from datetime import UTC, datetime

import pytest
from rich.console import Console

from companion_async.cli.reading import ReadingDisplay
from companion_async.companion.answer import Progress
from companion_async.status.category import CategoryStatus
from companion_async.status.picture import FrozenMap
from companion_async.status.system import SystemStatus

pytestmark = pytest.mark.feature("CB-25")


def status(active, total):
    category = CategoryStatus(name="phase1", active=active, total=total, max=5, configured=5)
    return SystemStatus(
        timestamp=datetime(2026, 11, 22, tzinfo=UTC),
        max_threads=50,
        auto_scaling=True,
        categories=FrozenMap({"phase1": category, "core": CategoryStatus(name="core", max=10, configured=10)}),
        module_threads=FrozenMap(),
    )


def shown(terminal, *, plain=True, encoding="utf-8"):
    page = io.TextIOWrapper(io.BytesIO(), encoding=encoding, write_through=True)
    console = Console(file=page, force_terminal=terminal, width=80, color_system=None, legacy_windows=False)
    looks = iter([status(4, 5), *[status(2, 5)] * 8])
    with ReadingDisplay(console, "Reading it", lambda: next(looks), plain=plain) as display:
        for done in range(1, 9):
            display(Progress(done=done, total=8, documents=100 * done))
    page.seek(0)
    return page.read(), display


def test_on_a_terminal_a_bar_stands_over_the_threads_at_work():
    """The bar counts shares and passages, under it each thread has its mark, and in the end the page is clean."""
    page, display = shown(True)
    assert "Reading it" in page
    assert "8/8 800 passages" in page
    assert "phase1 ■■□□□" in page
    assert "core" not in page
    assert page.endswith("\x1b[1A\x1b[2K\x1b[1A\x1b[2K\x1b[1A\x1b[2K")
    assert display.busiest == {"phase1": 4}


def test_a_terminal_of_ascii_gets_marks_of_ascii():
    """Where the encoding has no squares the marks are plain."""
    page, _ = shown(True, encoding="ascii")
    assert "phase1 ##..." in page


def test_elsewhere_there_is_a_line_at_every_quarter():
    """Into a pipe come four lines of progress and no escape codes."""
    page, display = shown(False)
    assert page.splitlines() == [
        "Reading it ...",
        "  25 %: 2 of 8, 200 passages",
        "  50 %: 4 of 8, 400 passages",
        "  75 %: 6 of 8, 600 passages",
        "  100 %: 8 of 8, 800 passages",
    ]
    assert display.busiest == {"phase1": 4}


def test_it_can_be_silent_without_a_terminal():
    """Where only the result is wanted, nothing is shown."""
    page, _ = shown(False, plain=False)
    assert page == ""

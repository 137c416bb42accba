"""The page's files as they are shipped."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from companion_async.http.page import FILES

pytestmark = pytest.mark.feature("X-12")

SOURCES = sorted(path for path in FILES.rglob("*") if path.suffix in (".html", ".css", ".js", ".svg"))


def test_all_that_is_asked_for_is_there():
    """Whatever the page, its styles and its modules name lies beside them, and so do the views, named by the menu."""
    asked: set[Path] = set()
    for path in SOURCES:
        text = path.read_text()
        if path.suffix == ".html":
            asked |= {path.parent / name for name in re.findall(r'(?:href|src)="(static/[^"]+)"', text)}
        asked |= {path.parent / name for name in re.findall(r'from "(\.[^"]+)"', text)}
    menu = re.search(r"const VIEWS = \[(.*?)\];", (FILES / "static/app.js").read_text(), re.DOTALL)
    assert menu is not None
    asked |= {FILES / f"static/views/{name}.js" for name in re.findall(r'\["(\w+)"', menu[1])}
    assert len(asked) > 20
    assert not [path for path in asked if not path.resolve().is_file()]


def test_nothing_is_fetched_from_elsewhere_and_no_markup_is_made_of_text():
    """No address of another host but the names of XML, no absolute path, and none of the ways to hand in markup."""
    for path in SOURCES:
        text = path.read_text()
        hosts = set(re.findall(r"https?://[\w.]+", text)) - {"http://www.w3.org"}
        assert hosts == set(), path
        assert not re.search(r'(?:href|src|fetch|get|EventSource)\(?[="`]+/', text), path
        for way in (
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
            "eval(",
            "new Function",
            'style="',
        ):
            assert way not in text, (path, way)

"""The site that is made of the documents and the docstrings; built by `make docs`."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("sphinx", reason="needs the extra docs: make docs")

ROOT = Path(__file__).parents[2]
# What a browser fetches by itself: everything but the links that a person follows.
FETCHED = re.compile(
    r"""<(?:script|img|iframe|source|link)\b[^>]*?\b(?:src|href)=["']?(https?:)?//|url\(["']?https?:"""
)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The site, built without a warning: no link that leads nowhere, no docstring that cannot be read."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "-q", "-E", "-W", "--keep-going", "-b", "html"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [*command, "-d", str(folder / "trees"), str(ROOT / "docs"), str(folder / "html")],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return folder / "html"


def test_a_page_for_each_document(site):
    """Every page under docs/ is a page of the site."""
    pages = {path.relative_to(ROOT / "docs").with_suffix("") for path in (ROOT / "docs").rglob("*.md")}
    assert pages <= {path.relative_to(site).with_suffix("") for path in site.rglob("*.html")}


def test_nothing_comes_from_elsewhere(site):
    """No page and no style sheet has a browser fetch anything from another host."""
    for path in [*site.rglob("*.html"), *site.rglob("*.css")]:
        assert not FETCHED.search(path.read_text(encoding="utf-8")), path


def test_docstrings_are_on_it(site):
    """The reference says what the docstrings say, and names in them are links."""
    page = (site / "reference" / "runtime.html").read_text(encoding="utf-8")
    assert "Modules, their tasks, and the threads they run in" in page
    assert 'href="tasks.html#companion_async.Task"' in page

"""``make features``: the rows of docs/features.md with the tests that carry each, and the rows that none carries."""

from __future__ import annotations

import contextlib
import io
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
_ROW = re.compile(r"\| (?P<id>[A-Z]+-\w+) \| (?P<title>.+?) \|")
_SECTION = re.compile(r"\| \| \*\*(?P<title>.+)\*\* \|")


@dataclass(frozen=True)
class Row:
    """One promised feature."""

    id: str
    title: str
    section: str


def rows(table: str | None = None) -> list[Row]:
    """The rows of the table in their order; of docs/features.md unless another text is given."""
    found, section = [], ""
    for line in (table or (ROOT / "docs" / "features.md").read_text(encoding="utf-8")).splitlines():
        if row := _ROW.match(line):
            found.append(Row(row["id"], row["title"], section))
        elif heading := _SECTION.match(line):
            section = heading["title"]
    return found


class Carriers:
    """A pytest plugin that notes, while tests are collected, which rows each says it carries."""

    def __init__(self) -> None:
        self.tests: dict[str, list[str]] = {}

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        for item in items:
            # A test that runs on two loops and with ten parameters is one test.
            name = item.nodeid.partition("[")[0].removeprefix("tests/")
            for row in (row for mark in item.iter_markers("feature") for row in mark.args):
                tests = self.tests.setdefault(row, [])
                if name not in tests:
                    tests.append(name)


def report(promised: Sequence[Row], carriers: Mapping[str, Sequence[str]]) -> str:
    """The table as text: a line for each row, a line for each of its tests, and a closing count."""
    lines, section = [], ""
    for row in promised:
        if row.section != section:
            section = row.section
            lines += ["", section]
        tests = carriers.get(row.id, ())
        lines.append(f"  {row.id:<6} {len(tests) or 'none':>4}  {row.title}")
        lines += [f"               {test}" for test in tests]
    bare = [row.id for row in promised if not carriers.get(row.id)]
    distinct = {test for tests in carriers.values() for test in tests}
    lines += [
        "",
        f"{len(promised)} rows: {len(promised) - len(bare)} carried by {len(distinct)} tests, {len(bare)} by none",
    ]
    if bare:
        lines.append(f"none: {' '.join(bare)}")
    return "\n".join(lines)


def main() -> int:
    """Collect the tests without running them and print the report; 1 if they cannot be collected."""
    carriers, output = Carriers(), io.StringIO()
    with contextlib.redirect_stdout(output):
        code = pytest.main(["--collect-only", "-q", "-p", "no:cacheprovider", str(ROOT / "tests")], plugins=[carriers])
    if code != pytest.ExitCode.OK:
        sys.stderr.write(output.getvalue())
        return 1
    sys.stdout.write(report(rows(), carriers.tests) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

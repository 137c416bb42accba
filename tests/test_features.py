"""The program behind ``make features``."""

from __future__ import annotations

import pytest

from tests.features import Carriers, Row, report, rows

TABLE = """
| ID | Feature | Doc | Origin |
|---|---|---|---|
| | **First** | | |
| A-01 | One thing, and another | 0 | P |
| A-F2 | Two | 4 | B |
| | **Second** | | |
| B-01 | Three | - | - |
"""


def test_rows_are_read_in_order_with_their_sections() -> None:
    """Headings and rules of the table are no rows; every row knows its section."""
    assert rows(TABLE) == [
        Row("A-01", "One thing, and another", "First"),
        Row("A-F2", "Two", "First"),
        Row("B-01", "Three", "Second"),
    ]


def test_the_project_promises_what_it_promised() -> None:
    """No row of the table has been lost, and none stands there twice."""
    promised = [row.id for row in rows()]
    assert len(promised) == len(set(promised)) == 185
    assert {"CB-01", "CB-F7", "PM-15", "PX-08", "PF-7", "U-7", "X-20"} <= set(promised)


def test_the_report_names_the_tests_and_what_has_none() -> None:
    """Each row stands with its tests, the count is of distinct tests, and the rows without one are listed."""
    text = report(rows(TABLE), {"A-01": ["x.py::test_a", "x.py::test_b"], "B-01": ["x.py::test_b"]})
    assert text.splitlines() == [
        "",
        "First",
        "  A-01      2  One thing, and another",
        "               x.py::test_a",
        "               x.py::test_b",
        "  A-F2   none  Two",
        "",
        "Second",
        "  B-01      1  Three",
        "               x.py::test_b",
        "",
        "3 rows: 2 carried by 2 tests, 1 by none",
        "none: A-F2",
    ]


def test_tests_that_run_many_times_count_once(request: pytest.FixtureRequest) -> None:
    """The collector reads the marks of a test, and its loops and parameters are one."""
    request.node.add_marker(pytest.mark.feature("A-01", "A-F2"))
    carriers = Carriers()
    carriers.pytest_collection_modifyitems([request.node, request.node])
    test = "test_features.py::test_tests_that_run_many_times_count_once"
    assert carriers.tests == {"A-01": [test], "A-F2": [test]}

from __future__ import annotations

import pytest

from companion_async.cognition.code_executor.language import detect

pytestmark = pytest.mark.feature("CB-45")


@pytest.mark.parametrize(
    ("code", "language"),
    [
        ("print('hello')", "python"),
        ("def f(x):\n    return x + 1\nf(2)", "python"),
        ("for i in range(3):\n    total += i", "python"),
        ("import math\nmath.sqrt(2)", "python"),
        ("[x for x in range(3) if x is not None]", "python"),
        ("1 + 1", "python"),
        ("console.log('hello')", "javascript"),
        ("const f = (x) => x + 1;\nf(2);", "javascript"),
        ("function f(x) { return x; }\nf(1)", "javascript"),
        ("let a = null;\nif (a === undefined) { a = 1; }", "javascript"),
        ("var total = 0;\nfor (var i = 0; i < 3; i++) { total += i; }\ntotal;", "javascript"),
    ],
)
def test_the_language_is_told_from_its_signs(code, language):
    """A program is taken for the language whose signs it shows, and for Python where it shows none."""
    assert detect(code) == language


def test_a_program_that_would_crash_a_parser_is_looked_at_all_the_same():
    """What is nested without end is not parsed to find out its language."""
    assert detect("(" * 100_000) == "python"
    assert detect("[" * 50_000 + "]" * 50_000) == "python"

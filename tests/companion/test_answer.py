from __future__ import annotations

import pytest

from companion_async.cognition.advanced_reasoning.step import Step
from companion_async.companion.answer import Answer

pytestmark = pytest.mark.feature("CB-57")


@pytest.mark.parametrize(
    ("steps", "origin"),
    [
        ([Step("parse", "17 * 23", "value"), Step("rewrite", "391", "391")], "By sympy (17 * 23)."),
        (
            [Step("parse", "x^2 = 4", "solve"), Step("solve", "roots in x", "-2, 2")],
            "By sympy (x^2 = 4; roots in x: -2, 2).",
        ),
        ([], "No source was found."),
    ],
)
def test_where_an_answer_without_sources_comes_from(steps, origin):
    """Who worked it out and by which steps; one that says nothing new is left out."""
    assert Answer(text="391", responder="sympy", steps=tuple(steps)).origin == origin

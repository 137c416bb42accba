"""What may be asked."""

from __future__ import annotations

import pytest

from companion_async.errors import InvalidArgumentError

pytestmark = pytest.mark.feature("CB-57")

GREEN_TEA = "How hot should the water for green tea be?"


@pytest.mark.parametrize("question", ["", "  \n", None, 7, "x" * 20_001])
async def test_what_is_no_question_is_refused(companion, question):
    """A question is text that says something, within bounds."""
    with pytest.raises(InvalidArgumentError, match="question must be"):
        await companion.ask(question)


@pytest.mark.parametrize("given", [{"limit": 0}, {"limit": 51}, {"kind": "poetry"}, {"conversation": ""}])
async def test_other_arguments_are_checked_too(companion, given):
    """A limit, a kind or a conversation that is none is refused."""
    with pytest.raises(InvalidArgumentError):
        await companion.ask(GREEN_TEA, **given)

"""Which way a question goes, by its words alone."""

from __future__ import annotations

import pytest

from companion_async.companion.config import OPTIONAL
from companion_async.companion.decision import Program, decide, phrases, program_in

pytestmark = pytest.mark.feature("CB-53")

PROGRAM = "```python\nprint(6 * 7)\n```"


@pytest.mark.parametrize(
    ("question", "way"),
    [
        ("What is 15% of 80?", "exact"),
        ("Solve x^2 - 5x + 6 = 0", "exact"),
        ("What is 10^9999999?", "exact"),
        (f"Run this:\n{PROGRAM}", "run"),
        (f"What does this print?\n{PROGRAM}", "run"),
        (f"{PROGRAM}\nWhat is the output?", "run"),
        ("Where was the engineer born who built the crane?", "hops"),
        ("Who built the old crane and where was she born?", "hops"),
        ("How do I open a file?", "retrieve"),
        ("What is a heap?", "retrieve"),
        ("How do I read a file and print its lines?", "retrieve"),
        (f"Explain what this prints:\n{PROGRAM}", "retrieve"),
        (f"Why does this not run?\n{PROGRAM}", "retrieve"),
        ("Run this:\n```bash\nrm -rf /\n```", "retrieve"),
        ("Run the tests", "retrieve"),
        ("", "retrieve"),
    ],
)
def test_the_words_of_a_question_decide(question, way):
    """Sums are worked out, programs run when that is asked, one thing by way of another is searched for in steps."""
    assert decide(question, OPTIONAL).way == way


@pytest.mark.parametrize(
    ("question", "missing"),
    [
        ("What is 15% of 80?", "advanced_reasoning"),
        (f"Run this:\n{PROGRAM}", "code_executor"),
        ("Where was the engineer born who built the crane?", "advanced_reasoning"),
    ],
)
def test_a_module_that_is_off_is_not_used_and_named(question, missing):
    """What would have been given to a module that is not there is looked up, and the decision says so."""
    decision = decide(question, set(OPTIONAL) - {missing})
    assert (decision.way, decision.off) == ("retrieve", (missing,))
    assert f"{missing} is off" in decision.reason
    assert missing not in decision.modules


def test_the_language_of_a_program_is_what_its_fence_says():
    """By any of its names; a fence that says nothing leaves it open, one that is never closed goes to the end."""
    asked = (
        "run it\n```js\n1\n```",
        "run it\n```\n1\n```",
        "run it\n```py\nprint(1)\nprint(2)",
        "run it\n```py\n\n```",
    )
    found = [program_in(each) for each in asked]
    assert found == [Program("1", "javascript"), Program("1", None), Program("print(1)\nprint(2)", "python"), None]


def test_words_in_quotes_are_searched_for_as_they_stand():
    """Phrases of two words or more bring in the search engine; a single word or a lone quote does not."""
    asked = 'Where does it say "priority inversion is" and "x"?'
    assert phrases(asked) == ("priority inversion is",)
    assert "search_engine" in decide(asked, OPTIONAL).modules
    assert "search_engine" not in decide(asked, ()).modules
    assert "search_engine" not in decide('What does "yield" mean?', OPTIONAL).modules

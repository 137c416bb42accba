from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from companion_async.cognition.model_router.prompt import RULES, Passage, Prompt, Said, cited, compose
from companion_async.cognition.tokens import estimated_tokens

pytestmark = pytest.mark.feature("CB-40")

ZIP = Passage("zipfile.ZipFile", "zipfile", "Class with methods to open, read, write, close, list zip files.")
TAR = Passage("tarfile.open", "tarfile", "Open a tar archive for reading, writing or appending.")
TURNS = (Said("user", "Hello"), Said("assistant", "Hello, what can I find?"))
WIDE = 10_000


def test_everything_that_fits_is_told():
    """With room enough the model gets rules, summary, turns, passages by number and the question last."""
    composed = compose(Prompt("How?", (ZIP, TAR), TURNS, summary="They said hello."), WIDE)
    assert composed.system.startswith(RULES)
    assert composed.system.endswith("They said hello.")
    assert composed.messages[:2] == (("user", "Hello"), ("assistant", "Hello, what can I find?"))
    role, text = composed.messages[-1]
    assert role == "user"
    assert text.index("[1] zipfile.ZipFile (zipfile)") < text.index("[2] tarfile.open (tarfile)")
    assert text.endswith("Question: How?")


def test_no_passage_is_said_to_be_none():
    """With nothing found the model is told so, and is not left to invent."""
    assert "(No passage was found.)" in compose(Prompt("How?"), WIDE).messages[-1][1]


def test_the_question_stays_whole_whatever_the_budget():
    """Rules and question survive the narrowest budget; everything else goes."""
    composed = compose(Prompt("How do I read it?", (ZIP,), TURNS, summary="x"), 1)
    assert composed.system == RULES
    assert len(composed.messages) == 1
    assert composed.messages[0][1].endswith("Question: How do I read it?")


@given(
    texts=st.lists(st.text(max_size=400), max_size=6),
    turns=st.lists(st.tuples(st.sampled_from(["user", "assistant"]), st.text(max_size=200)), max_size=8),
    summary=st.text(max_size=200),
    budget=st.integers(min_value=150, max_value=2000),
)
def test_the_budget_holds(texts, turns, summary, budget):
    """Whatever is asked, the composed prompt stays within its budget, but for a little mortar between the parts."""
    passages = tuple(Passage("title", "place", text) for text in texts)
    prompt = Prompt("What is it?", passages, tuple(Said(*turn) for turn in turns), summary)
    composed = compose(prompt, budget)
    total = estimated_tokens(composed.system) + sum(estimated_tokens(text) for _, text in composed.messages)
    assert total <= budget + 40


@given(turns=st.lists(st.tuples(st.sampled_from(["user", "assistant", "tool"]), st.just("words")), max_size=9))
def test_roles_take_turns(turns):
    """User and assistant alternate and the user begins and ends, as strict providers insist."""
    messages = compose(Prompt("Q", turns=tuple(Said(*turn) for turn in turns)), WIDE).messages
    roles = [role for role, _ in messages]
    assert roles == ["user", "assistant"] * (len(roles) // 2) + ["user"]


def test_newest_turns_are_kept():
    """When turns must go, the oldest go first."""
    turns = tuple(Said(role, f"{number} " + "word " * 100) for number, role in enumerate(["user", "assistant"] * 4))
    messages = compose(Prompt("Q", turns=turns), 600).messages
    assert 1 < len(messages) < 9
    assert messages[-2][1].startswith("7 ")


@pytest.mark.parametrize(
    ("text", "numbers"),
    [("It is so [2], and so [1][2].", (1, 0)), ("No source.", ()), ("[9] [0] [x] [3]", (2,)), ("items[1]", (0,))],
)
def test_citations(text, numbers):
    """Numbers in brackets that stand for a passage are found once each, in the order of the text."""
    assert cited(text, 3) == numbers


@pytest.mark.parametrize(
    ("text", "tokens"), [("", 0), ("a", 1), ("four", 1), ("fives", 2), ("日本語", 3), ("naïve", 2), ("x" * 4000, 1000)]
)
def test_token_estimate(text, tokens):
    """Four plain characters are a token, and each other character is one."""
    assert estimated_tokens(text) == tokens

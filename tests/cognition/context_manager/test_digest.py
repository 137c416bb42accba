from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from companion_async.cognition.context_manager.digest import Digest
from companion_async.cognition.tokens import estimated_tokens

pytestmark = pytest.mark.feature("CB-41")

TALK = [
    ("user", "Hello there. My name is Ada Lovelace and I live in London. How are you?"),
    ("assistant", "Fine. It is nice to meet you."),
    ("user", "I am writing a program for the Analytical Engine. It should compute Bernoulli numbers."),
    ("assistant", "The Engine has a mill and a store. Bernoulli numbers need a loop. Good luck with it."),
    ("user", "Okay. Thanks."),
]


def digest_of(talk, tokens):
    digest = Digest(tokens)
    for role, text in talk:
        digest.fold(role, text)
    return digest


def test_names_and_recurring_words_stay():
    """What the user told of himself and what the talk is about stay; small talk goes."""
    text = str(digest_of(TALK, 50))
    assert "user: My name is Ada Lovelace and I live in London." in text
    assert "It should compute Bernoulli numbers." in text
    assert "Thanks" not in text
    assert "nice to meet" not in text


def test_the_same_talk_makes_the_same_digest():
    """A digest depends on what was said and on nothing else."""
    assert str(digest_of(TALK, 60)) == str(digest_of(TALK, 60))


def test_lines_stand_in_the_order_of_the_talk():
    """What was said first stands first."""
    text = str(digest_of(TALK, 200))
    assert text.index("Ada Lovelace") < text.index("Bernoulli") < text.index("mill and a store")


def test_of_one_turn_too_they_stand_in_its_order():
    """Whichever of them tells more."""
    text = str(digest_of([("user", "We drink some tea. The Analytical Engine of Babbage is in London.")], 200))
    assert text.index("tea") < text.index("Babbage")


def test_what_the_user_said_stays_before_what_he_was_told_and_the_later_before_the_earlier():
    """Where they tell as much, and there is room for one."""
    said = "Babbage built engines."
    assert str(digest_of([("user", said), ("assistant", said)], 9)) == f"user: {said}"
    first, second = "Babbage built engines.", "Lovelace wrote programs."
    assert str(digest_of([("user", first), ("user", second)], 10)) == f"user: {second}"


def test_a_sentence_without_end_is_cut_at_a_word():
    """And says so."""
    (line,) = str(digest_of([("user", "Babbage " + "engine " * 200)], 1_000)).splitlines()
    assert line.endswith("engine ...")
    assert len(line) <= 260


@given(
    talk=st.lists(st.tuples(st.sampled_from(["user", "assistant"]), st.text(max_size=300)), max_size=20),
    tokens=st.integers(min_value=1, max_value=120),
)
def test_it_stays_within_its_bound_and_quotes(talk, tokens):
    """However long the talk, the digest keeps its size, and every line was said by the one it names."""
    digest = digest_of(talk, tokens)
    lines = str(digest).splitlines() if str(digest) else []
    assert digest.turns == len(talk)
    assert sum(map(estimated_tokens, str(digest).split("\n"))) <= tokens or not lines
    said = {(role, part) for role, text in talk for part in text.split()}
    for line in str(digest).split("\n"):
        role, _, text = line.partition(": ")
        for word in text.removesuffix(" ...").split():
            assert not line or any(r == role and word in part for r, part in said)


def test_a_long_talk_keeps_its_memory_small():
    """Ten thousand turns of ever new words leave a bounded vocabulary behind."""
    digest = Digest(100)
    for number in range(10_000):
        digest.fold("user", f"word{number} other{number}")
    assert len(digest._counts) <= 4000
    assert len(digest._lines) < 50

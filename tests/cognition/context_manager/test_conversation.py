from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from companion_async.cognition.context_manager.conversation import Conversation, Window
from companion_async.cognition.context_manager.settings import ContextSettings
from companion_async.cognition.tokens import estimated_tokens
from companion_async.errors import InvalidArgumentError

pytestmark = pytest.mark.feature("CB-41")


def conversation_of(texts, **settings):
    conversation = Conversation(ContextSettings(**settings))
    for number, text in enumerate(texts):
        conversation.append("user" if number % 2 == 0 else "assistant", text)
    return conversation


def test_it_begins_empty():
    """A conversation in which nothing was said has an empty window and no history."""
    conversation = Conversation(ContextSettings())
    assert conversation.window == Window()
    assert conversation.history(10) == ()


def test_window_by_turns():
    """Beyond the number of turns the oldest leave the window for the summary, and stay in the history."""
    conversation = conversation_of([f"Turn {n} of the talk." for n in range(6)], window_turns=4)
    window = conversation.window
    assert [turn.number for turn in window.turns] == [3, 4, 5, 6]
    assert window.summarised == 2
    assert window.summary == "user: Turn 0 of the talk.\nassistant: Turn 1 of the talk."
    assert [turn.number for turn in conversation.history(100)] == [1, 2, 3, 4, 5, 6]


def test_window_by_tokens():
    """Beyond the estimated tokens the oldest leave the window as well."""
    conversation = conversation_of(["x" * 400] * 5, window_tokens=250)
    assert [turn.number for turn in conversation.window.turns] == [4, 5]
    assert conversation.window.tokens == 200


def test_a_turn_too_long_for_the_window_loses_its_middle():
    """The newest turn is always shown; one that would not fit keeps its beginning and its end, and says so."""
    conversation = conversation_of(["First.", "begin " + "x" * 9000 + " end"], window_tokens=100)
    window = conversation.window
    assert window.cut
    assert window.tokens <= 100
    assert window.turns[0].text.startswith("begin ")
    assert window.turns[0].text.endswith(" end")
    assert "[...]" in window.turns[0].text
    assert conversation.history(1)[0].text.endswith("x end")


def test_history_is_bounded_by_turns_and_by_characters():
    """Both bounds of the history hold."""
    assert len(conversation_of(["x"] * 30, history_turns=10).history(100)) == 10
    assert len(conversation_of(["x" * 30] * 30, history_characters=100, max_text=30).history(100)) == 3


def test_history_gives_the_last_turns():
    """A shorter look back gives the latest turns, oldest first."""
    conversation = conversation_of(["a", "b", "c"])
    assert [turn.text for turn in conversation.history(2)] == ["b", "c"]


@given(
    texts=st.lists(st.text(max_size=200), max_size=30),
    turns=st.integers(min_value=1, max_value=6),
    tokens=st.integers(min_value=8, max_value=120),
)
def test_no_bound_is_ever_passed_and_no_turn_lost(texts, turns, tokens):
    """After any talk the window keeps both bounds, and each turn is either shown or summarised."""
    conversation = conversation_of(texts, window_turns=turns, window_tokens=tokens)
    window = conversation.window
    assert len(window.turns) <= turns
    assert window.tokens == sum(estimated_tokens(turn.text) for turn in window.turns) <= tokens
    assert window.summarised + len(window.turns) == len(texts)
    assert not texts or window.turns[-1].number == len(texts)


@pytest.mark.parametrize("key", [key for key in ContextSettings.__struct_fields__ if key != "file"])
@pytest.mark.parametrize("value", [0, -1, True, 1.5, "9"])
def test_bounds_are_whole_numbers(key, value):
    """Every bound is a whole number from 1 on."""
    with pytest.raises(InvalidArgumentError, match=key):
        ContextSettings(**{key: value})


def test_a_turn_must_fit_the_history():
    """A turn that the history could not hold is refused as a setting."""
    with pytest.raises(InvalidArgumentError, match="max_text"):
        ContextSettings(max_text=1000, history_characters=999)

"""`SecurityValidator`, by the names that the documents use."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from companion_async import InvalidPathError, SecurityError, SecuritySettings, SecurityValidator, sdk

TEXT = st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from("\t\n\r\x0b\x0c\x85")


@pytest.mark.feature("PX-01")
def test_a_memory_comes_back_as_four_parts_fit_to_be_stored() -> None:
    """Content, type, importance as a number, and a context of its own."""
    context = {"place": "hall", "who": ["Ann"]}
    found = SecurityValidator.sanitize_memory_data("It rained.", "observation", "0.7", context)
    assert found == ("It rained.", "observation", 0.7, {"place": "hall", "who": ["Ann"]})
    assert found[3] is not context
    assert SecurityValidator().sanitize_memory_data("a", "b") == ("a", "b", 0.5, {})
    assert sdk.SecurityValidator is SecurityValidator


@pytest.mark.feature("PX-01")
@given(st.text(TEXT))
def test_text_is_stored_as_it_was_said(text: str) -> None:
    """No escaping: markup, quotes, emoji, right-to-left text and line ends come out as they went in."""
    content, _, _, context = SecurityValidator.sanitize_memory_data(text, "t", 0.5, {f"k{text}": text})
    assert (content, context) == (text, {f"k{text}": text})


@pytest.mark.feature("PX-01")
@given(st.text(st.characters()))
def test_sanitising_twice_is_sanitising_once_and_the_result_can_be_encoded(text: str) -> None:
    """Any text at all, lone surrogates included; its length stays."""
    once = SecurityValidator.sanitize_memory_data(text, "t", 0, {"text": [text]})
    assert SecurityValidator.sanitize_memory_data(*once) == once
    once[0].encode()
    assert len(once[0]) == len(text)
    assert once[3] == {"text": [once[0]]}


@pytest.mark.feature("PX-01")
def test_control_characters_become_visible() -> None:
    """A stored memory cannot move a terminal's cursor or end a C string, and shows what was there."""
    found = SecurityValidator.sanitize_memory_data("a\x00b\x1b[2Jc\x7f\x9b\ud800\td\n", "t", 1)
    assert found[0] == "a␀b␛[2Jc␡��\td\n"
    context = {"k\x1b": ("\x07", {"\x00": {"\x1b", "\udfff"}})}
    assert SecurityValidator.sanitize_memory_data("a", "t", 1, context)[3] == {"k␛": ("␇", {"␀": {"␛", "�"}})}


@pytest.mark.feature("PX-01")
@pytest.mark.parametrize(
    ("parts", "why"),
    [
        ((3, "t"), "content must be text"),
        (("x" * 10_001, "t"), "10001 characters; at most 10000"),
        (("x", ""), "type must be"),
        (("x", "t\n"), "type must be"),
        (("x", "t" * 65), "type must be"),
        (("x", None), "type must be"),
        (("x", "t", float("nan")), "importance"),
        (("x", "t", "much"), "importance"),
        (("x", "t", 1.01), "importance"),
        (("x", "t", -0.1), "importance"),
        (("x", "t", True), "importance"),
        (("x", "t", 10**5000), "importance"),
        (("x", "t", 1, ["a"]), "context must be a dict"),
        (("x", "t", 1, {1: 2}), "no key for a context"),
        (("x", "t", 1, {"__class__": 2}), "no key for a context"),
        (("x", "t", 1, {"a": {"__class__": 2}}), "must not begin with '__'"),
        (("x", "t", 1, {"a": float("inf")}), r"context\['a'\] is inf"),
        (("x", "t", 1, {"a": ["x" * 600_000], "b": "x" * 600_000}), "more than 1048576"),
    ],
    ids=itertools.count(),
)
def test_what_cannot_be_a_memory_is_refused(parts: Any, why: str) -> None:
    """With the reason, and nothing is guessed."""
    with pytest.raises(SecurityError, match=why):
        SecurityValidator.sanitize_memory_data(*parts)


@pytest.mark.feature("PX-01")
def test_what_cannot_be_stored_is_left_out_of_the_context() -> None:
    """As in the documents: a function or an open object beside good data costs that entry alone."""
    context = {"good": 1, "function": print, "inside": [1, object()]}
    assert SecurityValidator.sanitize_memory_data("a", "t", 1, context)[3] == {"good": 1}


def test_a_context_that_contains_itself_is_refused_at_once() -> None:
    """It is looked at before it is copied."""
    value: list[Any] = []
    value += [value, value]
    with pytest.raises(SecurityError, match=r"contains itself|members"):
        SecurityValidator.sanitize_memory_data("a", "t", 1, {"a": value})


@pytest.mark.feature("PX-02")
def test_a_path_is_given_back_or_refused() -> None:
    """The document's own example passes; whatever reaches into objects does not."""
    path = "agent.emotional_state.happiness"
    assert SecurityValidator.validate_state_path(path) == path
    for wrong in ("", "a..b", "a.__class__.b", "_a", "a.b c", "x" * 256, ".".join("a" * 33), "ä", None, 3):
        with pytest.raises(InvalidPathError):
            SecurityValidator.validate_state_path(wrong)  # type: ignore[arg-type]


@pytest.mark.feature("PX-02")
def test_a_value_is_given_back_or_refused() -> None:
    """The same object, so that the call can stand in an assignment."""
    value = {"happiness": 0.8}
    assert SecurityValidator.validate_state_value(value) is value
    with pytest.raises(SecurityError):
        SecurityValidator.validate_state_value(float("nan"))


@pytest.mark.feature("PX-03")
def test_arguments_are_given_back_as_a_call_takes_them() -> None:
    """A tuple and a dict of their own, whatever sequence or mapping they came in."""
    named = {"deep": {"a": [1, 2]}}
    args, kwargs = SecurityValidator.validate_execution_args(["text", 1, None], named)
    assert (args, kwargs) == (("text", 1, None), named)
    assert kwargs is not named
    assert SecurityValidator.validate_execution_args() == ((), {})


@pytest.mark.feature("PX-03")
@pytest.mark.parametrize(
    ("args", "kwargs", "why"),
    [
        ("text", None, "args must be a list or tuple"),
        (3, None, "args must be a list or tuple"),
        ([], ["a"], "kwargs must be a dict"),
        ([1] * 60, dict.fromkeys("abcde", 1), "at most 64 arguments, not 65"),
        ([float("nan")], None, r"args\[0\] is nan"),
        ([1, print], None, r"args\[1\] is a builtins.builtin_function"),
        ([], {"a": [2**64]}, r"kwargs\['a'\]\[0\] is a whole number"),
        ([], {"a b": 1}, "no name for an argument"),
        ([], {"__init__": 1}, "no name for an argument"),
        ([], {3: 1}, "no name for an argument"),
        (["x" * 600_000], {"y": "x" * 600_000}, "more than 1048576"),
        ([[0] * 6000, [0] * 6000], None, "more than 10000 members"),
    ],
)
def test_arguments_from_outside_are_few_small_plain_and_finite(args: Any, kwargs: Any, why: str) -> None:
    """Count, names, types, numbers and the size of all together."""
    with pytest.raises(SecurityError, match=why):
        SecurityValidator.validate_execution_args(args, kwargs)


def test_each_check_takes_the_limits_of_a_brain() -> None:
    """What a config allows counts instead of the usual."""
    limits = SecuritySettings(max_content=2, max_items=1, max_arguments=1)
    with pytest.raises(SecurityError, match="at most 2"):
        SecurityValidator.sanitize_memory_data("abc", "t", limits=limits)
    with pytest.raises(SecurityError, match="more than 1 members"):
        SecurityValidator.validate_state_value([1, 2], limits=limits)
    with pytest.raises(SecurityError, match="more than 1 members"):
        SecurityValidator.validate_execution_args([[1, 2]], limits=limits)
    with pytest.raises(SecurityError, match="at most 1 arguments"):
        SecurityValidator.validate_execution_args([1], {"a": 2}, limits=limits)

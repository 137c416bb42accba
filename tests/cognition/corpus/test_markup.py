"""Sections by headings, and passages that lose nothing."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from companion_async.cognition.corpus.markup import (
    first_sentence,
    markdown_sections,
    plain_sections,
    restructured_text_sections,
    split_passage,
)

pytestmark = pytest.mark.feature("CB-42")


def test_markdown_sections_know_the_headings_above_them_and_their_line():
    """A section carries every heading it stands under, and the line where it begins."""
    text = "intro\n\n# Guide\nwelcome\n## Install\npip\n### Windows\nexe\n## Use\nrun\n"
    assert [(each.headings, each.line, each.text) for each in markdown_sections(text)] == [
        ((), 1, "intro"),
        (("Guide",), 3, "welcome"),
        (("Guide", "Install"), 5, "pip"),
        (("Guide", "Install", "Windows"), 7, "exe"),
        (("Guide", "Use"), 9, "run"),
    ]


def test_what_looks_like_a_heading_inside_code_is_code():
    """Fenced code is one piece, whatever it holds, and a longer fence is not closed by a shorter one."""
    text = "# A\n````sh\n```\n# not a heading\n```\n````\nafter\n"
    (section,) = markdown_sections(text)
    assert section.headings == ("A",)
    assert "# not a heading" in section.text


def test_markdown_underlined_headings_and_front_matter():
    """Underlines make headings, a rule below a list does not, and front matter is no text."""
    text = "---\ntitle: x\n---\nTop\n===\none\n\n- item\n---\ntwo\n\nSub\n---\nthree\n"
    assert [each.headings for each in markdown_sections(text)] == [("Top",), ("Top", "Sub")]
    assert "title: x" not in "".join(each.text for each in markdown_sections(text))


def test_restructured_text_levels_are_found_by_first_use():
    """Which adornment is which level is told by the order in which they appear."""
    text = "=====\nTitle\n=====\nlead\n\nOne\n---\na\n\nDeep\n~~~~\nb\n\nTwo\n---\nc\n"
    assert [(each.headings, each.text) for each in restructured_text_sections(text)] == [
        (("Title",), "lead"),
        (("Title", "One"), "a"),
        (("Title", "One", "Deep"), "b"),
        (("Title", "Two"), "c"),
    ]


def test_a_table_is_no_heading():
    """Adornments within a table stay text."""
    text = "Title\n=====\n\n====  ====\na     b\n====  ====\n1     2\n====  ====\n"
    (section,) = restructured_text_sections(text)
    assert "1     2" in section.text


def test_empty_texts_have_no_sections():
    """Nothing in, nothing out, of each kind."""
    for split in (markdown_sections, restructured_text_sections, plain_sections):
        assert split("") == []
        assert split(" \n\n ") == []


@given(st.text(alphabet=st.sampled_from("ab \n\n.:>    "), max_size=400), st.integers(20, 120))
def test_passages_are_bounded_and_lose_nothing_but_white_space(text, limit):
    """Every part is within the limit, and the parts together hold every visible character in order."""
    parts = list(split_passage(text, limit))
    assert all(len(part) <= limit for part in parts)
    assert re.sub(r"\s", "", "".join(parts)) == re.sub(r"\s", "", text)


def test_an_example_stays_with_the_line_that_introduces_it():
    """A block of code is not torn from its introduction while both fit."""
    text = "x" * 60 + "\n\nFor example:\n\n    run(1)\n    run(2)"
    assert list(split_passage(text, 80)) == ["x" * 60, "For example:\n\n    run(1)\n    run(2)"]


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("Read it. Then write it.", "Read it."),
        ("Read\n  it\n\nmore", "Read it"),
        ("See e.g. this one. Next", "See e.g. this one."),
        ("", ""),
    ],
)
def test_the_first_sentence_is_on_one_line(text, first):
    """A summary is the first sentence of the first paragraph."""
    assert first_sentence(text) == first


def test_a_long_first_sentence_is_cut_at_a_word():
    """A summary has a bound, and says that it was cut."""
    assert first_sentence("word " * 100, 20) == "word word word word ..."

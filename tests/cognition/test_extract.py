"""Answers are quoted, readable, and not given where there is none."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from companion_async.cognition.extract import extract

pytestmark = pytest.mark.feature("CB-40", "CB-57")


class Quoted(msgspec.Struct):
    title: str
    text: str


ZIP = Quoted(
    "zipfile.ZipFile.read",
    "zipfile.ZipFile.read(name, pwd=None)\n\n"
    "Return the bytes of a member of the zip file.  The archive must be open, e.g.\n"
    "for reading.  Weather is nice today.\n\n"
    "    with ZipFile('a.zip') as archive:\n        archive.read('x')\n\n        archive.close()\n",
)
TAR = Quoted("tarfile", "Read and write tar archives.\n\nContents: open, TarFile, is_tarfile")
QUESTION = "How do I read the members of a zip file?"


def test_an_answer_is_the_call_what_it_does_and_an_example():
    """How it is called, its first sentence, and its example whole, blank line and indentation included."""
    (part, *_) = extract(QUESTION, [ZIP, TAR])
    assert part.passage == 0
    assert part.text == (
        "zipfile.ZipFile.read(name, pwd=None)\n\n"
        "Return the bytes of a member of the zip file.\n\n"
        "    with ZipFile('a.zip') as archive:\n        archive.read('x')\n\n        archive.close()"
    )
    assert 0.9 <= part.score <= 1.0


def test_every_word_of_it_is_quoted():
    """Nothing is made up: each sentence stands in its passage."""
    text = " ".join(ZIP.text.split())
    for part in extract(QUESTION, [ZIP]):
        for block in part.text.split("\n\n"):
            assert " ".join(block.split()) in text


@pytest.mark.parametrize(
    "question", ["What is the capital of France?", "How do I bake a cake?", "", "?", "the of and", "asdf"]
)
def test_where_nothing_fits_nothing_is_answered(question):
    """Passages about something else are no answer, and no passages are none."""
    assert extract(question, [ZIP, TAR]) == []
    assert extract(QUESTION, []) == []
    assert extract(QUESTION, [Quoted("", "")]) == []


def test_little_of_what_is_asked_for_is_no_answer():
    """A word in common is none where the index knows that the telling ones are missing, unless the rest is there."""
    question = "How do I read the members of a football club?"
    assert extract(question, [ZIP], fit=0.3) == []
    assert extract(question, [ZIP], fit=0.6) != []
    assert extract(QUESTION, [ZIP], fit=0.3) != []


def test_a_better_passage_that_came_later_is_found():
    """The order of the passages counts, and what they say counts more."""
    weak = Quoted("archive", "A file is closed here.")
    parts = extract("How do I open a tar archive?", [weak, TAR])
    assert parts[0].passage == 1


def test_nothing_is_said_twice():
    """Two passages with the same sentence give it once."""
    parts = extract(QUESTION, [ZIP, Quoted("copy.read", ZIP.text)])
    said = "\n".join(part.text for part in parts)
    assert said.count("Return the bytes of a member") == 1


def test_what_is_announced_is_quoted_or_not_announced():
    """A sentence that ends in a colon comes with what follows it, or not at all, unless there is nothing else."""
    text = "Read members of a zip file. The members of a zip file are these:\n\n- a thing\n- another thing"
    (part,) = extract(QUESTION, [Quoted("zip", text)])
    assert part.text == "Read members of a zip file."
    (part,) = extract(QUESTION, [Quoted("zip", "Members of a zip file are read as follows:")])
    assert part.text.endswith("as follows:")


def test_a_place_is_shown_once():
    """Of two passages under one title the better is quoted."""
    again = Quoted(ZIP.title, "A member of the zip file is read here as well.")
    assert [part.passage for part in extract(QUESTION, [ZIP, again])] == [0]


def test_names_that_the_question_speaks_of_come_first():
    """Of a module's contents those are told first that have a word of the question."""
    names = ", ".join(f"thing{number}" for number in range(30))
    module = Quoted("zips", f"Tools for zip files.\n\nContents: {names}, read_members")
    (part,) = extract("read the members of a zip file", [module])
    assert part.text.endswith("Contents: read_members, " + ", ".join(f"thing{n}" for n in range(11)) + ", ...")


def test_lists_are_read_item_by_item():
    """Of a list only the item that fits is quoted."""
    items = "- colour: how it is painted\n- members: which members of the zip file to read\n- sound: how loud"
    text = f"Options of the archive reader.\n\n{items}"
    (part,) = extract(QUESTION, [Quoted("options", text)])
    assert "which members" in part.text
    assert "painted" not in part.text


def test_markdown_tables_and_fenced_code_are_read_as_such():
    """Of a table the row that fits is quoted, and fenced code is an example."""
    table = "| Call | Meaning |\n| --- | --- |\n| read | Members of a zip file are read |\n| paint | In colour |"
    (part,) = extract(QUESTION, [Quoted("calls", f"About files.\n\n{table}")])
    assert "read: Members of a zip file are read" in part.text
    assert "colour" not in part.text
    (part,) = extract(
        QUESTION, [Quoted("zip", "Read members of a zip file:\n```python\nz = open()\n\nz.read()\n```\n")]
    )
    assert part.text == "Read members of a zip file:\n\n    z = open()\n\n    z.read()"


def test_a_long_example_is_cut_and_says_so():
    """Code is whole up to a bound of lines."""
    code = "\n".join(f"    read({number})" for number in range(40))
    (part,) = extract(QUESTION, [Quoted("z", f"Read members of a zip file like this:\n\n{code}")])
    lines = part.text.splitlines()
    assert lines[-1] == "    # and so on"
    assert len(lines) < 20


def test_the_number_of_parts_is_bounded():
    """At most so many passages are quoted."""
    many = [Quoted(f"z{number}", f"Read member {number} of the zip file.") for number in range(9)]
    assert len(extract(QUESTION, many)) == 3
    assert len(extract(QUESTION, many, limit=1)) == 1


@given(st.text(max_size=200), st.lists(st.text(max_size=300), max_size=4))
def test_no_text_is_too_odd(question, texts):
    """Whatever the question and the passages, the parts point to passages and have text."""
    parts = extract(question, [Quoted("title", text) for text in texts])
    assert all(0 <= part.passage < len(texts) and part.text and 0 <= part.score <= 1 for part in parts)

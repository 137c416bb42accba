"""A text is taken apart into what can be quoted."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from companion_async.cognition.pieces import pieces_of

pytestmark = pytest.mark.feature("CB-40")


def told(text, kind="sentence"):
    return [piece.text for piece in pieces_of(text) if piece.kind == kind]


def test_headings_and_rulers_are_layout():
    """A title that is underlined is no part of the sentence after it."""
    assert told("Main API\n========\nThis runs a command.") == ["This runs a command."]
    assert told("It begins.\n\n----------\n\nIt goes on.") == ["It begins.", "It goes on."]


def test_two_columns_are_rows():
    """A name, a gap and what it means is a row of its own, a second line of it included; what stands above is not."""
    text = "These are there:\n    match     Match at the beginning.\n    sub       Replace all\n              of them."
    assert told(text) == ["These are there:", "match: Match at the beginning.", "sub: Replace all of them."]
    assert told("It is so.  Now it is.\nIt was so.  Then it was.") == [
        "It is so.",
        "Now it is.",
        "It was so.",
        "Then it was.",
    ]


def test_calls_that_are_told_about_are_items():
    """Each call with what it does can be quoted alone."""
    text = "run(...): Runs a command, then\n    returns.\nPopen(...): A class for commands."
    assert told(text) == ["run(...): Runs a command, then returns.", "Popen(...): A class for commands."]


def test_a_grid_is_read_row_by_row():
    """Rules are left out, and a row may take several lines."""
    text = "+----+-----+\n| a  | one |\n|    | two |\n+====+=====+\n| b  | six |\n+----+-----+"
    assert told(text) == ["a: one two", "b: six"]


def test_a_drawing_is_not_quoted():
    """Lines and arrows between words are no sentence."""
    assert (
        pieces_of("    (null)\n      |\n      | HTTPConnection()\n      v\n    Idle\n      |\n      | putrequest()")
        == []
    )


def test_code_that_is_not_set_off_is_code():
    """Statements in a row are kept as they are; a sentence with brackets in it stays a sentence."""
    assert told("import zipfile\narchive = zipfile.ZipFile('a.zip')", "code") == [
        "    import zipfile\n    archive = zipfile.ZipFile('a.zip')"
    ]
    assert told("The archive (a file) is open.", "code") == []


def test_the_ways_to_call_are_signatures():
    """Lines that say what is given and what comes back are told as such."""
    assert told("int([x]) -> integer\nint(x, base=10) -> integer\n\nConvert it.", "signature") == [
        "int([x]) -> integer",
        "int(x, base=10) -> integer",
    ]


def test_two_colons_are_markup():
    """What introduces an example ends in one."""
    assert told("It is used like this::\n\n    f(x)") == ["It is used like this:"]


@given(st.text(alphabet=st.sampled_from("ab .|+-=:\n\t(>)_#`*"), max_size=200))
def test_any_text_can_be_taken_apart(text):
    """No text raises, and no piece is empty."""
    assert all(piece.text.strip() for piece in pieces_of(text))


def test_of_a_wide_table_each_cell_has_the_name_of_its_column():
    """What the columns are called is no row; an empty cell is left out."""
    text = "| Call | Takes | Gives |\n| --- | --- | --- |\n| read | a name | bytes |\n| close | | nothing |"
    assert told(text) == ["Call: read; Takes: a name; Gives: bytes", "Call: close; Gives: nothing"]


def test_prose_under_numbers_is_read_sentence_by_sentence():
    """A numbered heading is layout, and what follows is no item of a list."""
    water = "1. Water\nThere is a tap. Hoses are forbidden. Rain is kept."
    text = f"{water}\n2. Bees\nThe hives are six. They are old. Do not spray."
    assert told(text) == [
        "There is a tap.",
        "Hoses are forbidden.",
        "Rain is kept.",
        "The hives are six.",
        "They are old.",
        "Do not spray.",
    ]

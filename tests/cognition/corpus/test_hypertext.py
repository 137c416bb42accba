"""HTML as a reader of the page sees it, in linear time whatever the page."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from companion_async.cognition.corpus.hypertext import html_sections

pytestmark = pytest.mark.feature("CB-42")


def test_a_page_is_split_by_its_headings_and_keeps_what_is_read():
    """Title, headings, paragraphs, lists and code come out; scripts, styles, navigation and comments do not."""
    page = """<!doctype html><html><head><title>The &amp; Guide</title>
    <style>p{}</style>
    <script>var a = "<h1>";</script></head>
    <body><nav><a href=x>Home</a></nav><!-- <h2>No</h2> --><h1>Zip&nbsp;files</h1><p>Read <b>them</b>
    so.</p><ul><li>one<li>two</ul><h2>Code</h2><pre>a = 1
  b = 2</pre><svg><text>no</text></svg></body></html>"""
    title, sections, complete = html_sections(page)
    assert (title, complete) == ("The & Guide", True)
    assert [(each.headings, each.text) for each in sections] == [
        (("Zip files",), "Read them so.\n\n- one\n\n- two"),
        (("Zip files", "Code"), "    a = 1\n      b = 2"),
    ]


def test_a_section_knows_the_line_of_its_heading():
    """Taking scripts and comments out does not move the lines below them."""
    _, sections, _ = html_sections("<script>\n1\n2\n</script>\n<!--\n-->\n<h1>Here</h1>\n<p>text")
    assert sections[0].line == 7


@pytest.mark.parametrize("piece", ["<a ", "<!--", "</", "<![", "<a b='", "<script>", "<?", "<", "&", "<h1>", "<pre>"])
@pytest.mark.parametrize("count", [20_000, 600_000])
def test_a_hostile_page_takes_no_more_than_linear_time(piece, count):
    """A page of nothing but beginnings, which some parsers take minutes for, is done with at once."""
    html_sections(piece * count)


@given(st.text(alphabet=st.sampled_from("<>/!-ahp1[] \"'=&;?\n"), max_size=200))
def test_no_text_is_too_broken(text):
    """Whatever is in the file, something comes back."""
    html_sections(text)


def test_embedded_images_are_no_endless_tags():
    """A picture inside an attribute, as notebooks have them, does not end the reading."""
    _, sections, complete = html_sections(f"<p>before</p><img src='data:image/png;base64,{'A' * 300_000}'><p>after</p>")
    assert complete
    assert sections[0].text == "before\n\nafter"


def test_a_table_keeps_its_rows():
    """Rows of cells come out as a table, with the names of its columns; what only arranges a page as its text."""
    page = """<p>Before</p><table><thead><tr><th>Call<th>Gives</tr></thead><tbody><tr><td>read</td><td><p>some
    <b>bytes</b></p></td></tr></tbody></table><p>After</p>"""
    _, sections, _ = html_sections(page)
    assert sections[0].text == "Before\n\n| Call | Gives |\n| --- | --- |\n| read | some bytes |\n\nAfter"
    _, sections, _ = html_sections(f"<table><tr><td>Menu</td><td><p>{'Long text. ' * 30}</p></td></tr></table>")
    assert sections[0].text.startswith("Menu\n\nLong text.")
    _, sections, _ = html_sections("<table><tr><td><h1>Title</h1><p>Text</td></tr></table>")
    assert (sections[0].headings, sections[0].text) == (("Title",), "Text")

from __future__ import annotations

import pytest

from companion_async.cognition.web_crawler.reading import PageReader, UnreadableError

pytestmark = pytest.mark.feature("CB-44")


@pytest.fixture(scope="module")
def reader():
    reader = PageReader(seconds=30)
    yield reader
    reader.close()


TEA = "<title>Tee</title><p>Grüner Tee wird mit siebzig Grad heißem Wasser übergossen, höchstens für zwei Minuten.</p>"


@pytest.mark.parametrize(
    ("content", "named", "charset"),
    [
        (TEA.encode(), "", "utf-8"),
        (TEA.encode("latin-1"), "ISO-8859-1", "iso-8859-1"),
        (b"<meta charset=windows-1252>" + TEA.encode("cp1252"), "", "windows-1252"),
        (b'<meta http-equiv=x content="text/html; charset=iso-8859-1">' + TEA.encode("latin-1"), "", "iso-8859-1"),
        (b"\xef\xbb\xbf" + TEA.encode(), "latin-1", "utf-8-sig"),
        (TEA.encode("utf-16"), "", "utf-16"),
        (TEA.encode(), "no-such-charset", "utf-8"),
        (TEA.encode(), "base64", "utf-8"),
        (TEA.encode(), "\x00", "utf-8"),
    ],
)
def test_a_text_is_read_in_its_charset(reader, content, named, charset):
    """Its own mark goes before the header, that before the page, that before its looks; lies are passed over."""
    reading = reader.read(content, named, True)
    assert reading.charset == charset
    assert "Grüner Tee" in reading.text
    assert "heißem" in reading.text


@pytest.mark.parametrize(
    "content", [b"", b"\x00" * 1000, b"<", b"\xff\xfe\x00", b"<html><body></body></html>", b"<a href>"]
)
def test_whatever_was_sent_is_read_somehow(reader, content):
    """A page without anything in it is a page with nothing in it."""
    assert reader.read(content, "utf-8", True).links == ()


def test_plain_text_is_left_as_it_is(reader):
    """Text that is no HTML is not taken for some."""
    assert reader.read(b"a < b\n<title>no</title>", "utf-8", False).text == "a < b\n<title>no</title>"


@pytest.mark.slow
def test_a_page_that_takes_for_ever_costs_a_child_and_no_more():
    """Tags nested without end keep the child busy, which is ended; the next page gets a new one."""
    reader = PageReader(seconds=4)
    try:
        reader.read(TEA.encode(), "utf-8", True)
        child = reader._running()
        with pytest.raises(UnreadableError):
            reader.read(b"<div>" * 400_000, "utf-8", True)
        assert child.poll() is not None
        assert "Grüner" in reader.read(TEA.encode(), "utf-8", True).text
    finally:
        reader.close()


def test_a_child_that_dies_is_replaced(reader):
    """Whatever ends the child, the next page is read by another."""
    reader.read(TEA.encode(), "utf-8", True)
    child = reader._running()
    child.kill()
    child.wait()
    assert "Grüner" in reader.read(TEA.encode(), "utf-8", True).text

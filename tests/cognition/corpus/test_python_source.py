"""What a source file says about itself, without being run."""

from __future__ import annotations

import ast
import textwrap

import pytest

from companion_async.cognition.corpus.python_documents import python_documents
from companion_async.cognition.corpus.python_source import entries, exports, imported

pytestmark = pytest.mark.feature("CB-42")


def read(source):
    source = textwrap.dedent(source)
    return {".".join(each.path): each for each in entries(ast.parse(source), source, "m.py")}


def test_docstrings_and_signatures_are_read():
    """Module, classes, functions and methods, each with its line and how it is called, self left out."""
    found = read('''
        """The module."""

        class Zip:
            """An archive."""

            def __init__(self, file, mode="r"):
                """Open it."""

            @property
            def names(self): "All names."

            async def read(
                self, name: str, *, pwd: bytes | None = None,
            ) -> bytes:
                """Bytes of name."""

        def is_zip(path=("a", "b")):  # a comment: with a colon
            """Whether it is."""
    ''')
    assert found[""].doc == "The module."
    assert (found["Zip"].signature, found["Zip"].doc) == ('(file, mode="r")', "An archive.\n\nOpen it.")
    assert (found["Zip.names"].signature, found["Zip.names"].doc) == ("()", "All names.")
    assert found["Zip.read"].signature == "(name: str, *, pwd: bytes | None = None)"
    assert found["is_zip"].signature == "(path=('a', 'b'))"
    assert found["Zip"].location == "m.py:4"


def test_a_comment_stands_in_for_a_docstring():
    """As pydoc does, the comment right above is taken; a licence at the top is about nobody's module."""
    found = read("""
        # Copyright (c) somebody
        # All rights reserved.

        # Helpers that count the things there are.

        # Return how many
        # there are.
        def count(): ...

        def silent(): ...
    """)
    assert found[""].doc == "Helpers that count the things there are."
    assert found["count"].doc == "Return how many\nthere are."
    assert "silent" not in found


def test_private_names_are_left_out_and_platforms_are_looked_into():
    """What begins with an underscore is nobody's documentation; definitions under if and try are."""
    found = read("""
        def _hidden(): "no"
        if True:
            def first(): "one"
        else:
            def first(): "two"
        try:
            import x
        except ImportError:
            def fallback(): "three"
    """)
    assert set(found) == {"", "first", "fallback"}
    assert found["first"].doc == "one"


def test_what_all_names_is_told_even_without_documentation():
    """A function that its module offers stands there with its signature."""
    assert read("__all__ = ['f']\ndef f(a): pass\ndef g(a): pass")["f"].signature == "(a)"


def test_exports_tell_what_is_handed_on():
    """Star imports hand on what __all__ allows, named ones only what it names."""
    found = exports(ast.parse("from _a import *\nfrom _b import x, y\nfrom .c import z\n__all__ = ['x', 'z', 'w']"))
    assert found.hands_on("_b", "x")
    assert not found.hands_on("_b", "y")
    assert found.hands_on(".c", "z")
    assert found.hands_on("_a", "w")
    assert not found.hands_on("_a", "other")
    assert exports(ast.parse("from _a import *\n__all__ = names()")).hands_on("_a", "other")
    assert not exports(ast.parse("from _a import *")).hands_on("_a", "_private")


def test_imports_are_counted_wherever_they_stand():
    """An import inside a function is one as well."""
    assert imported("import os.path\ndef f():\n    from json import loads\n") == {"os", "json"}


def test_documents_know_what_they_stand_in():
    """A method's document has the summaries of its class and module as context, and its own place."""
    source = '"""Files."""\nclass Zip:\n    """Archives."""\n    def read(self):\n        """Bytes."""\n'
    documents = {
        each.id: each
        for each in python_documents("zips", entries(ast.parse(source), source, "z.py"), group="zips", mentions=("os",))
    }
    assert set(documents) == {"zips", "zips.Zip", "zips.Zip.read"}
    method = documents["zips.Zip.read"]
    assert (method.title, method.location, method.depth) == ("zips.Zip.read", "z.py:4", 2)
    assert method.context == "Files.\nArchives."
    assert method.text == "zips.Zip.read()\n\nBytes."
    assert documents["zips.Zip"].text.endswith("Methods: read")
    assert [each.mentions for each in documents.values()] == [("os",), (), ()]

"""Parses Python sources in threads."""

from __future__ import annotations

import ast
import threading

_LOCK = threading.Lock()
_TRIES = 3


def syntax_tree(source: str, name: str = "<unknown>") -> ast.Module:
    """`ast.parse` that several threads may call at once; what is no Python raises `SyntaxError` or `ValueError`.

    CPython 3.11 counts the depth of the tree that it builds in one place for all threads, and raises `SystemError` when
    two of them build at once. One at a time loses nothing, since building holds the interpreter lock; other code of
    the process may still parse at the same moment, and then it is done again.
    """
    for attempt in range(_TRIES):
        try:
            with _LOCK:
                return ast.parse(source, name)
        except SystemError:
            if attempt == _TRIES - 1:
                raise SyntaxError("the interpreter could not build the tree") from None
    raise AssertionError("the last attempt returns or raises")

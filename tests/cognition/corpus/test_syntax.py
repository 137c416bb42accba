"""Sources are parsed in threads."""

from __future__ import annotations

import ast
import inspect
from concurrent.futures import ThreadPoolExecutor

import pytest

from companion_async.cognition.corpus.syntax import syntax_tree

pytestmark = pytest.mark.feature("CB-42")


def test_threads_may_parse_at_once():
    """Sources parsed in many threads at a time give the trees that one thread gives."""
    source = inspect.getsource(ast)
    alone = ast.dump(ast.parse(source))
    with ThreadPoolExecutor(8) as pool:
        assert {ast.dump(tree) for tree in pool.map(syntax_tree, [source] * 24)} == {alone}


def test_another_parser_in_the_process_costs_a_second_try(monkeypatch):
    """What the interpreter could not do because others parse is done again, and given up as unreadable in the end."""
    troubles = [SystemError("AST constructor recursion depth mismatch")] * 2
    real = ast.parse

    def parse(*args):
        if troubles:
            raise troubles.pop()
        return real(*args)

    monkeypatch.setattr(ast, "parse", parse)
    assert ast.dump(syntax_tree("x")) == ast.dump(real("x"))
    troubles.extend([SystemError()] * 3)
    with pytest.raises(SyntaxError):
        syntax_tree("x")


def test_what_is_no_python_is_said_so():
    """A broken source raises what `ast.parse` raises."""
    with pytest.raises(SyntaxError):
        syntax_tree("def f(:")

"""What a task was called with, as it is shown."""

from __future__ import annotations

import time
from typing import Any

import pytest

from companion_async.security import Argument, shown_arguments

pytestmark = pytest.mark.feature("X-12")


class Hostile:
    def __repr__(self):
        raise AssertionError("nobody's repr is called")


def work(path, size=1, *rest, password=None, **more):
    """A target."""


def shown(*args, **kwargs):
    return {each.name: each.value for each in shown_arguments(work, args, kwargs)}


def test_each_argument_has_the_name_of_its_parameter():
    """Positional ones too; those that a callable of C takes have their place."""
    assert shown("a", 2, 3, 4, other=None) == {
        "path": "'a'",
        "size": "2",
        "rest[0]": "3",
        "rest[1]": "4",
        "other": "None",
    }
    assert [each.name for each in shown_arguments(dict.fromkeys, (1, 2), {})]
    assert [(each.name, each.value) for each in shown_arguments(max, (1, 2), {})] == [("0", "1"), ("1", "2")]


@pytest.mark.parametrize("name", ["password", "api_key", "apikey", "Authorization", "auth_token", "client_secret"])
def test_what_is_named_as_a_secret_is_not_shown(name):
    """By the name of the parameter, of a keyword, and of a key within; numbers and flags are no secrets."""
    scope: dict[str, Any] = {}
    exec(f"def signs_in({name}): pass", scope)
    assert shown_arguments(scope["signs_in"], ("hunter2",), {})[0].value == "***"
    assert shown("a", **{name: "hunter2"})[name] == "***"
    assert shown({"deep": [{name: "hunter2"}]})["path"] == f"{{'deep': [{{'{name}': ***}}]}}"
    assert shown("a", **{name: 7})[name] == "7"


def test_only_plain_data_is_shown():
    """Objects show as their type, bytes as their length, long texts and numbers cut; no code of theirs is called."""
    assert shown(Hostile(), b"12345") == {"path": "(Hostile)", "size": "(5 bytes)"}
    assert shown([Hostile()], type("Text", (str,), {})("x")) == {"path": "[(Hostile)]", "size": "(Text)"}
    assert len(shown("x" * 10_000)["path"]) < 250
    assert shown(2**1000)["path"] == "(a number of 1001 bits)"


def test_what_is_left_out_is_counted():
    """The last entry says how many more there were, whether too many or too long."""
    assert shown_arguments(work, tuple(range(42)), {})[-1] == Argument("…", "2 more")
    assert [each.name for each in shown_arguments(work, (["x" * 200] * 20,) * 5, {})] == [
        "path",
        "size",
        "rest[0]",
        "…",
    ]


def test_it_is_short_however_much_there_is():
    """Large, deep and self-containing values take no time and little room."""
    endless: list[Any] = []
    endless.append(endless)
    wide = [[[[[0] * 50] * 50] * 50] * 50] * 50
    began = time.process_time()
    for value in (endless, wide, list(range(1_000_000)), dict.fromkeys(range(1000), wide)):
        assert len(shown(value)["path"]) <= 1000
    assert len(shown_arguments(work, ("a", 1, *range(100_000)), {})) <= 41
    assert sum(len(each.value) for each in shown_arguments(work, (["x" * 200] * 20,) * 40, {})) < 3100
    assert time.process_time() - began < 5  # to look at all of it takes minutes

from __future__ import annotations

import pytest

from companion_async.cognition.model_router.rules import KINDS, classify, route
from companion_async.cognition.model_router.settings import Endpoint
from companion_async.errors import InvalidArgumentError

pytestmark = pytest.mark.feature("CB-40")


def endpoint(name, *kinds, **more):
    return Endpoint(name=name, model="m", kinds=kinds, **more)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("How do I run a function in another thread from asyncio?", "code"),
        ("Write a script that renames files", "code"),
        ("```\nprint(1)\n```", "code"),
        ("def f(x): return x", "code"),
        ("Traceback (most recent call last):\n  File ...", "code"),
        ("SELECT name FROM users WHERE id = 1;", "code"),
        ("What is 3 * 4?", "math"),
        ("how much is 15% of 80", "math"),
        ("Solve x^2 - 5x + 6 = 0", "math"),
        ("Summarise this letter", "summary"),
        ("TL;DR please", "summary"),
        ("Why is the sky blue?", "reasoning"),
        ("Compare tea and coffee", "reasoning"),
        ("What is the difference between a crow and a raven?", "reasoning"),
        ("Hello there!", "chat"),
        ("Who wrote Faust?", "chat"),
        ("I import taxes are high, they say", "chat"),
        ("", "chat"),
    ],
)
def test_kinds(text, kind):
    """The kind of a task is told from its words and signs, the most specific first."""
    assert classify(text) == kind


@pytest.mark.parametrize("kind", KINDS)
def test_a_hint_decides(kind):
    """Whoever knows the kind says so, and nothing is guessed."""
    assert classify("def f(): return 2 * 2  # why?", kind) == kind


def test_an_unknown_hint_is_refused():
    """A kind that does not exist is refused with the list of those that do."""
    with pytest.raises(InvalidArgumentError, match="code, math, summary, reasoning, chat"):
        classify("hello", "poetry")


@pytest.mark.parametrize(
    ("kind", "tokens", "order"),
    [
        # the specialist, those for anything, the other specialists; those for larger tasks behind them all
        ("code", 100, ("coder", "small", "talker", "large")),
        ("chat", 100, ("talker", "small", "coder", "large")),
        ("math", 100, ("small", "coder", "talker", "large")),
        # from its size on the large one comes before the small one; the kind still comes first
        ("math", 3000, ("large", "small", "coder", "talker")),
        ("code", 3000, ("coder", "large", "small", "talker")),
        # what cannot hold it is not asked
        ("code", 9000, ("large",)),
        ("code", 200_000, ()),
    ],
)
def test_order(kind, tokens, order):
    """Kind, then size, then the configured order decide who is asked first; who cannot hold the task is left out."""
    endpoints = [
        endpoint("small"),
        endpoint("large", from_tokens=2000, context_tokens=128_000),
        endpoint("coder", "code", "reasoning"),
        endpoint("talker", "chat"),
    ]
    assert route(kind, tokens, endpoints).endpoints == order


def test_the_best_fit_in_size_comes_first():
    """Of several sizes that a task reaches, the largest is asked; of those beyond it, the nearest."""
    endpoints = [endpoint("huge", from_tokens=4000), endpoint("any"), endpoint("big", from_tokens=1000)]
    assert route("chat", 10, endpoints).endpoints == ("any", "big", "huge")
    assert route("chat", 1000, endpoints).endpoints == ("big", "any", "huge")
    assert route("chat", 5000, endpoints).endpoints == ("huge", "big", "any")


def test_of_those_that_suit_alike_the_cheaper_comes_first():
    """Cost decides where kind and size do not, and the configured order where nothing else does."""
    endpoints = [endpoint("dear", cost=15), endpoint("first", cost=0.5), endpoint("cheap", cost=0.5)]
    assert route("chat", 10, endpoints).endpoints == ("first", "cheap", "dear")
    assert route("code", 10, [*endpoints, endpoint("coder", "code", cost=60)]).endpoints[0] == "coder"


def test_of_a_long_text_the_beginning_and_the_end_are_looked_at():
    """A question above or below what is pasted tells the kind, and a megabyte is told as fast as a page."""
    pasted = "word " * 200_000
    assert classify(f"Summarise this:\n{pasted}") == "summary"
    assert classify(f"{pasted}\nWhy is that so?") == "reasoning"
    assert classify(f"{pasted} why {pasted}") == "chat"


def test_the_reason_says_what_was_weighed():
    """A route tells its kind, its size, its order and what was left out."""
    endpoints = [endpoint("small"), endpoint("large", context_tokens=128_000)]
    assert route("code", 20_000, endpoints).reason == "a code task of about 20000 tokens: large (1 too narrow for it)"
    assert route("chat", 5, []).reason == "a chat task of about 5 tokens; no endpoint is configured"

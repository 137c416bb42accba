"""The digest is bounded, whatever the state; decisions come of it alone."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from companion_async.cognition.controller.bottleneck import LIMIT, Digest, Other, squeeze
from companion_async.cognition.controller.decision import decide
from companion_async.cognition.controller.social import MOST, Relation, felt, kept, met, parted

pytestmark = pytest.mark.feature("PP-19")

names = st.text(max_size=200)


def squeezed(**some):
    usual: dict[str, Any] = {
        "heard": None,
        "step": "",
        "goal": "",
        "urgency": 0.0,
        "surprise": "",
        "others": (),
        "relations": {},
    }
    return squeeze(**{**usual, "needs": {}, **some})


@given(names, names, names, names, st.lists(names, max_size=50), st.dictionaries(names, st.floats(0, 1), max_size=50))
def test_a_digest_is_never_larger_than_its_limit(text, step, goal, surprise, others, needs):
    """Of names, texts and crowds of any length, in any script."""
    digest = squeezed(
        heard={"by": text, "text": step * 9}, step=step, goal=goal, surprise=surprise, others=others, needs=needs
    )
    assert digest.size <= LIMIT


def test_the_worst_that_can_be_written_fits_too():
    """Texts of nothing but quotes, that JSON doubles: the least is left out first."""
    full = '"' * 500
    digest = squeezed(
        heard={"by": full, "text": full},
        step=full,
        goal=full,
        surprise=full,
        others=['"' * 39 + letter for letter in "abcd"],
        needs={'"' * 40 + letter: 1.0 for letter in "abcd"},
    )
    assert digest.size <= LIMIT
    assert digest.needs == ()
    assert digest.step == '"' * 80


def test_what_is_cut_is_cut_by_bytes_and_between_letters():
    """A text in any script takes no more of the digest than another, and stays readable."""
    digest = squeezed(heard={"by": "é" * 99, "text": "日" * 99}, step="🦊" * 99, goal="ж" * 99, surprise="a" * 99)
    lengths = [len(text.encode()) for text in (digest.spoke, digest.said, digest.step, digest.goal, digest.surprise)]
    assert lengths == [40, 120, 80, 80, 80]
    assert (digest.spoke, digest.step) == ("é" * 20, "🦊" * 20)


def test_of_those_who_are_there_the_best_liked_are_seen():
    """Three of them, and the three strongest needs."""
    likings = {"a": 0.1, "b": 0.9, "c": 0.5, "d": -0.5, "e": 0.2}
    relations = {name: Relation(liking=liking) for name, liking in likings.items()}
    digest = squeezed(others="abcde", relations=relations, needs={"a": 0.1, "b": 0.4, "c": 0.3, "d": 0.2})
    assert [other.name for other in digest.others] == ["b", "c", "e"]
    assert [name for name, _ in digest.needs] == ["b", "c", "d"]


@pytest.mark.feature("PP-18")
@pytest.mark.parametrize(
    ("digest", "step", "reason"),
    [
        (Digest(), "wait", "there is nothing better to do"),
        (Digest(spoke="bo", step="dig", urgency=0.5), "answer bo", "bo spoke"),
        (Digest(spoke="bo", step="dig", goal="find gold", urgency=0.8), "dig", "the goal is to find gold"),
        (
            Digest(spoke="bo", step="dig", goal="see to hunger", urgency=0.55, needs=(("hunger", 0.9),)),
            "dig",
            "the goal is to see to hunger",
        ),
        (Digest(spoke="bo", step="dig", urgency=0.8, others=(Other("bo", 1.0, True),)), "answer bo", "bo spoke"),
        (Digest(step="dig", urgency=0.3, others=(Other("bo", 0.0, False),)), "greet bo", "bo has come"),
        (
            Digest(step="dig", urgency=0.2, surprise="fell", others=(Other("bo", 0.0, True),)),
            "talk to bo",
            "there was a surprise: fell",
        ),
        (Digest(step="dig", goal="find gold", urgency=0.0), "dig", "the goal is to find gold"),
    ],
)
def test_the_best_of_what_could_be_done_is_done(digest, step, reason):
    """Weighed by urgency, liking and need; to do something comes before doing nothing; the reason goes on "because"."""
    decision = decide(digest, 3, 5.0)
    assert (decision.step, decision.reason) == (step, reason)
    assert (decision.number, decision.at) == (3, 5.0)


@pytest.mark.feature("PP-18")
def test_relations_grow_by_being_near_and_by_how_it_felt():
    """Within their bounds; whoever has gone is greeted again; of many the most familiar are kept."""
    relation = Relation()
    for _ in range(200):
        relation = felt(met(relation), 1.0)
    assert (relation.familiarity, round(relation.liking, 3)) == (1.0, 1.0)
    assert parted(Relation(greeted=True)).greeted is False
    crowd = {str(number): Relation(familiarity=number / 1_000) for number in range(MOST + 9)}
    assert "0" not in kept(crowd)
    assert len(kept(crowd)) == MOST

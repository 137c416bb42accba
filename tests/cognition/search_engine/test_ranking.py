"""The order of passages, as tables."""

from __future__ import annotations

import pytest

from companion_async.cognition.search_engine.ranking import Candidate, Term, leanings, ranked, rarity, term, varied

pytestmark = pytest.mark.feature("CB-42", "CB-43")

LENGTHS = (2.0, 5.0, 20.0, 5.0)


def passage(number, name="", summary="", body="", context="", **known):
    return Candidate(
        number, tuple(text.split() for text in (name, summary, body, context)), group=f"g{number}", **known
    )


def order(candidates, *terms):
    return [each.passage for each in ranked(candidates, terms, LENGTHS)]


def test_more_of_what_is_asked_for_is_better():
    """A passage with both concepts comes before one with one of them many times."""
    both, many = passage(1, body="zip read x x x x"), passage(2, body="zip zip zip zip zip zip")
    assert order([many, both], Term({"zip": 1.0}, 2.0), Term({"read": 1.0}, 2.0)) == [1, 2]


def test_names_count_more_than_mentions():
    """What is called so comes before what only speaks of it."""
    assert order([passage(1, body="zip x x"), passage(2, name="zip", body="x x x")], Term({"zip": 1.0}, 1.0)) == [2, 1]


def test_a_synonym_counts_less_than_the_word_and_not_on_top_of_it_without_bound():
    """Of two passages that differ only in that, the one with the word itself comes first."""
    delete = Term({"delete": 1.0, "remove": 0.4}, 1.0)
    assert order([passage(1, body="remove it"), passage(2, body="delete it")], delete) == [2, 1]
    endless = passage(3, body="delete remove " * 50)
    ranked([endless], [delete], LENGTHS)
    assert endless.score < 1.0 * 1.2 + 1e-9


def test_short_texts_are_not_drowned_by_long_ones():
    """The same word in a long text tells less."""
    assert order([passage(1, body="zip " + "x " * 200), passage(2, body="zip x")], Term({"zip": 1.0}, 1.0)) == [2, 1]


def test_the_known_and_the_general_come_first_among_equals():
    """What many build on, and what stands further up, wins a tie."""
    assert order([passage(1, body="zip"), passage(2, body="zip", mentions=50)], Term({"zip": 1.0}, 1.0)) == [2, 1]
    assert order([passage(1, body="zip", depth=2), passage(2, body="zip")], Term({"zip": 1.0}, 1.0)) == [2, 1]


def test_a_group_with_much_to_say_lends_weight():
    """Of two equal passages the one whose module has more that fits comes first."""
    alone, first, second = passage(1, body="zip"), passage(2, body="zip"), passage(3, body="zip x x")
    first.group = second.group = "zips"
    assert order([alone, first, second], Term({"zip": 1.0}, 1.0))[0] == 2


def test_further_ones_of_a_group_are_put_back_a_little():
    """Three places tell more than three passages of one; a far better passage stays in front all the same."""
    places = [Candidate(n, (), group, score=score) for n, group, score in [(1, "a", 10), (2, "a", 9.5), (3, "b", 9)]]
    assert [each.passage for each in varied(places)] == [1, 3, 2]
    clear = [Candidate(n, (), group, score=score) for n, group, score in [(1, "a", 10), (2, "a", 9.5), (3, "b", 5)]]
    assert [each.passage for each in varied(clear)] == [1, 2, 3]


def test_rare_words_tell_more():
    """A word that everything has tells next to nothing; a concept is as rare as its own word."""
    assert rarity(1_000, 1) > rarity(1_000, 10) > rarity(1_000, 1_000) > 0
    assert term({"zip": 1.0, "file": 0.4}, 0.5, {"zip": 6.0, "file": 1.0}).worth == 3.0
    assert term({"zip": 1.0, "tar": 0.4, "gz": 0.4}, 1.0, {"tar": 4.0, "gz": 2.0}).worth == 3.0
    assert term({"zip": 1.0}, 1.0, {}).worth == 0.0


def test_equal_scores_keep_the_order_of_the_index():
    """The same question gives the same answer twice."""
    same = [passage(number, body="zip") for number in (3, 1, 2)]
    assert order(same, Term({"zip": 1.0}, 1.0)) == [1, 2, 3]


def test_what_is_near_in_meaning_wins_among_those_that_share_as_many_words():
    """Likeness counts for a share of the best match of words: it decides between equals, not against a clear lead."""
    assert order([passage(1, body="zip"), passage(2, body="zip", likeness=0.9)], Term({"zip": 1.0}, 1.0)) == [2, 1]
    strong = passage(1, name="zip", body="zip")
    assert order([strong, passage(2, likeness=0.9)], Term({"zip": 1.0}, 1.0)) == [1, 2]


def test_a_group_where_the_words_are_at_home_comes_first_among_equals():
    """Of two equal passages the one whose group the question's words belong to comes first."""
    both = [passage(1, body="zip"), passage(2, body="zip")]
    found = ranked(both, [Term({"zip": 1.0}, 1.0)], LENGTHS, {"g1": 0.1, "g2": 0.9})
    assert [each.passage for each in found] == [2, 1]


def test_a_word_is_at_home_where_most_of_a_group_has_it():
    """Not where it occurs most often, which is in the largest group; what tells more weighs more."""
    leaning = leanings([(1.0, {"large": 12, "small": 8})], {"large": 400, "small": 20})
    assert leaning["small"] > 2 * leaning["large"] > 0
    leaning = leanings([(5.0, {"a": 5}), (1.0, {"b": 5})], {"a": 10, "b": 10})
    assert 1.0 >= leaning["a"] > leaning["b"] > 0
    assert leanings([], {"a": 3}) == {}


def test_what_is_called_as_the_question_says_comes_first_among_equals():
    """All words of its own name count for it, a part of them is chance."""
    terms = [Term({"read": 1.0, "load": 0.4}, 1.0), Term({"zip": 1.0}, 1.0)]
    named = [passage(1, body="zip read"), passage(2, body="zip read", called=frozenset({"read"}))]
    assert order(named, *terms) == [2, 1]
    partly = [passage(1, body="zip read"), passage(2, body="zip read", called=frozenset({"read", "size"}))]
    assert order(partly, *terms) == [1, 2]
    assert order([passage(1, body="zip"), passage(2, body="zip", called=frozenset({"load"}))], *terms) == [1, 2]

"""What a question asks for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from companion_async.cognition.search_engine.concepts import Vocabulary
from companion_async.cognition.search_engine.thesaurus import SYNONYMS

pytestmark = pytest.mark.feature("CB-43")

VOCABULARY = Vocabulary(lambda word: word.rstrip("s"))


def words(question, known=()):
    return [set(each.words) for each in VOCABULARY.concepts(question, set(known).__contains__)]


def test_words_of_every_question_are_no_concepts():
    """Only the telling words are looked for, each once, with other words for the same."""
    found = words("How do I delete a folder?")
    assert len(found) == 2
    assert {"delete", "remove", "unlink"} <= found[0]
    assert {"folder", "directory"} <= found[1]
    assert len(words("list list lists")) == 1


def test_the_questions_own_word_counts_more_than_a_synonym():
    """A synonym is a weaker occurrence."""
    (concept,) = VOCABULARY.concepts("delete", lambda word: False)
    assert concept.words["delete"] == 1.0
    assert concept.words["remove"] < 1.0


def test_phrases_are_found_with_words_between():
    """To round a number up is to round up."""
    assert any("ceil" in each for each in words("round a number up"))
    assert not any("ceil" in each for each in words("up round"))
    assert not any("ceil" in each for each in words("round a very large old number up"))


def test_compounds_that_occur_are_looked_for():
    """A zip file may be written zipfile, ftp be in ftplib, an abstract base class be an abc; unknown ones are not."""
    assert {"zipfile"} in words("zip file", ["zipfile"])
    assert {"zipfile"} not in words("zip file")
    assert {"ftplib"} in words("upload by ftp", ["ftplib"])
    assert {"abc"} in words("an abstract base class", ["abc"])


def test_what_does_something_is_looked_for_as_well():
    """What reads is a reader; only where such a word occurs, and as less than the word itself."""
    (concept,) = VOCABULARY.concepts("grind", {"grinder", "miller"}.__contains__)
    assert 0 < concept.words["grinder"] < concept.words["grind"] == 1.0
    assert "writer" in words("write", ["writer"])[0]
    assert "compressor" in words("compress", ["compressor"])[0]
    assert {"grinder", "writer"}.isdisjoint(set().union(*words("grind write")))


def test_a_word_of_the_language_that_is_spoken_of_is_looked_for():
    """The with statement is about with; with a file is not."""
    assert {"with"} in words("What does the with statement do?")
    assert {"for"} in words("how does a for loop work")
    assert {"is"} in words("when do I use `is`")
    assert all("with" not in each and "the" not in each for each in words("open the statement with a file"))


def test_that_things_differ_is_not_what_is_asked_about():
    """Between a list and a tuple the difference is no tool to be found; between two dates it is."""
    assert not any("difference" in each for each in words("difference between a list and a tuple"))
    assert any("difference" in each for each in words("difference between two dates"))


def test_a_question_of_common_words_is_about_these():
    """Better look for common words than for nothing."""
    assert words("what is it") == [{"what"}, {"is"}, {"it"}]
    assert words("") == []
    assert words("?!* \"' ()") == []


@given(st.text(max_size=300))
def test_any_text_is_a_question(text):
    """No text raises, and the number of concepts is bounded."""
    assert len(words(text * 30)) <= 40


def test_only_the_beginning_of_an_endless_question_is_read():
    """A megabyte costs no more than a page."""
    assert words("zip " + "x" * 1_000_000 + " tail")[0] >= {"zip"}
    assert not any("tail" in each for each in words("zip " + "x" * 1_000_000 + " tail"))


def test_the_thesaurus_has_words_on_both_sides():
    """No entry is empty, none is a phrase that nobody could type."""
    for phrase, others in SYNONYMS.items():
        assert phrase
        assert all(word.isalnum() for word in phrase), phrase
        assert others, phrase
        assert all(others), phrase

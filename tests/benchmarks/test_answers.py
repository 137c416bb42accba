"""The questions that a companion is measured by."""

from __future__ import annotations

from benchmarks.suites.answers import questions


def test_the_questions_are_many_of_every_kind_and_enough_are_held_out():
    """At least 120 in all, 20 of several hops, and 25 that nothing answers; a third to a half of all is held out."""
    kinds = questions()
    every = [question for asked in kinds.values() for question in asked]
    assert len({question.text for question in every}) >= 120
    assert len(kinds["hops"]) >= 20
    assert len(kinds["unanswerable"]) >= 25
    assert 0.3 <= sum(question.held_out for question in every) / len(every) <= 0.5

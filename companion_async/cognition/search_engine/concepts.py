"""Pure: what a question asks for: its telling words, each with other words for the same."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import pairwise
from keyword import iskeyword

import msgspec

from companion_async.cognition.search_engine.thesaurus import SYNONYMS

_WORD = re.compile(r"[^\W_]+")
_LONGEST_QUESTION = 4_000
_MOST_CONCEPTS = 40

# What every question is made of, and what is in every text.
_COMMON_WORDS = """
a an and any anything are as at be been best but by can could did do does every everything for from had has have how
i if in into is it its just know let me my need of on one or our out python should show so some something tell than
that the their them then there these they this to too up use used using want was way we were what when where which
while who why will with without would you your
"""
COMMON = frozenset(_COMMON_WORDS.split())
# Verbs of all work: they tell less about what is asked for than about that something is asked.
_WEAK_WORDS = "check code create find get give kind look make own program put read set several take thing work write"
_WEAK = frozenset(_WEAK_WORDS.split())
# A word of the language that is spoken of as such: the with statement, a for loop, 'is'.
_SPOKEN_OF = re.compile(r"[`'\"](\w+)[`'\"]|\b(\w+)(?= (?:statement|keyword|clause|block|loop|operator)s?\b)")
# What differs is asked for, not something that finds differences.
_CONTRAST = re.compile(r"\bdifferen(?:ce|ces|t) between\b.* and\b|\bdiffer(?:s|ent)? from\b")
_CONTRASTING = frozenset({"difference", "differences", "different", "differ", "differs"})
_WEAK_WEIGHT = 0.5
_SYNONYM_WEIGHT = 0.4
_AGENT_WEIGHT = 0.3
_PHRASE_WEIGHT = 0.7
_MOST_BETWEEN = 2


class Concept(msgspec.Struct, frozen=True):
    """One thing that the question is about: ``words`` stand for it, each with how surely. ``weight`` is its own.

    ``derived`` ones are read out of several words of the question, each of which is a concept as well; the others have
    their ``own`` word.
    """

    words: dict[str, float]
    weight: float = 1.0
    derived: bool = False
    own: str = ""


class Vocabulary:
    """`SYNONYMS` under a stemmer, so that any form of their words is known."""

    def __init__(self, stem: Callable[[str], str]) -> None:
        self.stem = stem
        self._synonyms: dict[tuple[str, ...], tuple[str, ...]] = {}
        for phrase, words in SYNONYMS.items():
            key = tuple(stem(word) for word in phrase)
            self._synonyms[key] = (*self._synonyms.get(key, ()), *words)
        self._longer = {phrase: words for phrase, words in self._synonyms.items() if len(phrase) > 1}

    def concepts(self, question: str, known: Callable[[str], bool]) -> list[Concept]:
        """What ``question`` is about, at most 40 concepts. ``known`` says whether a word occurs in any document.

        A question of nothing but common words is about these.
        """
        asked = question[:_LONGEST_QUESTION].lower()
        words = _WORD.findall(asked)
        stems = [self.stem(word) for word in words]
        spoken_of = {word for match in _SPOKEN_OF.finditer(asked) for word in match.groups() if word}
        passed_over = COMMON - {word for word in spoken_of if iskeyword(word)}
        if _CONTRAST.search(asked):
            passed_over |= _CONTRASTING
        found = [*self._phrases(stems), *self._compounds(words, known)]
        found += self._words(words, stems, known, passed_over)
        if not found:
            found = [Concept({word: 1.0}, own=word) for word in dict.fromkeys(words)]
        return found[:_MOST_CONCEPTS]

    def _phrases(self, stems: list[str]) -> Iterator[Concept]:
        """Phrases whose words stand in order, with at most two others between: round a number up."""
        places: dict[str, list[int]] = {}
        for place, stem in enumerate(stems):
            places.setdefault(stem, []).append(place)
        for phrase, others in self._longer.items():
            if all(stem in places for stem in phrase) and _in_order(phrase, stems, places):
                yield Concept({part: _PHRASE_WEIGHT for other in others for part in _WORD.findall(other)}, derived=True)

    def _compounds(self, words: list[str], known: Callable[[str], bool]) -> Iterator[Concept]:
        """Words written together: a zip file may be a zipfile, an abstract base class an abc."""
        for first, second in pairwise(words):
            if first not in COMMON and second not in COMMON and known(first + second):
                yield Concept({first + second: 1.0}, derived=True)
        for word in words:
            # Libraries for something are often named so: ftplib, hashlib.
            if word not in COMMON and known(word + "lib"):
                yield Concept({word + "lib": 1.0}, derived=True)
        for length in (3, 4):
            for start in range(len(words) - length + 1):
                run = words[start : start + length]
                initials = "".join(word[0] for word in run)
                if COMMON.isdisjoint(run) and known(initials):
                    yield Concept({initials: 1.0}, 0.7, derived=True)

    def _words(
        self,
        words: list[str],
        stems: list[str],
        known: Callable[[str], bool],
        passed_over: frozenset[str],
    ) -> Iterator[Concept]:
        seen = set()
        for word, stem in zip(words, stems, strict=True):
            if word in passed_over or stem in seen:
                continue
            seen.add(stem)
            meant = {
                part: _SYNONYM_WEIGHT for other in self._synonyms.get((stem,), ()) for part in _WORD.findall(other)
            }
            # What reads is a reader, what counts a counter: things are called so that do what is asked for.
            for agent in _agents(word):
                if agent not in meant and known(agent):
                    meant[agent] = _AGENT_WEIGHT
            meant[word] = 1.0
            yield Concept(meant, _WEAK_WEIGHT if word in _WEAK else 1.0, own=word)


def _agents(word: str) -> tuple[str, ...]:
    if len(word) < 3 or not word.isalpha():
        return ()
    return (f"{word}r",) if word.endswith("e") else (f"{word}er", f"{word}{word[-1]}er", f"{word}or")


def _in_order(phrase: tuple[str, ...], stems: list[str], places: dict[str, list[int]]) -> bool:
    for start in places[phrase[0]]:
        at = start
        for stem in phrase[1:]:
            at = next((place for place in places[stem] if at < place), -1)
            if at < 0:
                break
        if 0 <= at - start < len(phrase) + _MOST_BETWEEN:
            return True
    return False

"""Pure: what "he", "it" and "that" stand for: somebody or something that the question before names, or its answer."""

from __future__ import annotations

import re
from collections.abc import Sequence

from companion_async.cognition.advanced_reasoning.wording import in_signs
from companion_async.cognition.expectation import Expectation, expectation
from companion_async.cognition.factoid import Asked, asked, matches
from companion_async.cognition.names import new_names, shown_row
from companion_async.cognition.pieces import stems_of

_ANYTHING = Expectation("any", frozenset({"what", "which", "how", "who"}))
_CONNECTIVE = re.compile(r"\s*(?:and|but|so|or|then)\b,?\s+", re.IGNORECASE)
_PERSON = re.compile(
    r"\b(?:(?P<whose>his|her(?=\s+\w)(?!\s+(?:to|in|at|on|by|for|from|and|when)\b))|he|she|him|her)\b", re.IGNORECASE
)
_THING = re.compile(r"\b(?:(?P<whose>its|their)|it|they|them|(?:that|this) [a-z]{3,}(?! of))\b", re.IGNORECASE)
_CITED = re.compile(r"\s*\[\d+\]")
_NUMBER = re.compile(r"(?<![\w.])\d+(?:[.,]\d+)*(?!\w)")
_FIGURE = re.compile(r"(?<![\w.])(\d+(?:[.,]\d+)*)(?!\w)(?: [a-z]+)?")
_RESULT = re.compile(r"(-?\d+(?:[.,]\d+)*)(?: [a-z]+| \(about .*\))?", re.IGNORECASE)
# What asks for a thing by its kind, so that "it" is the thing.
_WHICH = re.compile(
    r"\W*(?:and )?(?:(?:in|on|of|from|by) )?(?:which|what) (?!is|was|are|were|do|does|did|has|had)\w", re.IGNORECASE
)
_DESCRIBED = re.compile(r"\b(?:the|a) (?:\w+ ){1,4}?(?:of|who|whose|that) ", re.IGNORECASE)


def taken_apart(question: str) -> Asked | None:
    """``question`` as one that several sentences answer; None where it asks for nothing in particular."""
    return asked(question, otherwise=_ANYTHING)


def is_of_a_person(question: str) -> bool:
    """Whether its pronoun stands for a person."""
    return _PERSON.search(question) is not None


def resolved(question: str, topic: str, told: Sequence[str]) -> str | None:
    """``question`` with the name of whom or what it points to in the place of its first pronoun.

    ``topic`` is the question that it points back to, ``told`` the names in the answer to that, the likeliest first.
    None where it has no pronoun, or there is no name for it.
    """
    spoken = _CONNECTIVE.sub("", question, count=1) if _CONNECTIVE.match(question) else question
    about = taken_apart(topic)
    if about is None or not (expectation(topic) or _WHICH.match(topic) or _is_all_named(about)):
        return None
    person, thing = _PERSON.search(spoken), _THING.search(spoken)
    pronoun = person or thing
    if pronoun is None:
        return None
    names = _of_a_person(about, told) if person else _of_a_thing(about, told)
    if not names:
        return None
    name = f"{names[0]}'s" if pronoun["whose"] else names[0]
    spelt = f"{spoken[: pronoun.start()]}{name}{spoken[pronoun.end() :]}"
    return f"{spelt[:1].upper()}{spelt[1:]}"


def figures(answer: str, topic: str) -> list[str]:
    """The figure that ``answer`` tells, with the word behind it and without: of a sum its result, of a quotation the
    only number in it that ``topic`` has not. None where there are several.
    """
    text = " ".join(_CITED.split(answer.strip(), maxsplit=1)[0].split())
    result = _RESULT.fullmatch(text)
    if result is not None:
        return [result[0], result[1]]
    about = taken_apart(topic)
    cells = shown_row(text)
    if cells and about is not None:
        text = " ".join(
            cell for column, cell in cells[1:] if any(matches(w, frozenset(stems_of(column))) for w in about.wanted)
        )
    known = set(_NUMBER.findall(in_signs(topic.lower())))
    found = [match for match in _FIGURE.finditer(in_signs(text.lower())) if match[1] not in known]
    if len({match[1] for match in found}) != 1:
        return []
    return [found[0][0].strip(), found[0][1]]


def _of_a_person(topic: Asked, told: Sequence[str]) -> list[str]:
    new = new_names(topic, told)
    # "Who is Ada Quist" names her; "who built it" and "where was the builder of it born" are told.
    is_told = (topic.expects.kind == "person" and not _is_all_named(topic)) or _DESCRIBED.search(topic.text)
    return [*new, *topic.names] if is_told else [*reversed(topic.names), *new]


def _of_a_thing(topic: Asked, told: Sequence[str]) -> list[str]:
    new = new_names(topic, told)
    by_kind = _WHICH.match(topic.text) is not None and topic.expects.kind == "any"
    return [*new, *topic.names] if by_kind else list(topic.names)


def _is_all_named(topic: Asked) -> bool:
    """Whether it asks for nothing of what it names: who is she."""
    return bool(topic.names) and {each.word for each in topic.wanted} <= {must.lower() for must in topic.musts}

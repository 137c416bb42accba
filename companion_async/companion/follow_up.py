"""Pure: what a question means in the light of the one before it."""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from companion_async.cognition.advanced_reasoning.comparison import comparison
from companion_async.cognition.advanced_reasoning.worked import is_exact
from companion_async.cognition.expectation import expectation
from companion_async.cognition.factoid import names_asked
from companion_async.cognition.model_router.embedded import NOTHING_FOUND
from companion_async.cognition.names import names_told
from companion_async.cognition.reference import figures, is_of_a_person, resolved, taken_apart

_LONGEST = 12  # words; a longer question says what it is about
_MOST_EARLIER = 8
_FEW = 4  # words; with so few, "again" and "instead" need something before them

_ANOTHER = re.compile(r"(?:and\s+)?(?:what|how) about\s+(?:the\s+)?(?P<other>\w+(?:\s+\w+)+)\s*\?*", re.IGNORECASE)
_THAT = re.compile(r"\b(?:that|this|it|the result)\b(?! [a-z]{3,} (?:is|was))", re.IGNORECASE)
_FURTHER = re.compile(
    r"(?:and\s+)?(?:(?:what|how) about\s+|(?=(?:on|in|at|for) ))(?P<more>(?:(?:on|in|at|for)\s+)?(?:the\s+)?\w+)\s*\?*",
    re.IGNORECASE,
)
_CONNECTIVE = re.compile(r"(?:and|but|so|or|then|what about|how about)\b", re.IGNORECASE)
_COMPARED = re.compile(r"\b(?:same|instead|also|too|else|again|more|other|another)\b", re.IGNORECASE)
_IDLE_IT = re.compile(r"\bis it (?:possible|ok|okay|safe|better|true|allowed|wise|necessary)\b", re.IGNORECASE)
_PRONOUN = re.compile(
    r"\b(?:it|its|them|they|he|him|his|she|her)\b"
    r"|\b(?:that|this) [a-z]{3,}(?= (?:is|was|land|take|cost|have|do|does|did)\w*\b)"
    r"|(?<!thing )\b(?:this|that|these|those)\b(?=\s*[?.!,]|\s*$|\s+(?:is|are|was|does|do|did|mean|work|return|take)\b)"
    r"|\bones?\b(?=\s*[?.!,]|\s*$)",
    re.IGNORECASE,
)
# What a pronoun further on in the question may stand for. "The best way" is no such thing.
_NAMED = re.compile(
    r"\b(?:a|an|my|your|some|each|every|two|all|the(?!\s+(?:\w+est|best|right|same|only)\b))\s+\w+", re.IGNORECASE
)
_WORD = re.compile(r"\w+")
_SMALL = frozenset(_WORD.findall("a an and are be can could do does for how i in is of on should the there to what"))


class Reading(msgspec.Struct, frozen=True):
    """What a question is taken to ask, and whether it is ``whole``: a question that speaks for itself."""

    text: str
    whole: bool = True


def reading(question: str, earlier: Sequence[tuple[str, str]]) -> Reading:
    """What ``question`` asks in the light of the ``earlier`` questions, oldest first, each with its answer.

    "That", where it makes a sum of the question, is the figure of the last answer. "What about Apollo 16?" asks the
    same of something else that begins or ends like what was asked about. "He" and "it" are whom and what the last
    question that speaks for itself names, or its answer. What else points back is searched for together with that one.
    """
    last = earlier[-_MOST_EARLIER:]
    read: list[Reading] = []
    for number, (asked, _) in enumerate(last):
        read.append(_read(asked, read, last[:number]))
    return _read(question, read, last)


def _read(question: str, read: Sequence[Reading], earlier: Sequence[tuple[str, str]]) -> Reading:
    """``read`` is what each of the ``earlier`` ones was taken to ask."""
    if not read:
        return Reading(question)
    sum_ = _with_figure(question, read[-1].text, earlier[-1][1])
    if sum_ is not None:
        return Reading(sum_)
    if not points_back(question):
        return Reading(question)
    wholes = [(each.text, told) for each, (_, told) in zip(read, earlier, strict=True) if each.whole]
    # A person may be told of in an answer to what pointed back itself; a thing is what was spoken of first.
    own = [(asked, told) for asked, told in earlier if not points_back(asked)]
    if not wholes or not own:
        return Reading(question)
    for topic, _ in reversed(wholes):
        other = _asked_of_another(topic, question)
        if other is not None:
            return Reading(other)
    topic, answer = wholes[-1] if is_of_a_person(question) else own[-1]
    whole = _asked_further(topic, question) or _resolved(question, topic, answer)
    return Reading(whole) if whole else Reading(f"{own[-1][0]} {question}", whole=False)


def points_back(question: str) -> bool:
    """Whether ``question`` speaks of something that it does not name itself."""
    words = _WORD.findall(question.lower())
    if len(words) > _LONGEST:
        return False
    if _CONNECTIVE.match(question):
        return True
    if _COMPARED.search(question) and sum(word not in _SMALL for word in words) < _FEW:
        return True
    pronoun = _PRONOUN.search(_IDLE_IT.sub("", question))
    if pronoun is None or _NAMED.search(question, 0, pronoun.start()):
        return False
    return not names_asked(question[: pronoun.start()])


def _resolved(question: str, topic: str, answer: str) -> str | None:
    about = taken_apart(topic)
    if about is None:
        return None
    if answer.startswith(NOTHING_FOUND[:-1]):
        return resolved(question, topic, ())
    if comparison(topic) is not None:
        # What was compared is one of the two from then on.
        return resolved(question, f"What is {answer.partition(':')[0]}?", ())
    return resolved(question, topic, names_told(about, answer))


def _with_figure(question: str, topic: str, answer: str) -> str | None:
    """``question`` with the figure of ``answer`` for "that", with its unit or without, where that makes a sum of it."""
    if not _THAT.search(question) or is_exact(question):
        return None
    spoken = _CONNECTIVE.sub("", question, count=1).strip()
    # "And half of it?" has no verb.
    for figure in figures(answer, topic):
        said = _THAT.sub(figure, spoken, count=1)
        if is_exact(said):
            return said
    return None


def _asked_of_another(topic: str, question: str) -> str | None:
    found = _ANOTHER.fullmatch(question.strip())
    if found is None:
        return None
    other = found["other"].split()
    for name in names_asked(topic):
        words = name.split()
        if words[0] == other[0] or words[-1] == other[-1]:
            return topic.replace(name, found["other"])
    rest = r"\s+\w+" * (len(other) - 1)
    asked, places = re.subn(rf"\b{re.escape(other[0])}{rest}\b", found["other"], topic, count=1, flags=re.IGNORECASE)
    return asked if places else None


def _asked_further(topic: str, question: str) -> str | None:
    """What a ticket costs, on Tuesdays: a fact is asked for again with a word more."""
    found = _FURTHER.fullmatch(question.strip())
    return f"{topic.rstrip('?. ')} {found['more']}?" if found is not None and expectation(topic) is not None else None

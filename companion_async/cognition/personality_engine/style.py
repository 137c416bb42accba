"""Pure: a manner of saying the same thing. What is code, quoted, cited, linked or counted stays as it is."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Literal

import msgspec

from companion_async.cognition.personality_engine.traits import Mood, Traits

Tone = Literal["plain", "warm", "sober"]

HIGH, LOW = 0.65, 0.35
_SAD = -0.35
# Fenced code, code in a line, quotations, links, and everything in brackets, which is how sources are cited. None looks
# for its end beyond the next beginning: of thousands that have no end each would look through all of the text.
_KEPT = re.compile(r"```.*?(?:```|\Z)|`[^`\n]*`|\"[^\"\n]*\"|“[^“”\n]*”|https?://\S+|\[[^\[\]\n]*\]", re.DOTALL)
_LONG = {
    "can't": "cannot",
    "won't": "will not",
    "don't": "do not",
    "doesn't": "does not",
    "didn't": "did not",
    "isn't": "is not",
    "aren't": "are not",
    "wasn't": "was not",
    "weren't": "were not",
    "shouldn't": "should not",
    "couldn't": "could not",
    "wouldn't": "would not",
    "haven't": "have not",
    "hasn't": "has not",
    "you're": "you are",
    "they're": "they are",
    "we're": "we are",
    "i'm": "I am",
    "you'll": "you will",
    "it'll": "it will",
}
_SHORT = {long.casefold(): short for short, long in _LONG.items() if short != "i'm"}
_CONTRACTED = re.compile(r"\b(?:" + "|".join(map(re.escape, _LONG)).replace("'", "['\u2019]") + r")\b", re.IGNORECASE)
_EXPANDED = re.compile(r"\b(?:" + "|".join(map(re.escape, _SHORT)) + r")\b(?! not\b)", re.IGNORECASE)

_OPENERS: dict[Tone, str] = {
    "plain": "",
    "warm": "Happy to help. ",
    "sober": "That sounds difficult; let us take it step by step. ",
}


class Styled(msgspec.Struct, frozen=True):
    """A text in a manner. ``changes`` says what was done to it; none, and it is the very text that came in."""

    text: str
    tone: Tone = "plain"
    changes: tuple[str, ...] = ()


def styled(text: str, traits: Traits, user: Mood) -> Styled:
    """``text`` in the manner of the traits, for a user in that mood.

    Two things may change, and both can be told apart from the content: contractions are written out when formality is
    high and used when it is low, and one opening sentence is put in front when warmth is high and formality is not,
    another one when the user is upset, unless agreeableness is low. Numbers, code, quotations, links and citations are
    left alone.
    """
    if not text.strip():
        return Styled(text)
    said, changes = text, list[str]()
    if traits.formality >= HIGH:
        said = _outside(said, lambda part: _CONTRACTED.sub(lambda match: _as(match[0], _LONG), part))
        changes += ["contractions written out"] * (said != text)
    elif traits.formality <= LOW:
        said = _outside(said, lambda part: _EXPANDED.sub(lambda match: _as(match[0], _SHORT), part))
        changes += ["contractions used"] * (said != text)
    tone: Tone = "plain"
    if user.valence <= _SAD and traits.agreeableness > LOW:
        tone = "sober"
    elif traits.warmth >= HIGH and traits.formality < HIGH:
        tone = "warm"
    if tone != "plain":
        said = _OPENERS[tone] + said
        changes.append(f"a {tone} opening")
    return Styled(said, tone, tuple(changes))


def _outside(text: str, change: Callable[[str], str]) -> str:
    """``text`` with everything changed but what is to be kept."""
    parts, end = [], 0
    for match in _KEPT.finditer(text):
        parts += [change(text[end : match.start()]), match[0]]
        end = match.end()
    return "".join([*parts, change(text[end:])])


def _as(found: str, table: dict[str, str]) -> str:
    """What stands for it, beginning as it does."""
    other = table[found.casefold().replace("\u2019", "'")]
    return other[0].upper() + other[1:] if found[0].isupper() else other

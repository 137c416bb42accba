"""Pure: what a memory is wanted for, by the words of the question and what the agent is about."""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec

_WORDS: Mapping[str, str] = {
    "reflection": "why pattern usually always often mean means insight learn learnt feel think",
    "planning": "plan how next tomorrow step steps goal prepare schedule before deadline",
    "decision": "should decide choose choice better best risk danger whether rather",
    "conversation": "said say says told tell talk talked asked mentioned we you who",
    "recency": "just now latest last recently today lately",
}
_KNOWN = {name: frozenset(words.split()) for name, words in _WORDS.items()}
_WORD = re.compile(r"[a-z]+")


class Purpose(msgspec.Struct, frozen=True):
    """One of the purposes of `LongTermMemory.recall`, and why it was chosen."""

    name: str
    why: str


def purpose(question: str, *, talking: bool = False, planning: bool = False) -> Purpose:
    """The one with the most of the question's words; else by what is under way; else all weigh the same."""
    words = _WORD.findall(question.casefold())
    found = {name: [word for word in words if word in known] for name, known in _KNOWN.items()}
    best = max(found, key=lambda name: len(found[name]))
    if found[best]:
        return Purpose(best, f"the question says {', '.join(dict.fromkeys(found[best]))}")
    if talking:
        return Purpose("conversation", "somebody is being talked to")
    if planning:
        return Purpose("planning", "a plan is under way")
    return Purpose("mixed", "nothing speaks for one purpose")

"""Pure: which of the built-in modules a question needs, and why. Rules over its words; nothing is run or looked up."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Literal

import msgspec

from companion_async.cognition.advanced_reasoning.comparison import comparison
from companion_async.cognition.advanced_reasoning.module import MODULE as REASONING
from companion_async.cognition.advanced_reasoning.worked import is_exact
from companion_async.cognition.code_executor.language import NAMES
from companion_async.cognition.code_executor.module import MODULE as CODE
from companion_async.cognition.knowledge_retriever.module import MODULE as RETRIEVER
from companion_async.cognition.model_router.module import MODULE as ROUTER
from companion_async.cognition.search_engine.module import MODULE as SEARCH
from companion_async.status.picture import Picture

Way = Literal["exact", "run", "hops", "retrieve"]

_LONGEST_HOPS = 400  # characters; a longer question tells what it needs by itself
_FENCE = re.compile(r"```[ \t]*(\S*)[^\n]*\n(.*?)(?:\n[ \t]*```|\Z)", re.DOTALL)
_RUN = re.compile(
    r"\b(?:run|execute|evaluate)\b"
    r"|\bwhat (?:does|do|will|would|is|are)\b.{0,60}\b(?:prints?|printed|outputs?|returns?|results?|values?|gives?)\b",
    re.IGNORECASE | re.DOTALL,
)
# Whoever asks why or how wants words, not the output.
_EXPLAINED = re.compile(r"\b(?:why|how|explain|review|improve|fix|translate|don't|do not|without)\b", re.IGNORECASE)
_QUOTED = re.compile(r"\"([^\"\n]{3,80})\"|“([^”\n]{3,80})”")
_HOPS = re.compile(
    # "the class that X inherits from", "the engineer who built it"; not "a function that ...", which describes one
    # thing; and a second question about what the first one finds.
    r"\bthe(?: \w+){1,3} (?:who|whose|that|which|where) (?:\w+ ){1,8}"
    r"|\b\w+ (?:who|whose) (?:\w+ )?(?:is|was|has|had|are|were) "
    r"|\w,? and (?:(?:in|of|from|to) )?(?:what|where|when|who|which|whose)\b"
    # "where was the commander of ... born", "where did the designer of ... teach"
    r"|^(?:(?:in|of|from|at|to) )?(?:who|where|what|which|when|how)\b.{0,40}\b(?:did|does|was|were|had|has|is) the"
    r"(?: \w+){1,4} of "
    r"|\b(?:of|by|from|in|than) the \w+ (?:of|by|from|in|behind) the \w+ (?:of|by|from|in|behind)\b",
    re.IGNORECASE,
)
_ASKS = re.compile(r"\b(?:who|whose|where|when|which|what)\b", re.IGNORECASE)


class Decision(Picture, frozen=True, kw_only=True):
    """The way that a question goes, the ``modules`` that it needs, and the ``reason`` in a sentence.

    ``way``: ``exact`` (worked out), ``run`` (a program that is run), ``hops`` (several searches, each from what the one
    before has found) or ``retrieve`` (one). ``off``: modules that would have been used, and are not there. ``learnt``
    says what was done otherwise than it would have been, on account of how answers were rated.
    """

    way: Way
    modules: tuple[str, ...]
    reason: str
    off: tuple[str, ...] = ()
    learnt: tuple[str, ...] = ()


class Program(msgspec.Struct, frozen=True):
    """A program in a question, and what its fence says that it is written in; None where it does not say."""

    code: str
    language: str | None


def decide(question: str, there: Collection[str], *, points_back: bool = False) -> Decision:
    """What ``question`` needs; ``there`` are the modules that can be used.

    A sum, an equation, a measure in another unit or a date is worked out, a program in a fence is run where that is
    what is asked for, a question that speaks of one thing by way of another, compares two, or was spelt out since it
    ``points_back``, takes several searches, and everything else one. What a missing module would have done is left to
    the search.
    """
    off: tuple[str, ...] = ()
    left = ""
    if is_exact(question):
        if REASONING in there:
            return Decision(way="exact", modules=(REASONING,), reason="It can be worked out exactly: it is.")
        off, left = (REASONING,), f" It could be worked out exactly, but {REASONING} is off."
    elif program_in(question) is not None:
        if CODE in there:
            return Decision(way="run", modules=(CODE,), reason="It asks what a program does: the program is run.")
        off, left = (CODE,), f" It asks what a program does, but {CODE} is off."
    elif points_back or _takes_hops(question):
        if REASONING in there:
            why = "points back to what was said" if points_back else "speaks of one thing by way of another"
            reason = f"It {why}: it takes several searches."
            return Decision(way="hops", modules=(RETRIEVER, REASONING, ROUTER), reason=reason)
        off, left = (REASONING,), f" It would take several searches, but {REASONING} is off."
    if phrases(question) and SEARCH in there:
        reason = f"It is looked up in what was read, and the words that it quotes as they stand.{left}"
        return Decision(way="retrieve", modules=(RETRIEVER, SEARCH, ROUTER), reason=reason, off=off)
    return Decision(
        way="retrieve", modules=(RETRIEVER, ROUTER), reason=f"It is looked up in what was read.{left}", off=off
    )


def redirected(decision: Decision, way: str) -> Decision:
    """``decision`` with several searches in the place of one, or one in that of several."""
    if way == decision.way:
        return decision
    if way == "hops":
        return msgspec.structs.replace(decision, way="hops", modules=(RETRIEVER, REASONING, ROUTER))
    return msgspec.structs.replace(decision, way="retrieve", modules=(RETRIEVER, ROUTER))


def program_in(question: str) -> Program | None:
    """The program that ``question`` has in a fence and asks to be run; None where it has none, or asks otherwise."""
    fence = _FENCE.search(question)
    if fence is None or not fence[2].strip():
        return None
    label = fence[1].lower()
    around = f"{question[: fence.start()]} {question[fence.end() :]}"
    if (label and label not in NAMES) or not _RUN.search(around) or _EXPLAINED.search(around):
        return None
    return Program(fence[2], NAMES.get(label))


def phrases(question: str) -> tuple[str, ...]:
    """What ``question`` has in double quotes, of two words or more."""
    quoted = ((match[1] or match[2]).strip() for match in _QUOTED.finditer(question))
    return tuple(dict.fromkeys(each for each in quoted if len(each.split()) > 1))


def _takes_hops(question: str) -> bool:
    if len(question) > _LONGEST_HOPS:
        return False
    return bool(_ASKS.search(question) and _HOPS.search(question)) or comparison(question) is not None

"""Pure: a question that speaks of one thing by way of another, followed from the sentence that names the other to that
which tells of it.

A sentence that has a part of the question leads on by the names in it that the question has not; what was missing is
then asked of each name. Both together have to bear out the question as one sentence would have to.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from companion_async.cognition.expectation import Expectation, expectation
from companion_async.cognition.factoid import Asked, asked
from companion_async.cognition.pinpoint import ENOUGH, SupportsPassage, Window, answers, named, windows

_MOST_WINDOWS = 4
_MOST_NAMES = 3
_MOST_LEADS = 6
_SECOND = re.compile(
    r",? and (?=(?:in |of |from |to |for |on |by )?(?:what|where|when|who|whose|which|how)\b)", re.IGNORECASE
)
_ANYTHING = Expectation("any", frozenset({"what", "which", "how", "who"}))


class Lead(msgspec.Struct, frozen=True):
    """From a ``window`` on by a ``name``, of which the words that are ``missing`` are to be asked."""

    window: Window
    name: str
    missing: tuple[str, ...]

    @property
    def query(self) -> str:
        """What to search for."""
        return " ".join((self.name, *self.missing))


class Trail(msgspec.Struct, frozen=True):
    """What answers: a window, and where it took two, the second, of the passages that were found for ``name``."""

    first: Window
    second: Window | None = None
    name: str = ""
    support: float = 0.0


def taken_apart(question: str) -> Asked | None:
    """``question`` as one that several sentences answer; None where it asks for nothing in particular."""
    return asked(question, otherwise=_ANYTHING)


def at_once(question: Asked, passages: Sequence[SupportsPassage]) -> Trail | None:
    """The one window that answers all of it, if there is one."""
    if len(_SECOND.split(question.text)) > 1:
        # Of two questions the point is in both.
        found = [window for window in answers(question, windows(question, passages)) if window.support == 1.0]
    else:
        found = answers(question, windows(question, passages))
    return Trail(found[0], support=found[0].support) if found else None


def leads(question: Asked, passages: Sequence[SupportsPassage]) -> list[Lead]:
    """Where to go on from what was found, the most promising first: by whom or what the question does not name."""
    known = question.text.casefold()
    found: list[Lead] = []
    # Where the names of the question are, there is the beginning.
    for window in sorted(windows(question, passages), key=lambda each: -each.score)[:_MOST_WINDOWS]:
        missing = tuple(each.word for each in question.wanted if each.word not in window.has)
        names = [name for name in window.names if name.casefold() not in known]
        found += [Lead(window, name, missing) for name in names[:_MOST_NAMES] if missing]
    first_of_name = {lead.name: lead for lead in reversed(found)}
    return [lead for lead in found if first_of_name[lead.name] is lead][:_MOST_LEADS]


def followed(question: Asked, lead: Lead, passages: Sequence[SupportsPassage]) -> Trail | None:
    """The window that tells of the lead's name what was missing, if it does and both answer the question."""
    tail = _SECOND.split(question.text)[-1]
    expects = expectation(tail) or question.expects
    wanted = tuple(each for each in question.wanted if each.word in lead.missing)
    rest = msgspec.structs.replace(question, expects=expects, wanted=wanted, musts=(), quotes=())
    total = sum(each.weight for each in question.wanted)
    for window in windows(rest, passages):
        has = lead.window.has | window.has
        support = sum(each.weight for each in question.wanted if each.word in has) / total
        told = f"{lead.window.text}\n{window.text}"
        if (
            window.evident
            and lead.name.split()[-1] in window.text
            and window.text != lead.window.text
            and support >= ENOUGH
            and question.point in has
            and named(question, told) == 1.0
        ):
            return Trail(lead.window, window, lead.name, support)
    return None

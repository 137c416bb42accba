"""Pure: a question that speaks of one thing by way of another, followed from the sentence that names the other to that
which tells of it.

A sentence that has a part of the question leads on by the names in it that the question has not; what was missing is
then asked of each name. Both together have to bear out the question as one sentence would have to.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from companion_async.cognition.advanced_reasoning.decomposition import in_a_row
from companion_async.cognition.expectation import expectation
from companion_async.cognition.factoid import Asked, is_of, names_in
from companion_async.cognition.names import new_names
from companion_async.cognition.pinpoint import ENOUGH, SupportsPassage, Window, answers, named, windows

_MOST_WINDOWS = 4
_MOST_NAMES = 3
_MOST_LEADS = 6


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
    """What answers: a window, and where it took two, the second, of the passages that were found for ``name``; and the
    ``names`` in it that the question has not.
    """

    first: Window
    second: Window | None = None
    name: str = ""
    support: float = 0.0
    names: tuple[str, ...] = ()


def at_once(question: Asked, passages: Sequence[SupportsPassage]) -> Trail | None:
    """The one window that answers all of it, if there is one."""
    found = answers(question, windows(question, passages))
    if in_a_row(question.text) is not None:
        # Of two questions the point is in both.
        found = [window for window in found if window.support == 1.0]
    if not found:
        return None
    return Trail(found[0], support=found[0].support, names=tuple(new_names(question, found[0].names)))


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
    row = in_a_row(question.text)
    expects = (expectation(row[1]) if row is not None else None) or question.expects
    wanted = tuple(each for each in question.wanted if each.word in lead.missing)
    rest = msgspec.structs.replace(question, expects=expects, wanted=wanted, musts=(), quotes=())
    total = sum(each.weight for each in question.wanted)
    for window in windows(rest, passages):
        has = lead.window.has | window.has
        support = sum(each.weight for each in question.wanted if each.word in has) / total
        told = f"{lead.window.text}\n{window.text}"
        if (
            window.evident
            and any(is_of(lead.name, each) for each in names_in(window.text))
            and window.text != lead.window.text
            and support >= ENOUGH
            and question.point in has
            and named(question, told) == 1.0
        ):
            return Trail(lead.window, window, lead.name, support, tuple(new_names(question, window.names)))
    return None

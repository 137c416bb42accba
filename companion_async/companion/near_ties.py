"""Pure: what may be decided by what was learnt: only between what looks nearly as good, and only on several ratings."""

from __future__ import annotations

import re
from collections.abc import Sequence

from companion_async.cognition.expectation import expectation
from companion_async.cognition.model_router.prompt import Passage
from companion_async.cognition.self_learning.learner import Advice

TIE = 0.9
"""The share of the score before it from which on a passage is nearly as good."""

_LEAST_TRIED = 3
_MARGIN = 0.15
_LONGEST_LABEL = 200
_KINDS = ("number", "time", "person", "place", "any")
_PLACE = re.compile(r":\d+$|#.*$")


def features(question: str) -> dict[str, float]:
    """What of a question may matter for what serves it: the kind of thing that it asks for, and its length."""
    expects = expectation(question)
    kinds = {f"asks for {kind}": float(expects is not None and expects.kind == kind) for kind in _KINDS}
    return {**kinds, "words": len(question.split()) / 10}


def document_of(location: str) -> str:
    """The document that a location is in, as a label: without line or page."""
    return _PLACE.sub("", location)[-_LONGEST_LABEL:]


def ties(passages: Sequence[Passage]) -> list[str]:
    """The documents of the passages that are nearly as good as the first, its own first; fewer than two are none."""
    most = passages[0].score if passages else 0.0
    documents = dict.fromkeys(document_of(each.location) for each in passages if most and each.score >= TIE * most)
    return list(documents) if len(documents) > 1 else []


def preferred(options: Sequence[str], advice: Advice) -> str | None:
    """Which of ``options`` to take in the place of the first, if what was learnt is clear enough; else None."""
    best = max(options, key=lambda option: advice.expected[option])
    gain = advice.expected[best] - advice.expected[options[0]]
    rated = advice.tried[best] + advice.tried[options[0]]
    return best if best != options[0] and gain >= _MARGIN and rated >= _LEAST_TRIED else None


def put_first(passages: Sequence[Passage], document: str) -> tuple[Passage, ...]:
    """``passages`` with those of ``document`` that are nearly as good as the first before it."""
    most = passages[0].score
    first = [each for each in passages if document_of(each.location) == document and each.score >= TIE * most]
    return (*first, *(each for each in passages if each not in first))


def reason(kind: str, instead: str, of: str, advice: Advice) -> str:
    """What was done otherwise, and on account of which ratings."""
    return (
        f"{kind}: {instead} in the place of {of}, which looked nearly as good: rated {advice.expected[instead]:.2f} "
        f"and {advice.expected[of]:.2f} after {advice.tried[instead]} and {advice.tried[of]} ratings."
    )

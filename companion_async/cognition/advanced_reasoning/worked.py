"""What can be worked out exactly: a sum or an equation, one unit in another, a date. The one way in for all three."""

from __future__ import annotations

from companion_async.cognition.advanced_reasoning.algebra import exercise
from companion_async.cognition.advanced_reasoning.calculation import work_out
from companion_async.cognition.advanced_reasoning.dates import reckoned, reckoning
from companion_async.cognition.advanced_reasoning.step import Reasoned
from companion_async.cognition.advanced_reasoning.units import conversion, converted
from companion_async.errors import InvalidArgumentError


def is_exact(text: str) -> bool:
    """Whether ``text`` sets something that can be worked out. Works nothing out."""
    try:
        return conversion(text) is not None or reckoning(text) is not None or exercise(text) is not None
    except InvalidArgumentError:
        return True  # a sum that is too large; whoever works it out says so


def worked_out(text: str) -> Reasoned | None:
    """The answer to ``text`` and how it was come by; None where it sets nothing of the kind.

    A sum that is too large to be worked out is an `InvalidArgumentError`.
    """
    measured = conversion(text)
    if measured is not None:
        return converted(measured)
    dated = reckoning(text)
    if dated is not None:
        return reckoned(dated)
    set_ = exercise(text)
    return None if set_ is None else work_out(set_)

"""Pure: what reasoning hands back: every step of it, and the answer."""

from __future__ import annotations

import msgspec

from companion_async.cognition.model_router.prompt import Passage


class Step(msgspec.Struct, frozen=True):
    """One step: its kind (``parse``, ``rewrite``, ``solve``, ``approximate``, ``search``, ``thought``, ``critique``,
    ``tool``), what was done, and what came of it. ``sources`` are the locations it rests on.
    """

    kind: str
    text: str
    result: str = ""
    sources: tuple[str, ...] = ()


class Reasoned(msgspec.Struct, frozen=True):
    """An answer with all of its steps.

    ``exact`` says that it was computed or proved, not estimated or written by a model; ``confidence`` is 1.0 then, and
    of what was computed to so many digits, and otherwise a share of agreement: of the question's words found, or of
    samples and critiques that agreed. ``found`` is false where there is no answer, and ``settled`` then where a further
    search would find none either. ``responder`` is who answered: ``sympy``, ``units``, ``calendar``, ``clingo``,
    ``planner``, ``retrieval`` or the name of a model's endpoint. ``passages`` are those that the answer of several
    searches cites, [1] the first.
    """

    answer: str
    strategy: str
    steps: tuple[Step, ...]
    exact: bool = False
    confidence: float = 0.0
    found: bool = True
    settled: bool = False
    responder: str = ""
    passages: tuple[Passage, ...] = ()

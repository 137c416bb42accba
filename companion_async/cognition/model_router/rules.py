"""Pure: what kind of task a text is, and in which order the configured endpoints are asked for it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Protocol

import msgspec

from companion_async.errors import InvalidArgumentError

_LOOKED_AT = 4_000  # characters at the beginning, and as many at the end of what may be pasted: for the loop
KINDS = ("code", "math", "summary", "reasoning", "chat")

# The first that matches decides: code is full of words and signs that would pass for the later kinds.
_RULES: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (kind, re.compile("|".join(patterns), re.IGNORECASE | re.MULTILINE))
    for kind, patterns in (
        (
            "code",
            (
                r"```",
                r"^\s*(?:def|class|import|from|async def|function|const|let|var|#include|select)\b.*[(:{;=*]",
                r"Traceback \(most recent",
                r"\b(?:code|source|script|program|function|method|class|module|package|librar(?:y|ies)|api|sdk|regex)\b",
                r"\b(?:debug|bug|exception|compil\w+|refactor\w*|unit tests?|implement\w*|decorator|async(?:io)?)\b",
                r"\b(?:threads?|threading|coroutine|python|javascript|typescript|rust|java|sql|bash|html|css|json|git)\b",
            ),
        ),
        (
            "math",
            (
                r"\d\s*[-+*/^=\u00d7\u00f7]\s*\d",
                r"\b\d+(?:\.\d+)?\s*%\s+of\b",
                r"\b(?:calculate|compute|solve|equation|integral|derivative|factori[sz]e|probabilit\w+|square root)\b",
                r"\b(?:logarithm|multipl(?:y|ied)|divided by|percent(?:age)?|how (?:much|many) is)\b",
            ),
        ),
        ("summary", (r"\b(?:summar(?:y|i[sz]e\w*)|tl;?dr|in short|key points|condense|shorten)\b",)),
        (
            "reasoning",
            (
                r"\b(?:why|explain|compare|contrast|versus|vs|prove|argue|trade-?offs?|pros and cons|step by step)\b",
                r"\b(?:because|what (?:would|if)|should (?:i|we)|difference between|decide|plan|strategy|analy[sz]e)\b",
            ),
        ),
    )
)


class Candidate(Protocol):
    """What the rules look at in an endpoint."""

    @property
    def name(self) -> str:
        """What the route calls it."""

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds it is meant for; none for any."""

    @property
    def takes(self) -> tuple[str, ...]:
        """What it understands: ``text``, ``image``, ``audio``."""

    @property
    def from_tokens(self) -> int:
        """The size from which on it is meant to be used."""

    @property
    def cost(self) -> float:
        """What so many tokens cost there, beside the others."""

    @property
    def context_tokens(self) -> int:
        """The most it can read and write in one go."""

    @property
    def max_output_tokens(self) -> int:
        """The most it is allowed to write."""


class Route(msgspec.Struct, frozen=True):
    """The endpoints to ask, in order, and why. ``tokens`` is estimated."""

    kind: str
    tokens: int
    endpoints: tuple[str, ...]
    reason: str


def classify(text: str, hint: str | None = None) -> str:
    """The kind of task that ``text`` is: ``hint`` if one is given, else the first rule that matches, else ``chat``.

    Of a long text its beginning and its end are looked at.
    """
    if hint is not None:
        given: Any = hint
        if not isinstance(given, str) or given not in KINDS:
            raise InvalidArgumentError(f"{hint!r:.80} is no kind of task. Use one of: {', '.join(KINDS)}.")
        return hint
    if len(text) > 2 * _LOOKED_AT:
        text = f"{text[:_LOOKED_AT]}\n{text[-_LOOKED_AT:]}"
    return next((kind for kind, pattern in _RULES if pattern.search(text)), "chat")


def route(kind: str, tokens: int, candidates: Sequence[Candidate], sense: str = "text") -> Route:
    """Who is asked for a task of ``kind`` whose input is about ``tokens`` long and is ``text``, ``image`` or ``audio``.

    Endpoints that do not take it, or could not hold it, are left out. Of the rest, those meant for its size come before
    those meant for larger tasks; then those meant for its kind, those meant for any, those meant for others; then the
    ones meant for the largest size that it reaches; then the cheaper; then the order of the configuration.
    """
    candidates = [each for each in candidates if sense in each.takes]
    fitting = [each for each in candidates if tokens + each.max_output_tokens <= each.context_tokens]

    def rank(candidate: Candidate) -> tuple[bool, int, int, float]:
        suited = 0 if kind in candidate.kinds else 2 if candidate.kinds else 1
        too_small = candidate.from_tokens > tokens
        size = candidate.from_tokens if too_small else -candidate.from_tokens
        return too_small, suited, size, candidate.cost

    names = tuple(each.name for each in sorted(fitting, key=rank))
    return Route(kind, tokens, names, _reason(kind, tokens, names, len(candidates) - len(fitting), bool(candidates)))


def _reason(kind: str, tokens: int, names: tuple[str, ...], too_narrow: int, configured: bool) -> str:
    task = f"a {kind} task of about {tokens} tokens"
    if not configured:
        return f"{task}; no endpoint is configured"
    left_out = f" ({too_narrow} too narrow for it)" if too_narrow else ""
    return f"{task}: {', then '.join(names) or 'no endpoint'}{left_out}"

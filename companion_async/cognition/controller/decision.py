"""Pure: what is done next, out of the digest alone."""

from __future__ import annotations

import msgspec

from companion_async.cognition.controller.bottleneck import Digest

ANSWER, GREET, TELL, WAIT = 0.6, 0.4, 0.3, 0.1
"""What it is worth to answer, to greet, to tell somebody of a surprise, and to wait; a step of the plan is worth the
urgency of its goal, up to 1.
"""

TALK = ("greet", "answer", "talk")
"""The first words of steps that are themselves talk."""

_LIKED = 0.3  # talk is worth so much more with whom one likes,
_NEEDED = 0.2  # and so much less to whom one needs something badly


class Decision(msgspec.Struct, frozen=True):
    """What the whole agent does: acting does the ``step``, talking speaks of it. ``skill`` is the step's first word,
    ``worth`` what it won by, ``number`` counts, ``at`` in seconds since the epoch.
    """

    number: int
    step: str
    skill: str
    reason: str
    worth: float
    at: float


def partner(step: str) -> str:
    """Whom a step that is talk is meant for; empty for any other."""
    head, _, rest = step.partition(" ")
    return rest.removeprefix("to ") if head in TALK else ""


def is_greeting(step: str) -> bool:
    """Whether a step is to greet somebody."""
    return step.startswith("greet ")


def options(digest: Digest) -> list[tuple[float, str, str]]:
    """Worth, step and reason of all that could be done, the best first."""
    liking = {other.name: other.liking for other in digest.others}
    need = max((strength for _, strength in digest.needs), default=0.0)

    def talk(worth: float, name: str) -> float:
        return worth + _LIKED * liking.get(name, 0.0) - _NEEDED * need

    found = [(WAIT, "wait", "there is nothing better to do")]
    if digest.spoke:
        found.append((talk(ANSWER, digest.spoke), f"answer {digest.spoke}", f"{digest.spoke} spoke"))
    if digest.step:
        found.append((max(WAIT, digest.urgency), digest.step, f"the goal is to {digest.goal}"))
    if digest.surprise and digest.others:
        name = digest.others[0].name
        found.append((talk(TELL, name), f"talk to {name}", f"there was a surprise: {digest.surprise}"))
    found += [
        (talk(GREET, other.name), f"greet {other.name}", f"{other.name} has come")
        for other in digest.others
        if not other.greeted
    ]
    return sorted(found, key=lambda option: (-option[0], option[1] == "wait"))


def decide(digest: Digest, number: int, at: float) -> Decision:
    """The best of the options."""
    worth, step, reason = options(digest)[0]
    return Decision(number, step, step.split()[0], reason, round(worth, 3), at)

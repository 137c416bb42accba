"""What comes back from the router: the answer, who gave it, and who could not."""

from __future__ import annotations

import msgspec


class Usage(msgspec.Struct, frozen=True):
    """Tokens as the provider counted them."""

    input_tokens: int
    output_tokens: int


class Failure(msgspec.Struct, frozen=True):
    """An endpoint that was asked in vain. ``reason`` names the kind of error, never its text: that may hold secrets."""

    endpoint: str
    reason: str


class Piece(msgspec.Struct, frozen=True):
    """A part of a streamed answer.

    Another ``responder`` than before means that the earlier one broke off: its pieces are void, the answer begins anew.
    """

    text: str
    responder: str


class Reply(msgspec.Struct, frozen=True):
    """A whole answer. ``cited`` are the numbers, from 0, of the passages it rests on, the most important first.

    What the text calls [1] is the first of ``cited``, and so on. ``usage`` is ``None`` where no provider counted.
    ``found`` is false where the passages held no answer.
    """

    text: str
    responder: str
    kind: str
    cited: tuple[int, ...] = ()
    found: bool = True
    failures: tuple[Failure, ...] = ()
    usage: Usage | None = None
    model: str | None = None

    @property
    def fell_back(self) -> str:
        """One sentence on the endpoints that were asked in vain; empty if the first one answered."""
        if not self.failures:
            return ""
        asked = "; ".join(f"{failure.endpoint}: {failure.reason}" for failure in self.failures)
        return f"Answered by {self.responder}, because others could not ({asked})."

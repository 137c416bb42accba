"""Pure: one conversation, within its bounds."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import msgspec

from companion_async.cognition.context_manager.digest import Digest, KeptDigest
from companion_async.cognition.context_manager.settings import ContextSettings
from companion_async.cognition.tokens import estimated_tokens

ROLES = ("user", "assistant", "system", "tool")


class Turn(msgspec.Struct, frozen=True):
    """What one side said. ``number`` counts from 1 in its conversation; ``tokens`` is estimated."""

    number: int
    role: str
    text: str
    tokens: int


class Window(msgspec.Struct, frozen=True):
    """What of a conversation is shown to a model: the latest turns, and an extract of the ``summarised`` before them.

    ``cut`` says that the one turn shown was too long for the window and has lost its middle.
    """

    turns: tuple[Turn, ...] = ()
    summary: str = ""
    summarised: int = 0
    tokens: int = 0
    cut: bool = False


def exchanges(turns: Sequence[Turn]) -> list[tuple[str, str]]:
    """The questions in ``turns``, each with its answer, or nothing where it got none; oldest first."""
    found: list[tuple[str, str]] = []
    for turn in turns:
        if turn.role == "user":
            found.append((turn.text, ""))
        elif turn.role == "assistant" and found:
            found[-1] = (found[-1][0], turn.text)
    return found


class KeptConversation(msgspec.Struct):
    """A conversation as it is written down; ``window`` are those of its turns that a model is shown."""

    count: int
    history: list[Turn]
    window: list[Turn]
    digest: KeptDigest


class Conversation:
    """Turns in order. Not for use by several threads at once."""

    def __init__(self, settings: ContextSettings) -> None:
        self._settings = settings
        self._history: deque[Turn] = deque()
        self._characters = 0
        self._window: deque[Turn] = deque()
        self._tokens = 0
        self._digest = Digest(settings.summary_tokens)
        self._count = 0

    def append(self, role: str, text: str) -> Turn:
        """Add a turn; what falls out of the window goes into the summary, what falls out of the history is gone."""
        self._count += 1
        turn = Turn(self._count, role, text, estimated_tokens(text))
        self._history.append(turn)
        self._characters += len(text)
        self._window.append(turn)
        self._tokens += turn.tokens
        self._shrink()
        return turn

    def kept(self) -> KeptConversation:
        """All that it is, to be written down."""
        return KeptConversation(self._count, [*self._history], [*self._window], self._digest.kept())

    @classmethod
    def restored(cls, kept: KeptConversation, settings: ContextSettings) -> Conversation:
        """What was written down, within these bounds."""
        conversation = cls(settings)
        conversation._count = kept.count
        conversation._history.extend(kept.history)
        conversation._characters = sum(len(turn.text) for turn in kept.history)
        conversation._window.extend(kept.window)
        conversation._tokens = sum(turn.tokens for turn in kept.window)
        conversation._digest.restore(kept.digest)
        conversation._shrink()
        return conversation

    def _shrink(self) -> None:
        settings = self._settings
        while len(self._history) > settings.history_turns or self._characters > settings.history_characters:
            self._characters -= len(self._history.popleft().text)
        while len(self._window) > 1 and (
            len(self._window) > settings.window_turns or self._tokens > settings.window_tokens
        ):
            left = self._window.popleft()
            self._tokens -= left.tokens
            self._digest.fold(left.role, left.text)

    @property
    def window(self) -> Window:
        """What is shown to a model now."""
        turns, tokens, cut = tuple(self._window), self._tokens, False
        if tokens > self._settings.window_tokens:
            (turn,) = turns
            turns = (_without_middle(turn, self._settings.window_tokens),)
            tokens, cut = turns[0].tokens, True
        return Window(turns, str(self._digest), self._digest.turns, tokens, cut)

    def history(self, limit: int) -> tuple[Turn, ...]:
        """The last ``limit`` turns that are kept, oldest first."""
        return tuple(self._history)[-limit:]


def _without_middle(turn: Turn, tokens: int) -> Turn:
    # A question stands at the beginning or at the end of what is pasted around it.
    kept = tokens * 4
    while True:
        half = kept // 2
        text = f"{turn.text[:half]}\n[...]\n{turn.text[len(turn.text) - half :]}"
        if half == 0 or estimated_tokens(text) <= tokens:
            return msgspec.structs.replace(turn, text=text, tokens=estimated_tokens(text))
        kept = kept * 3 // 4

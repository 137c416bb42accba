"""How much of a conversation is kept, and how much of that is shown to a model."""

from __future__ import annotations

from typing import Any

import msgspec

from companion_async.errors import InvalidArgumentError
from companion_async.security import check_count


class ContextSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Bounds of one conversation, and how many there may be. Tokens are estimated.

    ``window_turns`` and ``window_tokens``: the latest turns, shown word for word. ``summary_tokens``: the extract of
    what came before them. ``history_turns`` and ``history_characters``: what is kept for looking back.
    ``max_text``: characters in one turn. ``max_conversations``: beyond it the one unused for longest is forgotten.
    ``file`` keeps all conversations from one run to the next; without it they go with the process.
    """

    window_turns: int = 20
    window_tokens: int = 2000
    summary_tokens: int = 300
    history_turns: int = 200
    history_characters: int = 200_000
    max_text: int = 100_000
    max_conversations: int = 1000
    file: str | None = None

    def __post_init__(self) -> None:
        for key in self.__struct_fields__:
            if key != "file":
                check_count(getattr(self, key), key)
        file: Any = self.file
        if file is not None and not (isinstance(file, str) and file):
            raise InvalidArgumentError(f"file must be the path of a file, or unset; {file!r:.80} is not.")
        if self.max_text > self.history_characters:
            raise InvalidArgumentError(
                f"max_text must be at most history_characters ({self.history_characters}), or a turn would be "
                f"forgotten as soon as it is kept; {self.max_text} is not."
            )

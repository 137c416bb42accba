"""Where conversations are kept from one run to the next: each a document of one file of memories."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

import msgspec

from companion_async.cognition.context_manager.conversation import Conversation, KeptConversation
from companion_async.cognition.context_manager.settings import ContextSettings
from companion_async.errors import StorageError
from companion_async.memory.file import MemoryFile

T = TypeVar("T")

_NAMES = "conversations"


class Shelf:
    """Reads and writes the file: for worker threads, one at a time. Opened, and refused, as of `MemoryFile`.

    A conversation is written whole after each exchange, at most its ``history_characters`` and its window.
    """

    def __init__(self, path: str, settings: ContextSettings) -> None:
        self._settings = settings
        self._file = MemoryFile(path)

    def names(self) -> list[str]:
        """The names, the one used last at the end."""
        data = self._file.kept(_NAMES)
        return [] if data is None else _decoded(data, list[str])

    def get(self, name: str) -> Conversation:
        """The conversation of that name; an empty one without it."""
        data = self._file.kept(_key(name))
        if data is None:
            return Conversation(self._settings)
        return Conversation.restored(_decoded(data, KeptConversation), self._settings)

    def put(self, name: str, conversation: Conversation, names: Iterable[str], gone: Iterable[str]) -> None:
        """Write a conversation, and the names in their order, and drop those that are gone: all of it or nothing."""
        with self._file.transaction():
            self._file.keep(_key(name), msgspec.msgpack.encode(conversation.kept()))
            self._write(names, gone)

    def drop(self, name: str, names: Iterable[str]) -> None:
        """Forget a conversation; ``names`` are the others."""
        with self._file.transaction():
            self._write(names, [name])

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def _write(self, names: Iterable[str], gone: Iterable[str]) -> None:
        self._file.keep(_NAMES, msgspec.msgpack.encode(list(names)))
        for name in gone:
            self._file.drop(_key(name))


def _key(name: str) -> str:
    return f"conversation {name}"


def _decoded(data: bytes, cls: type[T]) -> T:
    try:
        return msgspec.msgpack.decode(data, type=cls)
    except msgspec.MsgspecError as error:
        raise StorageError(
            f"The conversations in the file cannot be read: {error}. Name another in ContextSettings(file=...)."
        ) from error

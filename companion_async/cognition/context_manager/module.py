"""The built-in module ``context_manager``."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from companion_async.cognition.context_manager.conversation import ROLES, Conversation, Turn, Window
from companion_async.cognition.context_manager.settings import ContextSettings
from companion_async.cognition.context_manager.shelf import Shelf
from companion_async.errors import InvalidArgumentError
from companion_async.modules.module import BaseModule
from companion_async.security import check_count, check_label

MODULE = "context_manager"
"""The name it is registered under."""


class Conversations:
    """All conversations, by name, at most ``max_conversations``: the one unused for longest is forgotten first.

    Any thread may use it. It outlives a restart of the module, so that healing it does not make it forgetful; with a
    ``file`` in the settings, opened when it is first needed, the end of the process as well. A write that fails leaves
    the conversation as it was.
    """

    def __init__(self, settings: ContextSettings | None = None) -> None:
        self.settings = settings or ContextSettings()
        self._lock = threading.Lock()
        self._by_name: OrderedDict[str, Conversation | None] = OrderedDict()  # None: in the file, not read yet
        self._shelf: Shelf | None = None

    def append(self, name: str, turns: Sequence[tuple[str, str]]) -> tuple[Turn, ...]:
        """Add turns of role and text, all of them side by side, or none where one is refused."""
        check_label(name, "conversation")
        for role, text in turns:
            self._check_turn(role, text)
        with self._opened() as shelf:
            conversation = self._used(name)
            fresh = conversation is None
            if conversation is None:
                conversation = self._by_name[name] = Conversation(self.settings)
            # Half a character, as a stream that was cut leaves it, is written in no file.
            added = tuple(conversation.append(role, text.encode("utf-8", "replace").decode()) for role, text in turns)
            gone = [each for each, _ in zip(self._by_name, range(self._beyond), strict=False)]
            if shelf is not None:
                try:
                    shelf.put(name, conversation, (each for each in self._by_name if each not in gone), gone)
                except BaseException:
                    self._by_name[name] = None  # what the file has of it holds
                    if fresh:
                        del self._by_name[name]
                    raise
            for each in gone:
                del self._by_name[each]
            return added

    def window(self, name: str) -> Window:
        """The window of a conversation; an empty one where there is none of that name."""
        check_label(name, "conversation")
        with self._opened():
            conversation = self._used(name)
            return conversation.window if conversation else Window()

    def history(self, name: str, limit: int) -> tuple[Turn, ...]:
        """The last ``limit`` turns of a conversation, oldest first; none where there is none of that name."""
        check_label(name, "conversation")
        check_count(limit, "limit")
        with self._opened():
            conversation = self._used(name)
            return conversation.history(limit) if conversation else ()

    def clear(self, name: str) -> bool:
        """Forget a conversation; False where there is none of that name."""
        check_label(name, "conversation")
        with self._opened() as shelf:
            if name not in self._by_name:
                return False
            if shelf is not None:
                shelf.drop(name, (each for each in self._by_name if each != name))
            del self._by_name[name]
            return True

    def names(self) -> tuple[str, ...]:
        """The names, the one used last at the end."""
        with self._opened():
            return tuple(self._by_name)

    def close(self) -> None:
        """Let go of the file, if there is one."""
        with self._lock:
            if self._shelf is not None:
                self._shelf.close()

    @contextmanager
    def _opened(self) -> Iterator[Shelf | None]:
        with self._lock:
            if self._shelf is None and self.settings.file is not None:
                shelf = Shelf(self.settings.file, self.settings)
                try:
                    self._by_name = OrderedDict.fromkeys(shelf.names())
                except BaseException:
                    shelf.close()
                    raise
                self._shelf = shelf
            yield self._shelf

    @property
    def _beyond(self) -> int:
        return max(0, len(self._by_name) - self.settings.max_conversations)

    def _used(self, name: str) -> Conversation | None:
        if name not in self._by_name:
            return None
        conversation = self._by_name[name]
        if conversation is None and self._shelf is not None:
            conversation = self._by_name[name] = self._shelf.get(name)
        self._by_name.move_to_end(name)
        return conversation

    def _check_turn(self, role: Any, text: Any) -> None:
        if not isinstance(role, str) or role not in ROLES:
            raise InvalidArgumentError(f"role must be one of {', '.join(ROLES)}; {role!r:.80} is not.")
        if not isinstance(text, str) or len(text) > self.settings.max_text:
            raise InvalidArgumentError(f"text must be a string of at most {self.settings.max_text} characters.")


class ContextManager(BaseModule):
    """Keeps what was said. Each handler is one short call and safe in any thread."""

    def __init__(self, conversations: Conversations | None = None) -> None:
        super().__init__()
        self._conversations = conversations or Conversations()

    def append(self, conversation: str, role: str, text: str) -> Turn:
        """Add what ``role`` (user, assistant, system, tool) said. The first turn makes the conversation."""
        return self._conversations.append(conversation, ((role, text),))[0]

    def exchange(self, conversation: str, question: str, answer: str) -> tuple[Turn, ...]:
        """Add a question and its answer side by side, so that exchanges of the same moment do not tear each other."""
        return self._conversations.append(conversation, (("user", question), ("assistant", answer)))

    def window(self, conversation: str) -> Window:
        """What of the conversation a model is shown."""
        return self._conversations.window(conversation)

    def summary(self, conversation: str) -> str:
        """The extract of what has fallen out of the window; empty while nothing has."""
        return self._conversations.window(conversation).summary

    def history(self, conversation: str, limit: int = 50) -> tuple[Turn, ...]:
        """The last turns, oldest first."""
        return self._conversations.history(conversation, limit)

    def clear(self, conversation: str) -> bool:
        """Forget the conversation; False where there is none of that name."""
        return self._conversations.clear(conversation)

    def conversations(self) -> tuple[str, ...]:
        """Their names, the one used last at the end."""
        return self._conversations.names()

from __future__ import annotations

import threading

import pytest

from companion_async.cognition.context_manager.module import ContextManager, Conversations
from companion_async.cognition.context_manager.settings import ContextSettings
from companion_async.errors import InvalidArgumentError
from companion_async.modules.handlers import collect

pytestmark = pytest.mark.feature("CB-41")


def test_handlers():
    """The handlers are the documented ones and no more."""
    assert set(collect(ContextManager)) == {
        "append",
        "exchange",
        "window",
        "summary",
        "history",
        "clear",
        "conversations",
    }


def test_what_was_said_is_kept_by_conversation():
    """Each conversation has its own turns, numbered from 1."""
    manager = ContextManager()
    manager.append("ada", "user", "Hello")
    manager.append("bob", "user", "Good day")
    turn = manager.append("ada", "assistant", "Hello, Ada")
    assert turn.number == 2
    assert [turn.text for turn in manager.history("ada")] == ["Hello", "Hello, Ada"]
    assert [turn.text for turn in manager.window("bob").turns] == ["Good day"]
    assert manager.conversations() == ("ada", "bob")


def test_summary_is_empty_until_something_falls_out():
    """The summary stands for what the window no longer shows."""
    manager = ContextManager(Conversations(ContextSettings(window_turns=2)))
    manager.exchange("ada", "My name is Ada.", "Noted.")
    assert manager.summary("ada") == ""
    manager.exchange("ada", "What is my name?", "Ada.")
    assert manager.summary("ada").startswith("user: My name is Ada.")


def test_clear_forgets_everything():
    """A cleared conversation begins anew, and clearing none is told."""
    manager = ContextManager()
    manager.append("ada", "user", "Hello")
    assert manager.clear("ada") is True
    assert manager.clear("ada") is False
    assert manager.history("ada") == ()
    assert manager.append("ada", "user", "Hello again").number == 1


def test_the_one_unused_for_longest_is_forgotten():
    """Beyond the bound a new conversation takes the place of the least recently used, and reading counts as use."""
    manager = ContextManager(Conversations(ContextSettings(max_conversations=2)))
    manager.append("ada", "user", "Hello")
    manager.append("bob", "user", "Hello")
    manager.window("ada")
    manager.append("cid", "user", "Hello")
    assert manager.conversations() == ("ada", "cid")


def test_looking_makes_no_conversation():
    """Asking for a conversation that does not exist leaves none behind."""
    manager = ContextManager()
    manager.window("ada")
    manager.history("ada")
    assert manager.conversations() == ()


def test_conversations_outlive_the_module():
    """A fresh instance over the same conversations, as after a restart, knows what was said."""
    conversations = Conversations()
    ContextManager(conversations).append("ada", "user", "Hello")
    assert [turn.text for turn in ContextManager(conversations).history("ada")] == ["Hello"]


@pytest.mark.parametrize(
    ("conversation", "role", "text"),
    [
        ("", "user", "x"),
        ("x" * 201, "user", "x"),
        ("a\nb", "user", "x"),
        (7, "user", "x"),
        ("ada", "robot", "x"),
        ("ada", None, "x"),
        ("ada", "user", None),
        ("ada", "user", "x" * 11),
    ],
)
def test_refused_turns_leave_nothing(conversation, role, text):
    """A name, role or text that is not one is refused, and nothing of the exchange is kept."""
    conversations = Conversations(ContextSettings(max_text=10))
    with pytest.raises(InvalidArgumentError):
        conversations.append(conversation, (("user", "fine"), (role, text)))
    assert conversations.names() == ()


def test_threads_do_not_tear_exchanges():
    """Exchanges appended by many threads at once stand whole, each question before its answer, none lost."""
    manager = ContextManager(Conversations(ContextSettings(history_turns=2000)))

    def talk(who):
        for number in range(50):
            manager.exchange("all", f"{who}-{number}?", f"{who}-{number}!")

    threads = [threading.Thread(target=talk, args=(who,)) for who in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    turns = manager.history("all", 2000)
    assert [turn.number for turn in turns] == list(range(1, 801))
    assert all(q.text[:-1] == a.text[:-1] for q, a in zip(turns[::2], turns[1::2], strict=True))

"""Conversations that outlive the process that had them."""

from __future__ import annotations

import msgspec
import pytest

from companion_async.cognition.context_manager.module import Conversations
from companion_async.cognition.context_manager.settings import ContextSettings
from companion_async.cognition.context_manager.shelf import Shelf
from companion_async.companion.companion import CompanionBrain
from companion_async.companion.config import CompanionConfig, KnowledgeSettings
from companion_async.errors import InvalidArgumentError, StorageError
from companion_async.memory.file import MemoryFile

pytestmark = pytest.mark.feature("CB-41")


@pytest.fixture
def settings(tmp_path):
    return ContextSettings(window_turns=4, file=str(tmp_path / "talk.db"))


def talk(conversations, name, count):
    for number in range(count):
        conversations.append(
            name, [("user", f"Question {number} about the Harbour?"), ("assistant", f"It is {number}.")]
        )


def test_half_a_character_is_kept_as_a_question_mark(settings):
    """What a stream that was cut has left, which no file takes, loses no exchange."""
    conversations = Conversations(settings)
    conversations.append("ada", [("user", "Hello"), ("assistant", "A smile: \ud83d")])
    conversations.close()
    assert [turn.text for turn in Conversations(settings).history("ada", 5)] == ["Hello", "A smile: ?"]


def test_a_conversation_comes_back_as_it_was(settings):
    """Window, summary, history and the numbers of turns are the same in the next run, and go on from there."""
    before = Conversations(settings)
    talk(before, "ada", 10)
    window, history = before.window("ada"), before.history("ada", 50)
    before.close()
    after = Conversations(settings)
    assert (after.window("ada"), after.history("ada", 50)) == (window, history)
    assert window.summary
    (turn,) = after.append("ada", [("user", "And now?")])
    assert turn.number == 21
    after.close()


def test_the_order_of_use_and_what_was_forgotten_last(settings):
    """Of too many the one unused for longest goes, also in the next run; what was cleared stays away."""
    few = msgspec.structs.replace(settings, max_conversations=2)
    first = Conversations(few)
    for name in ("ada", "bob", "cy"):
        talk(first, name, 1)
    assert first.names() == ("bob", "cy")
    first.close()
    second = Conversations(few)
    assert second.names() == ("bob", "cy")
    assert second.window("ada").turns == ()
    assert second.clear("bob") is True
    second.close()
    third = Conversations(few)
    assert third.names() == ("cy",)
    assert len(third.history("cy", 50)) == 2
    third.close()


def test_narrower_bounds_hold_for_what_was_kept(settings):
    """Turns beyond a smaller window of the next run are in its summary."""
    before = Conversations(settings)
    talk(before, "ada", 3)
    before.close()
    narrow = msgspec.structs.replace(settings, window_turns=2)
    after = Conversations(narrow)
    window = after.window("ada")
    assert (len(window.turns), window.summarised) == (2, 4)
    talk(after, "ada", 9)
    wide = after.window("ada").summary
    after.close()
    short = Conversations(msgspec.structs.replace(narrow, summary_tokens=20))
    assert 0 < len(short.window("ada").summary) < len(wide)
    short.close()


@pytest.mark.parametrize("broken", ["conversations", "conversation ada"])
def test_half_a_write_is_none(settings, monkeypatch, broken):
    """A conversation and the list of names are written together, and so are their ends."""
    conversations = Conversations(settings)
    for name in ("bob", "ada"):
        talk(conversations, name, 1)
    keep, drop = MemoryFile.keep, MemoryFile.drop

    def kept(self, name, data):
        if name == broken:
            raise StorageError("the disk is full")
        keep(self, name, data)

    def dropped(self, name):
        if name == broken:
            raise StorageError("the disk is full")
        return drop(self, name)

    with monkeypatch.context() as patched:
        patched.setattr(MemoryFile, "keep", kept)
        patched.setattr(MemoryFile, "drop", dropped)
        with pytest.raises(StorageError, match="full"):
            talk(conversations, "ada", 1)
        with pytest.raises(StorageError, match="full"):
            conversations.clear("ada")
    conversations.close()
    again = Conversations(settings)
    assert again.names() == ("bob", "ada")
    assert len(again.history("ada", 50)) == 2
    again.close()


def test_nothing_of_what_is_forgotten_stays_in_the_file(settings):
    """Neither of what was cleared nor of what made room; and after the end nothing is written."""
    conversations = Conversations(msgspec.structs.replace(settings, max_conversations=1))
    for name in ("ada", "bob"):
        talk(conversations, name, 1)
    conversations.clear("bob")
    conversations.close()
    with pytest.raises(StorageError):
        talk(conversations, "cy", 1)
    file = MemoryFile(settings.file)
    assert [file.kept(f"conversation {name}") for name in ("ada", "bob", "cy")] == [None] * 3
    file.close()


def test_a_write_that_fails_leaves_the_conversation_as_it_was(settings, monkeypatch):
    """Neither memory nor file has half of it, and the next one is kept."""
    conversations = Conversations(settings)
    talk(conversations, "ada", 1)

    def full(*args):
        raise StorageError("the disk is full")

    with monkeypatch.context() as broken:
        broken.setattr(Shelf, "put", full)
        for name in ("ada", "new"):
            with pytest.raises(StorageError):
                talk(conversations, name, 1)
    assert len(conversations.history("ada", 50)) == 2
    assert conversations.names() == ("ada",)
    talk(conversations, "ada", 1)
    assert len(conversations.history("ada", 50)) == 4
    conversations.close()


def test_a_file_of_something_else_is_refused(settings, tmp_path):
    """What cannot be read as conversations is an error of the family, and is left as it is."""
    (tmp_path / "talk.db").write_bytes(b"no database at all" * 100)
    with pytest.raises(StorageError):
        Conversations(settings).names()
    other = str(tmp_path / "other.db")
    file = MemoryFile(other)
    file.keep("conversations", b"\xc1")
    file.close()
    with pytest.raises(StorageError, match="cannot be read"):
        Conversations(ContextSettings(file=other)).names()
    with pytest.raises(InvalidArgumentError):
        ContextSettings(file="")


@pytest.mark.feature("CB-57")
async def test_a_companion_goes_on_where_it_was(tmp_path):
    """After a restart of the program "it" is still what was spoken of."""
    (tmp_path / "tea.md").write_text("# Green tea\n\nGreen tea is brewed for two minutes.\n", encoding="utf-8")
    config = CompanionConfig(
        knowledge=KnowledgeSettings(documents=(str(tmp_path / "tea.md"),)),
        context=ContextSettings(file=str(tmp_path / "talk.db")),
    )
    async with CompanionBrain(config) as companion:
        await companion.chat("How do I brew green tea?", conversation="ada")
    async with CompanionBrain(config) as companion:
        answer = await companion.chat("And how long does it take?", conversation="ada")
        assert "two minutes" in answer.text
        assert len(await companion.history("ada")) == 4

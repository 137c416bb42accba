"""The module search_engine, alone and inside a brain, with the extra and without."""

from __future__ import annotations

import importlib.util

import msgspec
import pytest

from companion_async.brain.brain import Brain
from companion_async.cognition.corpus.document import Document
from companion_async.cognition.search_engine.library import Library
from companion_async.cognition.search_engine.module import MODULE, Hit, SearchEngine
from companion_async.errors import InvalidArgumentError, MissingExtraError, StorageError

pytestmark = pytest.mark.feature("CB-43")

DOCUMENTS = [
    Document("zip", "zipfile", "zipfile.py:1", "Read and write ZIP archives.", group="zip"),
    Document("tar", "tarfile", "tarfile.py:1", "Read and write tar archives.", group="tar"),
    Document("mail", "smtplib", "smtplib.py:1", "Send an email message through a server.", group="mail"),
]


@pytest.fixture
def engine():
    made = SearchEngine()
    made.add(DOCUMENTS)
    yield made
    made.stop()


@pytest.fixture
def without_extra(monkeypatch):
    real = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *rest: None if name == "sklearn" else real(name, *rest)
    )


def test_hits_say_what_and_where(engine):
    """A hit has the document's id, title, location and the stretch that fits, and is plain data."""
    (hit, *_) = engine.search("zip archives", 2)
    assert (hit.document_id, hit.title, hit.location, hit.method) == ("zip", "zipfile", "zipfile.py:1", "text")
    assert hit.excerpt == "Read and write ZIP archives."
    assert hit.score > 0
    assert msgspec.json.decode(msgspec.json.encode(hit), type=Hit) == hit


def test_each_document_is_hit_once(engine):
    """A long document with many passages that fit is one hit."""
    engine.add([Document("book", "zip book", "b", "\n\n".join("zip archive " * 60 for _ in range(20)))])
    found = [hit.document_id for hit in engine.search("zip archive", 3)]
    assert sorted(found) == sorted(set(found))
    assert "book" in found


def test_documents_come_as_plain_data_too(engine):
    """What arrives over a wire as a mapping is a document if it has its fields, and is refused if not."""
    assert engine.add([{"id": "x", "title": "Gift", "location": "x", "text": "zebra"}]) == 1
    assert engine.search("zebra")[0].document_id == "x"
    for wrong in ([{"id": "y"}], "text", DOCUMENTS[0], [None], 7, [{"id": 1, "title": "", "location": "", "text": ""}]):
        with pytest.raises(InvalidArgumentError):
            engine.add(wrong)
    assert engine.count() == 4


def test_documents_are_removed_and_cleared(engine):
    """Removing counts what was there; clearing leaves nothing."""
    assert engine.remove(["zip", "zip", "nowhere"]) == 1
    assert engine.remove("tar") == 1
    assert engine.count() == 1
    engine.clear()
    assert (engine.count(), engine.search("email")) == (0, [])


@pytest.mark.parametrize("limit", [0, -1, 1.5, "3", True, 10**9])
def test_a_wrong_limit_is_refused(engine, limit):
    """The limit is a whole number within bounds."""
    with pytest.raises(InvalidArgumentError, match="limit"):
        engine.search("zip", limit)


def test_a_wrong_mode_or_query_is_refused(engine):
    """The message lists the modes that there are."""
    with pytest.raises(InvalidArgumentError, match="text, semantic, hybrid"):
        engine.search("zip", 3, "magic")
    with pytest.raises(InvalidArgumentError, match="text"):
        engine.search(None)


@pytest.mark.parametrize("mode", ["semantic", "hybrid"])
def test_without_the_extra_meaning_is_not_pretended(engine, without_extra, mode):
    """Semantic and hybrid search say which extra they need; auto does with text, and says so."""
    with pytest.raises(MissingExtraError, match=r"companion-async\[ml\]"):
        engine.search("zip", 3, mode)
    assert {hit.method for hit in engine.search("zip", 3, "auto")} == {"text"}


def test_semantic_search_finds_what_shares_no_word():
    """Words that stand in the same company mean the same: found by meaning where there is not one word in common."""
    pytest.importorskip("sklearn")
    engine = SearchEngine()
    engine.add(
        Document(f"{topic}{number}", f"{topic} {number}", "x", text, group=f"{topic}{number}")
        for topic, texts in {
            "pet": ["kitten whiskers purring", "whiskers purring feline", "feline paws purring", "paws whiskers"],
            "car": ["motor wheels gearbox", "wheels gearbox clutch", "clutch motor brakes", "brakes wheels"],
        }.items()
        for number, text in enumerate(texts)
    )
    found = engine.search("kitten", 4, "semantic")
    assert {hit.document_id for hit in found} == {"pet0", "pet1", "pet2", "pet3"}
    assert {hit.method for hit in found} == {"semantic"}
    assert [hit.document_id for hit in engine.search("kitten", 4)] == ["pet0"]
    both = engine.search("kitten", 4, "hybrid")
    assert both[0].document_id == "pet0"
    assert len(both) == 4
    # The last of all as well, whose place in the index the new one takes.
    engine.remove(["pet0", "pet1", "car3"])
    engine.add([Document("new", "new", "x", "feline kitten purring")])
    left = {hit.document_id: hit.score for hit in engine.search("kitten", 9, "semantic")}
    assert left["new"] > 0.5
    assert not {"pet0", "pet1", "car3"} & set(left)
    # One that is added without anything being taken away counts as well, and kinds and places narrow it.
    engine.add([Document("again", "again", "y/x", "feline kitten purring", kind="function")])
    assert "again" in {hit.document_id for hit in engine.search("kitten", 9, "semantic")}
    for mode in ("semantic", "hybrid"):
        assert {hit.document_id for hit in engine.search("kitten", 9, mode, kind="function")} == {"again"}
        assert {hit.document_id for hit in engine.search("kitten", 9, mode, location="y")} == {"again"}
        assert "again" not in {hit.document_id for hit in engine.search("kitten", 9, mode, location="x")}
    assert {hit.method for hit in engine.search('"kitten purring"', 9, "hybrid")} == {"text"}
    engine.clear()
    assert engine.search("kitten", 4, "semantic") == []
    engine.add([Document("fresh", "fresh", "x", "feline kitten purring"), Document("other", "other", "x", "motor")])
    assert engine.search("kitten", 9, "semantic")[0].document_id == "fresh"
    engine.stop()
    with pytest.raises(StorageError, match="closed"):
        engine.count()


def test_a_shared_library_outlives_its_modules():
    """Two engines on one library see the same documents, and the end of one leaves them to the other."""
    library = Library()
    first, second = SearchEngine(library=library), SearchEngine(library=library)
    first.add(DOCUMENTS)
    first.stop()
    assert second.count() == 3
    library.close()
    with pytest.raises(StorageError):
        second.count()


async def test_in_a_brain_it_is_found_by_name():
    """Registered under its name, its public methods are handlers that run in threads of their category."""
    async with Brain() as brain:
        await brain.register(MODULE, SearchEngine, category="phase2")
        assert await brain.submit(MODULE, "add", DOCUMENTS) == 3
        hits = await brain.submit(MODULE, "search", "How do I send an email?", 2)
        assert hits[0].document_id == "mail"
        assert await brain.submit(MODULE, "count") == 3

"""The module knowledge_retriever."""

from __future__ import annotations

import importlib.util

import anyio
import pytest

from companion_async.brain.brain import Brain
from companion_async.cognition.corpus.document import Document
from companion_async.cognition.corpus.folders import folder_jobs
from companion_async.cognition.corpus.standard_library import standard_library_jobs
from companion_async.cognition.knowledge_retriever.module import MODULE, KnowledgeRetriever
from companion_async.cognition.search_engine.library import Library
from companion_async.cognition.search_engine.module import SearchEngine
from companion_async.errors import InvalidArgumentError, MissingExtraError

pytestmark = pytest.mark.feature("CB-42")


def document(name, text, group=""):
    return Document(name, name, f"{name}:1", text, group=group)


@pytest.fixture
def retriever():
    made = KnowledgeRetriever()
    yield made
    made.stop()


@pytest.fixture
def without_extra(monkeypatch):
    real = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *rest: None if name == "sklearn" else real(name, *rest)
    )


def test_passages_carry_what_an_answer_needs(retriever, without_extra):
    """Text, place, excerpt, score, and how it was found: without the extra by text, and it says so."""
    retriever.index([document("zip", "Reads archives.\n\nMembers of a zip file are read one by one.")])
    (passage,) = retriever.retrieve("How do I read the members of a zip file?")
    assert (passage.title, passage.location, passage.document_id, passage.method) == ("zip", "zip:1", "zip", "text")
    assert "Members of a zip file" in passage.text
    assert "Members of a zip file" in passage.excerpt
    assert passage.score > 0
    with pytest.raises(MissingExtraError):
        retriever.retrieve("zip", 3, "hybrid")


def test_a_passage_says_how_much_of_the_question_it_has(retriever, without_extra):
    """Words that occur nowhere count among what is asked for; numbers do not, and a few passages cannot tell."""
    retriever.index([document("zip", "zip members")])
    assert retriever.retrieve("zip members of the football club")[0].fit == 1.0
    retriever.index([document(f"d{number}", "other things") for number in range(1_000)])
    whole, part = (retriever.retrieve(q)[0].fit for q in ("zip members", "zip members of the football club"))
    assert 1.0 >= whole > part > 0
    assert retriever.retrieve("zip members 1998")[0].fit == whole


def test_with_the_extra_both_ways_are_used(retriever):
    """Where the extra is installed, passages are found by text and meaning, and say so."""
    pytest.importorskip("sklearn")
    retriever.index([document(f"d{number}", f"zip file number {number}") for number in range(5)])
    assert {passage.method for passage in retriever.retrieve("zip file")} == {"hybrid"}
    assert {passage.method for passage in retriever.retrieve("zip file", 5, "text")} == {"text"}


def test_further_passages_of_one_place_come_later(retriever, without_extra):
    """Three passages of three files come before three of one where they fit nearly as well."""
    retriever.index([document(f"a{number}", "zip file reading", "a") for number in range(3)])
    retriever.index([document("b", "zip file reading", "b"), document("c", "zip file reading", "c")])
    groups = [passage.document_id[0] for passage in retriever.retrieve("zip file reading", 5)]
    assert sorted(groups[:3]) == ["a", "b", "c"]
    assert groups[3:] == ["a", "a"]


def test_one_library_serves_search_and_retrieval(without_extra):
    """What the retriever takes in the search engine finds; the text is kept once."""
    library = Library()
    retriever, engine = KnowledgeRetriever(library=library), SearchEngine(library=library)
    retriever.index([document("zip", "zip file")])
    assert [hit.document_id for hit in engine.search("zip")] == ["zip"]
    engine.remove(["zip"])
    assert retriever.retrieve("zip") == []
    library.close()


def test_a_context_is_numbered_and_within_its_bound(retriever, without_extra):
    """Passages with their places as far as the characters reach; cut between paragraphs; empty if nothing fits."""
    retriever.index(
        [document(f"d{number}", f"zip file {number}. " + "More about it. " * 40, f"g{number}") for number in range(5)]
    )
    context = retriever.context_for("zip file", 1_500)
    assert len(context) <= 1_500
    assert context.startswith("[1] d")
    assert "\n\n[2] d" in context
    assert len(retriever.context_for("zip file", 200)) <= 200
    assert retriever.context_for("elephant") == ""
    with pytest.raises(InvalidArgumentError, match="max_characters"):
        retriever.context_for("zip", 0)


def test_a_file_that_was_changed_is_read_anew(tmp_path, retriever, without_extra):
    """Reading a file again replaces what it said before, sections that are gone included."""
    path = tmp_path / "a.md"
    path.write_text("# One\nzebra\n# Two\ngiraffe\n")
    (job,) = folder_jobs([tmp_path])
    assert retriever.read(job).documents == 2
    path.write_text("# One\nlion\n")
    assert retriever.read(job).documents == 1
    assert retriever.count() == 1
    assert retriever.retrieve("zebra giraffe") == []
    retriever.clear()
    assert retriever.count() == 0


@pytest.mark.parametrize("question", ["", " ", "?", '"', "\0", "x" * 100_000])
def test_no_question_is_too_odd(retriever, question, without_extra):
    """Any text may be asked; what fits nothing finds nothing."""
    retriever.index([document("zip", "zip file")])
    assert retriever.retrieve(question) == []


@pytest.mark.feature("CB-57")
async def test_a_brain_reads_a_corpus_in_parallel():
    """Jobs of the standard library go through the module's threads, and what they read answers a question."""
    names = {"zipfile", "tarfile", "json", "asyncio", "csv", "shutil", "math"}
    jobs = [job for job in standard_library_jobs() if job.name in names]
    async with Brain() as brain:
        await brain.register(MODULE, KnowledgeRetriever, category="phase1", priority="high")
        with anyio.fail_after(30):
            taken = [indexed async for indexed in brain.map(MODULE, "read", jobs, limit=4)]
        assert len(taken) == len(names)
        assert sum(each.documents for each in taken) == await brain.submit(MODULE, "count")
        passages = await brain.submit(MODULE, "retrieve", "How do I read the members of a zip file?", 3)
        assert passages[0].document_id.split(".")[0] == "zipfile"

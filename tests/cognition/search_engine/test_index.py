"""Documents by their words: kept whole, found by anything, by any number of threads."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import apsw
import pytest
from hypothesis import given
from hypothesis import strategies as st

from companion_async.cognition.corpus.document import Document
from companion_async.cognition.search_engine.index import PASSAGE_CHARACTERS, TextIndex
from companion_async.cognition.search_engine.query import Query
from companion_async.errors import StorageError

pytestmark = pytest.mark.feature("CB-42", "CB-43")


def document(name, text="", **fields):
    return Document(name, name, f"{name}.md", text, **fields)


@pytest.fixture
def index():
    made = TextIndex()
    yield made
    made.close()


def ids(found):
    return [each.document_id for each in found]


def test_documents_are_found_by_any_form_of_their_words(index):
    """Reading finds what reads; what has more of the question comes first; what has nothing stays away."""
    assert index.add([document("a", "reads zip files"), document("b", "a file"), document("c", "sings")]) == 3
    assert ids(index.find(Query("reading a zip file"), 10)) == ["a", "b"]
    assert index.find(Query("nothing of this"), 10) == []
    assert index.find(Query("zip"), 0) == []


def test_an_empty_index_finds_nothing(index):
    """No document, no passage, no error."""
    assert index.find(Query("zip"), 5) == []
    assert index.count() == 0
    assert index.texts(0) == []


def test_a_known_id_is_replaced(index):
    """The later text is the only one."""
    index.add([document("a", "zip")])
    index.add([document("a", "tar")])
    assert index.count() == 1
    assert index.find(Query("zip"), 5) == []
    assert ids(index.find(Query("tar"), 5)) == ["a"]


def test_a_group_read_anew_forgets_what_is_gone(index):
    """A file with fewer sections than before leaves none of the old behind; other groups are not touched."""
    index.add([document("f#0", "zip", group="f"), document("f#1", "zip", group="f"), document("g#0", "zip", group="g")])
    index.add([document("f#0", "zip", group="f")], whole_groups=True)
    assert sorted(ids(index.find(Query("zip"), 5))) == ["f#0", "g#0"]


def test_removed_documents_are_gone_with_all_their_passages(index):
    """Nothing of them is found, counted or remembered as known."""
    long = "zip file\n\n" + "word " * PASSAGE_CHARACTERS
    index.add([document("a", long, mentions=("b",)), document("b", "zip", group="b")])
    assert len(index.texts(0)) > 5
    assert index.remove(["a", "nowhere"]) == 1
    assert ids(index.find(Query("zip word"), 5)) == ["b"]
    assert len(index.texts(0)) == 1
    index.clear()
    assert (index.count(), index.texts(0)) == (0, [])


def test_a_long_document_is_found_by_the_part_that_fits(index):
    """What comes back is the passage, not the book."""
    filler = "\n\n".join(f"paragraph {number} about something else entirely" for number in range(200))
    index.add([document("a", f"{filler}\n\nhow zip works\n\n{filler}")])
    (best, *_) = index.find(Query("zip"), 3)
    assert "how zip works" in best.text
    assert len(best.text) <= PASSAGE_CHARACTERS


def test_a_document_without_text_is_found_by_its_title(index):
    """A name is something to be found by; parts of it too."""
    index.add([document("zipfile.ZipFile"), document("other")])
    assert ids(index.find(Query("zipfile"), 5)) == ["zipfile.ZipFile"]
    assert ids(index.find(Query("zip"), 5)) == ["zipfile.ZipFile"]


def test_adding_is_all_or_nothing(index):
    """A document that cannot be stored leaves nothing of the others in the same call."""

    class Broken:
        title = "x"

    with pytest.raises(AttributeError):
        index.add([document("a", "zip"), Broken()])
    assert index.count() == 0
    assert index.find(Query("zip"), 5) == []


@pytest.mark.parametrize(
    "hostile",
    [
        '"', "'", "zip*", "zip AND", "NOT zip", "NEAR(zip file)", "zip^2", "name:zip", "(zip", "zip)", "{name} : zip",
        "-zip", "zip + file", 'a" OR "b', "'; DROP TABLE document; --", "\0zip\0", "\ud800zip", "%s %d", "zip\n\n\n",
        "\uff02zip\uff02", "\u200bzip",
    ],
)  # fmt: skip
def test_there_is_no_syntax_in_a_question(index, hostile):
    """Operators, quotes, control characters and broken text are words or nothing, never an error."""
    index.add([document("a", "zip file")])
    found = index.find(Query(hostile), 5)
    assert ids(found) in ([], ["a"])
    assert index.count() == 1
    index.excerpts(hostile, [each.passage for each in found])


@given(st.text(max_size=200))
def test_no_text_breaks_the_index_from_either_side(text):
    """Any text can be stored and asked for, and is found by itself where it has a word."""
    index = TextIndex()
    try:
        index.add([Document(text or "x", text, text, text, group=text, context=text, mentions=(text,))])
        assert len(index.find(Query(text), 5)) <= 1
        assert index.count() == 1
    finally:
        index.close()


def test_a_megabyte_of_question_is_answered(index):
    """The size of a question does not decide how long it takes."""
    index.add([document("a", "zip file")])
    assert ids(index.find(Query("zip " * 250_000), 5)) == ["a"]
    assert index.find(Query("x" * 1_000_000), 5) == []


def test_excerpts_show_where_it_fits(index):
    """The stretch around the words, on one line; a passage without any has none."""
    index.add([document("a", "start\n" + "filler words here " * 60 + "the zip file stands here\nend")])
    (found,) = index.find(Query("zip file"), 1)
    excerpt = index.excerpts("zip file", [found.passage])[found.passage]
    assert "zip file stands" in excerpt
    assert "\n" not in excerpt
    assert len(excerpt) < 400
    assert index.excerpts("elephant", [found.passage]) == {}
    assert index.excerpts("", [found.passage]) == {}


def test_what_many_mention_is_known(index):
    """Among equals the document that others build on comes first, and not the more when one mentions it twice."""
    index.add([document(name, "zip file", group=name) for name in ("a", "b")])
    assert ids(index.find(Query("zip file"), 2)) == ["a", "b"]
    index.add([document(f"m{number}", "other", group=f"m{number}", mentions=("b",)) for number in range(5)])
    assert ids(index.find(Query("zip file"), 2)) == ["b", "a"]


def test_threads_write_and_read_at_once_without_loss(index):
    """Eight threads that add, replace, remove and search leave exactly what they should."""
    index.add([document("seed", "zip file")])
    together = threading.Barrier(8)

    def work(number):
        together.wait()
        for turn in range(20):
            index.add([document(f"{number}-{turn}", f"zip {number} {turn}")])
            assert index.find(Query("zip file"), 3)
            if turn % 2:
                assert index.remove([f"{number}-{turn}"]) == 1
        return True

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(work, range(8)))
    assert index.count() == 1 + 8 * 10
    assert len(index.texts(0)) == 81


def test_a_file_keeps_what_was_added(tmp_path):
    """What was indexed is there for the next process, and for one that is running at the same time."""
    path = tmp_path / "index.db"
    first = TextIndex(path)
    first.add([document("a", "zip file", group="g")])
    second = TextIndex(path)
    assert ids(second.find(Query("zip"), 5)) == ["a"]
    second.add([document("b", "zip file")])
    assert sorted(ids(first.find(Query("zip"), 5))) == ["a", "b"]
    first.close()
    second.close()
    third = TextIndex(path)
    assert third.count() == 2
    third.close()


def test_a_file_of_another_schema_is_refused(tmp_path):
    """An index of another version is neither read wrongly nor overwritten."""
    path = tmp_path / "index.db"
    connection = apsw.Connection(str(path))
    connection.execute("PRAGMA user_version=99; CREATE TABLE precious(x)")
    connection.close()
    index = TextIndex(path)
    for _ in range(2):
        with pytest.raises(StorageError, match="schema 99"):
            index.count()
    connection = apsw.Connection(str(path))
    assert connection.execute("SELECT count(*) FROM sqlite_schema").get == 1
    connection.close()


def test_troubles_of_the_store_are_ours(tmp_path):
    """A path that cannot be a database, and a closed index, raise StorageError."""
    with pytest.raises(StorageError, match=r"folder\.db could not do that: CantOpen"):
        TextIndex(tmp_path / "no" / "such" / "folder.db").count()
    (tmp_path / "text.db").write_text("this is no database, " * 100)
    with pytest.raises(StorageError, match=r"text\.db could not do that: NotADB"):
        TextIndex(tmp_path / "text.db").count()
    index = TextIndex()
    index.close()
    index.close()
    with pytest.raises(StorageError, match="closed"):
        index.find(Query("zip"), 1)


def test_of_what_is_forgotten_no_stamp_stays(index):
    """Or a file that was taken away and comes back as it was would never be read again."""
    for forget in (index.clear, lambda: index.remove_groups(["a.md"])):
        index.add([document("a", "reads zip files", group="a.md")], whole_groups=True, stamps={"a.md": "1"})
        assert index.stamps() == {"a.md": "1"}
        forget()
        assert index.stamps() == {}


def test_a_file_that_has_become_empty_holds_nothing_any_more(index):
    """It is read, there is nothing in it, and what was in it before is gone."""
    index.add([document("a", "reads zip files", group="a.md")], whole_groups=True, stamps={"a.md": "1"})
    index.add([], whole_groups=True, stamps={"a.md": "2"})
    assert index.count() == 0
    assert index.stamps() == {"a.md": "2"}


def test_what_is_forgotten_is_mentioned_by_nobody(index):
    """Neither a document that was removed nor all of them, when they are cleared, make another the better known."""
    for forget in (lambda: index.remove(["a"]), index.clear):
        index.add([document("a", "reads zip files", mentions=("b",))])
        forget()
        with index._open() as storage:
            assert storage.connection.execute("SELECT count(*) FROM mention").get == 0


def test_a_text_goes_on_behind_a_nul(index):
    """Where SQLite would end it."""
    index.add([document("a", "tea\0harbour")])
    (found,) = index.find(Query("harbour"), 5)
    assert found.text == "tea harbour"

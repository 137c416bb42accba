"""What was learned of words is kept beside the passages: used again where it is theirs, learned again where not."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import textwrap
import threading
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import PackageNotFoundError

import apsw
import pytest

from companion_async.cognition.corpus.document import Document
from companion_async.cognition.search_engine import semantics, storage
from companion_async.cognition.search_engine.library import Library
from companion_async.cognition.search_engine.semantics import SemanticIndex

pytest.importorskip("sklearn")
pytestmark = pytest.mark.feature("CB-42", "CB-43")

TEXTS = [
    *("kitten whiskers purring", "whiskers purring feline", "feline paws purring", "paws whiskers"),
    *("motor wheels gearbox", "wheels gearbox clutch", "clutch motor brakes", "brakes wheels"),
]
DOCUMENTS = [Document(f"d{number}", f"n{number}", "x", text, group=f"d{number}") for number, text in enumerate(TEXTS)]
QUESTIONS = ("kitten", "a clutch for wheels", "feline brakes", "n3")


@pytest.fixture
def opened(tmp_path):
    """Opens libraries on one file, or on a named one, and closes them at the end."""
    with contextlib.ExitStack() as stack:

        def library(name="index.db"):
            return stack.enter_context(contextlib.closing(Library(tmp_path / name)))

        yield library


@pytest.fixture
def fits(monkeypatch):
    """The number of passages of each time that something was learned."""
    seen = []
    real = SemanticIndex._learn

    def learn(self, texts):
        seen.append(len(texts))
        real(self, texts)

    monkeypatch.setattr(SemanticIndex, "_learn", learn)
    return seen


def asked(library):
    """All that is found, scores and all."""
    return [
        (mode, each.document_id, each.score)
        for question in QUESTIONS
        for mode in ("semantic", "hybrid")
        for each in library.find(question, 9, mode)[1]
    ]


def changed(path, statement, *values):
    """Change the file as another program would."""
    connection = apsw.Connection(str(path))
    connection.execute(statement, values)
    connection.close()


def first(opened, documents=DOCUMENTS, name="index.db"):
    """What a first process finds, that has to learn."""
    library = opened(name)
    library.add(documents)
    found = asked(library)
    library.close()
    return found


def test_the_next_process_answers_the_same_without_learning(opened, fits):
    """Bit for bit, scores included."""
    found = first(opened)
    assert len(found) > len(QUESTIONS)
    assert asked(opened()) == found
    assert fits == [8]


def test_the_next_process_does_not_load_what_it_would_learn_with(opened, tmp_path):
    """Neither scikit-learn nor scipy is imported to answer from what is kept."""
    found = first(opened)
    program = f"""
    import sys
    from companion_async.cognition.search_engine.library import Library
    library = Library({str(tmp_path / "index.db")!r})
    found = [(m, e.document_id, e.score) for q in {QUESTIONS!r} for m in ("semantic", "hybrid")
             for e in library.find(q, 9, m)[1]]
    library.close()
    print([found, sorted({{"sklearn", "scipy", "pandas"}} & set(sys.modules))])
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, timeout=50, check=True
    )
    assert done.stdout.strip() == repr([found, []])


def test_what_comes_later_is_found_by_what_was_learned_before(opened, fits):
    """A process that has learned and one that took over what was learned give a new passage the same place."""
    documents = [Document(f"m{n}", f"m{n}", "x", text) for n, text in enumerate(TEXTS * 3)]
    library = opened()
    library.add(documents)
    asked(library)
    library.add([Document("new", "new", "x", "feline kitten purring")])
    found = asked(library)
    assert {each[1] for each in found} >= {"new"}
    library.close()
    assert asked(opened()) == found
    assert fits == [24]
    # A fifth more is enough to learn anew.
    opened().add([Document(f"more{n}", f"more{n}", "x", "brakes paws") for n in range(5)])
    asked(opened())
    assert fits == [24, 30]


@pytest.mark.parametrize("documents", [DOCUMENTS[:1], [Document("a", "", "x", "")]], ids=["one", "no word"])
def test_that_nothing_could_be_learned_is_kept_too(opened, fits, documents):
    """It is not tried again at each start."""
    found = first(opened, documents)
    assert asked(opened()) == found
    assert len(fits) == 1


@pytest.mark.parametrize(
    ("statement", "values"),
    [
        ("UPDATE learned SET data = substr(data, 1, length(data) - 1)", ()),
        ("UPDATE learned SET data = CAST(substr(data, 1, 200) || x'ff' || substr(data, 202) AS BLOB)", ()),
        ("UPDATE learned SET data = zeroblob(length(data))", ()),
        ("UPDATE learned SET data = 'a text'", ()),
        ("UPDATE learned SET data = 7", ()),
        ("UPDATE learned SET piece = -piece", ()),
        ("DELETE FROM learned WHERE piece = 0", ()),
        ("INSERT INTO learned VALUES (9, x'00')", ()),
        ("INSERT INTO learned VALUES (-1, ?)", (b"cbuiltins\nexit\n(tR.",)),
    ],
    ids=["cut", "a byte", "zeros", "text", "number", "in another order", "gone", "longer", "a pickle before it"],
)
def test_what_was_tampered_with_is_refused_and_learned_again(opened, fits, tmp_path, monkeypatch, statement, values):
    """And kept anew, so that the process after it need not learn."""
    monkeypatch.setattr(storage, "_PIECE", 300)
    found = first(opened)
    before = opened()._index.learned()
    changed(tmp_path / "index.db", statement, *values)
    assert asked(opened()) == found
    assert fits == [8, 8]
    assert asked(opened()) == found
    assert fits == [8, 8]
    assert opened()._index.learned() == before


def test_numbers_that_are_none_are_refused(opened, fits, tmp_path, monkeypatch):
    """Infinite ones and NaN, which fit nothing and would outdo everything, under a right seal too."""
    found = first(opened)
    library = opened()
    passages = library._index.texts(0)
    made = SemanticIndex.restored(library._index.stems, library._index.learned(), passages)
    assert made is not None
    made._vectors[0, 0] = float("nan")
    library._index.keep_learned(made.kept(passages), [number for number, _ in passages])
    assert asked(opened()) == found
    assert fits == [8, 8]


def test_what_was_learned_of_others_is_refused(opened, fits, tmp_path):
    """What is brought over from another index is not believed there."""
    first(opened, DOCUMENTS[::-1], "other.db")
    found = first(opened)
    foreign = opened("other.db")._index.learned()
    changed(tmp_path / "index.db", "DELETE FROM learned")
    changed(tmp_path / "index.db", "INSERT INTO learned VALUES (0, ?)", foreign)
    assert asked(opened()) == found
    assert fits == [8, 8, 8]


def test_what_was_learned_of_former_passages_is_refused(opened, fits, tmp_path):
    """Passages changed by one that knows nothing of this, as an older version of the library, are learned anew."""
    first(opened)
    changed(tmp_path / "index.db", "UPDATE passage SET body = 'kitten motor' WHERE rowid = 1")
    found = asked(opened())
    assert fits == [8, 8]
    assert found == first(opened, [Document("d0", "n0", "x", "kitten motor", group="d0"), *DOCUMENTS[1:]], "other.db")


def unknown(name):
    raise PackageNotFoundError(name)


@pytest.mark.parametrize(
    ("changed", "value"),
    [("_DIMENSIONS", 1), ("_EDITION", 0), ("version", lambda name: "of tomorrow"), ("version", unknown)],
    ids=["numbers", "edition", "version", "version that nobody knows"],
)
def test_what_was_learned_in_another_way_is_refused(opened, fits, monkeypatch, changed, value):
    """By other numbers, by another edition, by another version of the learner."""
    first(opened)
    monkeypatch.setattr(semantics, changed, value)
    found = asked(opened())
    assert fits == [8, 8]
    assert asked(opened()) == found
    assert fits == [8, 8]


@pytest.mark.parametrize(
    "removing",
    [
        lambda library: library.remove(["d0"]),
        lambda library: library.remove_groups(["d0"]),
        lambda library: library.add(DOCUMENTS[:1]),
        lambda library: library.add(DOCUMENTS[:1], whole_groups=True),
        lambda library: library.clear(),
    ],
    ids=["remove", "group", "replace", "read anew", "clear"],
)
def test_what_is_forgotten_takes_with_it_what_was_learned_of_it(opened, removing):
    """At once and for good: words of a document that is gone do not stay in the file."""
    first(opened)
    library = opened()
    assert b"kitten" in library._index.learned()
    removing(library)
    assert library._index.learned() == b""


def test_what_is_not_forgotten_after_all_keeps_what_was_learned(opened, fits):
    """A removal that fails is undone with all that hangs on it."""
    found = first(opened)
    library = opened()
    kept = library._index.learned()
    with pytest.raises(RuntimeError), library._index._writing() as connection:
        library._index._remove(connection, "d0")
        raise RuntimeError("in the middle")
    assert library._index.learned() == kept
    assert asked(library) == found
    assert fits == [8]


def test_keeping_that_is_broken_off_leaves_the_former(opened, fits, monkeypatch):
    """All of it is kept or nothing: here it ends after the first of several pieces."""
    monkeypatch.setattr(storage, "_PIECE", 300)
    found = first(opened)
    library = opened()
    kept = library._index.learned()

    class Torn(bytes):
        def __getitem__(self, part):
            if part.start:
                raise KeyboardInterrupt
            return super().__getitem__(part)

    with pytest.raises(KeyboardInterrupt):
        library._index.keep_learned(Torn(bytes(900)), range(1, 9))
    assert library._index.learned() == kept
    assert asked(opened()) == found
    assert fits == [8]


def test_learning_that_is_broken_off_is_done_by_whoever_asks_next(opened, fits, monkeypatch):
    """Nothing half learned is used or kept."""
    library = opened()
    library.add(DOCUMENTS)
    add = SemanticIndex.add

    def broken(self, passages):
        raise KeyboardInterrupt

    monkeypatch.setattr(SemanticIndex, "add", broken)
    with pytest.raises(KeyboardInterrupt):
        library.find("kitten", 4, "semantic")
    monkeypatch.setattr(SemanticIndex, "add", add)
    assert library._index.learned() == b""
    assert asked(library) == first(opened, name="other.db")
    assert fits == [8, 8, 8]


def test_what_cannot_be_kept_is_used_all_the_same(opened, fits):
    """A full disk costs nobody an answer; the next process learns again."""
    library = opened()
    # More than goes into a page that is there already.
    library.add([Document(f"m{n}", f"m{n}", "x", text) for n, text in enumerate(TEXTS * 12)])
    connection = library._index._storage.connection
    pages = connection.execute("PRAGMA page_count").get
    connection.execute(f"PRAGMA max_page_count = {pages}")
    found = asked(library)
    assert library._index.learned() == b""
    library.close()
    assert asked(opened()) == found
    assert fits == [96, 96]


def test_nobody_waits_for_another_process_to_keep_what_was_learned(opened, fits, tmp_path, monkeypatch):
    """While another one writes, the answer comes from what was learned, which then is not kept."""
    monkeypatch.setattr(storage, "_HURRIED_MILLISECONDS", 1)
    library = opened()
    library.add(DOCUMENTS)
    other = apsw.Connection(str(tmp_path / "index.db"))
    other.execute("BEGIN IMMEDIATE")
    found = asked(library)
    other.execute("ROLLBACK")
    other.close()
    assert found == first(opened, name="other.db")
    assert library._index.learned() == b""


def test_what_was_learned_of_passages_that_another_process_took_away_is_not_kept(opened):
    """They were there when the learning began."""
    library = opened()
    library.add(DOCUMENTS)
    passages = library._index.texts(0)
    made = SemanticIndex.fitted(library._index.stems, passages)
    numbers = [number for number, _ in passages]
    opened().remove(["d3"])
    library._index.keep_learned(made.kept(passages), numbers)
    assert library._index.learned() == b""


def test_two_that_learn_at_once_find_the_same_and_leave_one_that_is_whole(opened, fits):
    """Two connections to one file, each learning, storing and asking while the other does."""
    opened().add(DOCUMENTS)
    libraries = [opened(), opened()]
    both = threading.Barrier(2)

    def ask(library):
        both.wait(30)
        return asked(library)

    with ThreadPoolExecutor(2) as pool:
        one, other = pool.map(ask, libraries)
    assert one == other == asked(opened())
    assert 1 <= len(fits) <= 2


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_two_processes_share_an_index_from_its_first_moment(opened, tmp_path):
    """Both make it, fill it and ask at the same time; a third answers the same from what they kept."""
    program = textwrap.dedent(f"""
        import sys
        from companion_async.cognition.corpus.document import Document
        from companion_async.cognition.search_engine.library import Library
        library = Library({str(tmp_path / "index.db")!r})
        print("ready", flush=True)
        sys.stdin.readline()
        for round in range(5):
            library.add([Document(f"d{{n}}", f"n{{n}}", "x", text, group=f"d{{n}}")
                         for n, text in enumerate({TEXTS!r})])
            found = [each.document_id for each in library.find("kitten", 9, "semantic")[1]]
            assert set(found) <= {{f"d{{n}}" for n in range(8)}}, found
        library.close()
    """)
    command = [sys.executable, "-c", program]
    pipe = subprocess.PIPE
    running = [subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True) for _ in range(2)]
    for each in running:
        assert each.stdout is not None
        assert each.stdout.readline() == "ready\n"
    for each in running:
        assert each.stdin is not None
        each.stdin.write("go\n")
        each.stdin.flush()
    said = [each.communicate(timeout=100)[1] for each in running]
    assert [each.returncode for each in running] == [0, 0], said
    assert {each[1] for each in asked(opened()) if each[0] == "semantic"} == {f"d{n}" for n in range(8)}

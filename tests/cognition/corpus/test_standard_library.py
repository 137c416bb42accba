"""The documentation that every machine with Python has."""

from __future__ import annotations

import sys
from collections import Counter

import pytest

from companion_async.cognition.corpus.reading import read
from companion_async.cognition.corpus.standard_library import standard_library_jobs
from companion_async.cognition.corpus.subjects import SUBJECTS, subjects

BEFORE = set(sys.modules)

pytestmark = pytest.mark.feature("CB-42", "CB-57")


@pytest.fixture(scope="module")
def readings():
    return {job.name: read(job) for job in standard_library_jobs()}


@pytest.fixture(scope="module")
def documents(readings):
    return {document.id: document for reading in readings.values() for document in reading.documents}


def test_the_corpus_is_real(readings, documents):
    """Thousands of documents, more than a million characters, in over a hundred independent jobs, nothing unread."""
    assert len(readings) > 100
    assert len(documents) > 5_000
    assert sum(len(document.text) for document in documents.values()) > 1_500_000
    assert [note for reading in readings.values() for note in reading.notes] == []


def test_each_thing_is_told_once(readings):
    """No two documents have one id, over all jobs together."""
    ids = Counter(document.id for reading in readings.values() for document in reading.documents)
    assert [id_ for id_, count in ids.items() if count > 1] == []


@pytest.mark.parametrize(
    "name",
    [
        "zipfile.ZipFile.read",  # plain source
        "asyncio.to_thread",  # handed on by its package
        "concurrent.futures.ThreadPoolExecutor",  # loaded by its package when asked for
        "os.listdir",  # compiled, handed on by os
        "os.path.exists",  # source under another name
        "csv.reader",  # compiled, behind a Python module
        "sqlite3.connect",  # compiled, through two Python modules
        "re.Pattern.sub",  # a compiled class that no module holds by name in its source
        "threading.Lock",
        "math.ceil",  # compiled only
        "builtins.sorted",
        "decimal.Decimal.quantize",
        "datetime.date.today",
        "hashlib",
        "csv.DictReader",  # a class without a docstring
    ],
)
def test_things_are_told_under_the_name_that_programs_use(documents, name):
    """Where CPython keeps a thing is its own affair; a reader finds it where an import does."""
    document = documents[name]
    assert document.text
    assert document.location


def test_inner_names_are_not_told(documents):
    """Neither private modules nor the places where a package keeps what it hands on."""
    assert "asyncio.threads.to_thread" not in documents
    assert not [id_ for id_ in documents if id_.split(".")[0] in ("posixpath", "genericpath", "_io", "test", "idlelib")]
    assert not [id_ for id_ in documents if id_.startswith("tkinter.simpledialog.Button")]


def test_locations_lead_to_the_source(documents):
    """The line is that of the definition, in the file that has it."""
    location = documents["asyncio.to_thread"].location
    assert location.startswith(f"python{sys.version_info.major}.{sys.version_info.minor}/asyncio/threads.py:")


def test_the_language_topics_are_in_it(documents):
    """What help() tells about the language is part of the documentation."""
    assert any(id_.startswith("topic:with#") for id_ in documents)


def test_reading_imports_nothing_that_acts(readings):
    """No module with side effects comes in by being read."""
    acting = {"antigravity", "this", "idlelib", "turtle", "turtledemo", "tkinter", "curses", "readline"}
    assert len(readings) > 100
    assert not acting & (set(sys.modules) - BEFORE)


def test_subjects_are_those_of_the_nearest_name():
    """A method has its module's subjects, a name that is in the index its own, and so has a topic of the language."""
    assert subjects("zipfile.ZipFile.read") == SUBJECTS["zipfile"]
    assert subjects("builtins.str.casefold") == SUBJECTS["builtins.str"]
    assert subjects("builtins.str.split") == SUBJECTS["builtins.str.split"] != SUBJECTS["builtins.str"]
    assert "catch an exception" in subjects("topic:try")
    assert subjects("nowhere.at.all") == ""


def test_the_subject_index_is_about_what_is_there(documents):
    """Next to all of its entries name something in this interpreter; a few are of other platforms and versions."""
    known = documents.keys() | {document.group for document in documents.values()}
    strays = sorted(SUBJECTS.keys() - known)
    assert len(strays) <= len(SUBJECTS) // 20, strays


def test_a_topic_that_is_a_section_of_another_is_told_once(documents):
    """The with statement is told as itself, not as a part of all compound statements once more."""
    texts = Counter(document.text for document in documents.values() if document.kind == "topic")
    assert [text[:40] for text, count in texts.items() if count > 1] == []
    assert documents["topic:with#0"].title == 'The "with" statement'

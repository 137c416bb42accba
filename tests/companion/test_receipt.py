from __future__ import annotations

import pytest

from companion_async.companion.companion import CompanionBrain
from companion_async.companion.config import CompanionConfig, KnowledgeSettings
from companion_async.companion.receipt import Receipt
from companion_async.errors import StorageError

pytestmark = pytest.mark.feature("CB-57")


@pytest.fixture
def database(tmp_path):
    return str(tmp_path / "library.sqlite")


def test_only_an_ended_reading_holds(database):
    """Before the reading, while it goes on and after it broke off nothing is proved; at its end it is."""
    receipt = Receipt(database, ["docs"])
    assert not receipt.holds()
    assert receipt.begin()
    assert not receipt.holds()
    receipt.end()
    assert Receipt(database, ["docs"]).holds()
    assert receipt.begin()
    assert not receipt.holds()


def test_other_documents_are_told_apart(database):
    """What was read from elsewhere does not count, whether that reading ended or broke off."""
    first, second = Receipt(database, ["docs"]), Receipt(database, ["notes"])
    first.begin()
    first.end()
    assert not second.holds()
    assert not second.begin()
    assert not first.begin()
    assert not Receipt(database, []).holds()


def test_paths_count_not_how_they_are_written(database, tmp_path, monkeypatch):
    """A relative path and the absolute one of the same place are the same."""
    monkeypatch.chdir(tmp_path)
    Receipt(database, ["docs"]).end()
    assert Receipt(database, [str(tmp_path / "docs")]).holds()


@pytest.mark.parametrize("content", ["", "{", "[]", "null", '{"complete": true}'])
def test_a_damaged_receipt_proves_nothing(database, tmp_path, content):
    """What is torn or not ours is as good as none."""
    (tmp_path / "library.sqlite.read.json").write_text(content, encoding="utf-8")
    assert not Receipt(database, ["docs"]).holds()


def test_a_place_that_cannot_be_written_is_told(tmp_path):
    """A folder that is not there is an error of the family, with the path in it."""
    with pytest.raises(StorageError, match=r"library\.sqlite\.read\.json"):
        Receipt(str(tmp_path / "nowhere" / "library.sqlite"), []).begin()


def test_what_an_earlier_edition_read_is_read_anew(tmp_path, monkeypatch):
    """Documents made in another way than today's do not count as the same ones."""
    database = str(tmp_path / "kept.db")
    monkeypatch.setattr("companion_async.companion.receipt.EDITION", 1)
    earlier = Receipt(database, ())
    earlier.begin()
    earlier.end()
    assert Receipt(database, ()).holds()
    monkeypatch.setattr("companion_async.companion.receipt.EDITION", 2)
    assert not Receipt(database, ()).holds()
    assert not Receipt(database, ()).begin()


async def test_what_changed_since_an_earlier_run_is_read_anew(documents, database):
    """With the first question of the next one."""
    config = CompanionConfig(knowledge=KnowledgeSettings(documents=(str(documents),), database=database))
    tea, told = documents / "tea.md", []
    for degrees in ("70", "eighty"):
        tea.write_text(tea.read_text(encoding="utf-8").replace("70", degrees), encoding="utf-8")
        async with CompanionBrain(config) as companion:
            told.append((await companion.ask("How hot should the water for green tea be?")).text)
    assert ["70 degrees" in told[0], "eighty degrees" in told[1]] == [True, True]

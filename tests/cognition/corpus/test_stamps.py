"""Reading again only what has changed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from companion_async.cognition.corpus.folders import folder_jobs
from companion_async.cognition.corpus.stamps import pending, stamps_of
from companion_async.companion.companion import CompanionBrain
from companion_async.companion.config import CompanionConfig, KnowledgeSettings

pytestmark = pytest.mark.feature("CB-42")


@pytest.fixture
def folder(tmp_path):
    place = tmp_path / "texts"
    place.mkdir()
    for name in ("tea", "coffee", "cocoa"):
        (place / f"{name}.md").write_text(f"# {name}\n\nThe {name} of this house is brewed with care.\n", "utf-8")
    return place


def known_of(place):
    return {group: stamp for job in folder_jobs([place]) for group, stamp in stamps_of(job).items()}


def test_what_is_as_it_was_is_not_pending(folder):
    """After a change, a new file and one that is gone, exactly the first two are left to read."""
    known = known_of(folder)
    assert pending(folder_jobs([folder]), known).jobs == ()
    (folder / "tea.md").write_text("# Tea\n\nAnother text altogether.\n", encoding="utf-8")
    (folder / "mate.md").write_text("# Mate\n\nIs new.\n", encoding="utf-8")
    (folder / "cocoa.md").unlink()
    left = pending(folder_jobs([folder]), known)
    assert sorted(Path(path).name for job in left.jobs for path in job.paths) == ["mate.md", "tea.md"]
    assert left.unchanged == 1
    assert [Path(group).name for group in left.gone] == ["cocoa.md"]


def test_a_change_that_keeps_the_size_is_seen(folder):
    """The time of change tells it."""
    known = known_of(folder)
    os.utime(folder / "tea.md", ns=(1, 1))
    left = pending(folder_jobs([folder]), known)
    assert [Path(path).name for job in left.jobs for path in job.paths] == ["tea.md"]


def test_only_what_is_below_the_folder_can_be_gone(folder, tmp_path):
    """Files known from elsewhere, beside it or above, are no business of this reading."""
    known = {**known_of(folder), (tmp_path / "other.md").as_posix(): "1", f"{folder.as_posix()}-more/x.md": "1"}
    assert pending(folder_jobs([folder]), known).gone == ()


async def test_a_companion_reads_again_only_what_changed(folder, tmp_path):
    """Within a run and from one run to the next; what is gone answers no more."""
    database = str(tmp_path / "read.db")
    config = CompanionConfig(knowledge=KnowledgeSettings(documents=(str(folder),), database=database))
    async with CompanionBrain(config) as companion:
        first = await companion.learn()
        assert (first.documents, first.unchanged) == (3, 0)
        assert (await companion.learn()).unchanged == 3
    (folder / "tea.md").write_text("# Tea\n\nThe tea of this house is brewed with patience.\n", encoding="utf-8")
    (folder / "cocoa.md").unlink()
    async with CompanionBrain(config) as companion:
        answer = await companion.ask("How is the tea of this house brewed?")
        assert "patience" in answer.text
        reads = [task for task in companion.tasks(module="knowledge_retriever") if task.target == "read"]
        assert len(reads) == 1
        assert "cocoa" not in (await companion.ask("How is the cocoa of this house brewed?")).sources[0].location


async def test_documents_that_moved_away_are_still_known(folder, tmp_path):
    """A folder that is not there any more costs nothing of what was read of it."""
    database = str(tmp_path / "read.db")
    config = CompanionConfig(knowledge=KnowledgeSettings(documents=(str(folder),), database=database))
    async with CompanionBrain(config) as companion:
        await companion.learn()
    folder.rename(tmp_path / "elsewhere")
    async with CompanionBrain(config) as companion:
        assert "with care" in (await companion.ask("How is the tea of this house brewed?")).text


async def test_what_was_read_can_be_forgotten(folder):
    """A file by itself, then all of the folder; how many documents that were."""
    config = CompanionConfig(knowledge=KnowledgeSettings(documents=(str(folder),)))
    async with CompanionBrain(config) as companion:
        await companion.learn()
        assert await companion.unlearn(folder / "tea.md") == 1
        assert await companion.submit("knowledge_retriever", "count") == 2
        assert await companion.unlearn(folder) == 2
        assert await companion.unlearn(folder) == 0
        assert (await companion.learn()).documents == 3


NAMES = tuple(map(os.fsdecode, (b"caf\xe9.md", b"caf\xe8.md", b"r\xe9sum\xe9s/page\xff.md")))


@pytest.fixture
def odd(tmp_path):
    place = tmp_path / "odd"
    for number, name in enumerate(NAMES):
        try:
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            (place / name).write_text(f"# Drink {number}\n\nThe file number {number} is about lemonade.\n", "utf-8")
        except OSError:
            pytest.skip("this file system takes no names that are no UTF-8")
    return place


async def test_files_whose_names_are_no_utf8_are_read_once_like_others(odd, tmp_path):
    """Each keeps its own documents, is not read anew as long as it is as it was, and can be forgotten or be gone."""
    database = str(tmp_path / "read.db")
    config = CompanionConfig(knowledge=KnowledgeSettings(documents=(str(odd),), database=database))
    for documents, unchanged in ((3, 0), (0, 3)):
        async with CompanionBrain(config) as companion:
            learned = await companion.learn()
            assert (learned.documents, learned.unchanged) == (documents, unchanged)
            found = await companion.submit("knowledge_retriever", "retrieve", "lemonade", 10)
            assert sorted(each.location.removeprefix(f"{odd.as_posix()}/") for each in found) == [
                "caf\\udce8.md:1",
                "caf\\udce9.md:1",
                "r\\udce9sum\\udce9s/page\\udcff.md:1",
            ]
    async with CompanionBrain(config) as companion:
        assert await companion.unlearn(odd / NAMES[2]) == 1
        (odd / NAMES[1]).unlink()
        assert (await companion.learn()).documents == 1
        assert await companion.submit("knowledge_retriever", "count") == 2
        assert await companion.unlearn((odd / NAMES[2]).parent) == 1

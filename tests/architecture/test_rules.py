"""The sources keep the house's habits; and each habit's check fails on a small house that breaks it."""

from __future__ import annotations

import types
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

import companion_async
from tests.architecture import rules
from tests.architecture.rules import Source

ROOT = Path(__file__).parents[2]
Check = Callable[[Iterable[Source]], list[str]]


@pytest.fixture(scope="module")
def package() -> list[Source]:
    return rules.read(ROOT / "companion_async")


@pytest.fixture(scope="module")
def tests() -> list[Source]:
    return rules.read(ROOT, "tests")


@pytest.fixture
def house(tmp_path: Path) -> Callable[[dict[str, str]], list[Source]]:
    """Builds a small source tree from file names and texts, and reads it."""

    def build(files: dict[str, str]) -> list[Source]:
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return rules.read(tmp_path)

    return build


@pytest.mark.parametrize(
    "check",
    [
        rules.looks_up,
        rules.cycles,
        rules.acts_in_thought,
        rules.past_the_wall,
        rules.says_nothing,
        rules.crowded_rooms,
    ],
)
def test_the_package_keeps_the_habit(check: Check, package: list[Source]) -> None:
    """No file of the package breaks the habit that the check's docstring states."""
    assert len(package) > 5
    assert check(package) == []


@pytest.mark.parametrize("check", [rules.silent_tests, rules.sleepers, rules.past_the_wall])
def test_the_tests_keep_the_habit(check: Check, tests: list[Source]) -> None:
    """Every test says its promise, none waits by guessing, and their files are as short as the others."""
    assert len(tests) > 3
    assert check(tests) == []


@pytest.mark.parametrize("folder", ["benchmarks", "examples"])
def test_what_stands_beside_the_package_is_short_and_named(folder: str) -> None:
    """Benchmarks and examples know the same wall and choose nouns too."""
    sources = rules.read(ROOT, folder)
    assert rules.past_the_wall(sources) + rules.says_nothing(sources) == []


def test_the_front_door_lists_what_it_defines() -> None:
    """``__all__`` names each public name once, and every one of them is there; its order is ruff's to keep."""
    listed: list[str] = vars(companion_async)["__all__"]
    assert len(set(listed)) == len(listed)
    assert [name for name in listed if not hasattr(companion_async, name)] == []
    defined = {
        name
        for name, value in vars(companion_async).items()
        if not name.startswith("_") and not isinstance(value, types.ModuleType) and name != "annotations"
    }
    assert defined - set(listed) == set()


def test_every_room_stands_on_a_floor_of_the_design() -> None:
    """The table covers the rooms that exist, and no room of it is missing from the order."""
    rooms = {path.stem for path in (ROOT / "companion_async").iterdir() if path.suffix == ".py" or path.is_dir()}
    assert rooms - {"__init__", "__pycache__", "py", rules.IMPORTED_BY_NOBODY} <= set(rules.FLOORS)


UPWARD = {
    "at the top": "from companion_async.brain.config import BrainConfig",
    "in a function": "def late():\n    import companion_async.brain.config",
    "for annotations": "import typing\nif typing.TYPE_CHECKING:\n    from companion_async.brain import config",
    "relative": "from ..brain.config import BrainConfig",
    "by name": "import importlib\nimportlib.import_module('companion_async.brain')",
    "sideways": "from companion_async.offload.pool import Pool",
    "front door": "from companion_async import Brain",
    "front door, whole": "import companion_async",
    "front door, relative": "from .. import Brain",
    "tools for tests": "from companion_async.testing.clock import VirtualClock",
}


@pytest.mark.parametrize("text", UPWARD.values(), ids=UPWARD.keys())
def test_an_import_that_looks_up_is_found(text: str, house: Callable[[dict[str, str]], list[Source]]) -> None:
    """Upwards, sideways, through the front door or into testing: found wherever and however it stands."""
    found = rules.looks_up(house({"modules/record.py": text}))
    assert len(found) == 1
    assert found[0].startswith("modules/record.py:")


def test_imports_that_look_down_are_welcome(house: Callable[[dict[str, str]], list[Source]]) -> None:
    """Lower floors, one's own room, the world outside; the front door and `testing` import what they like."""
    sources = house(
        {
            "__init__.py": "from companion_async.cli.app import main",
            "testing/clock.py": "from companion_async.brain.brain import Brain",
            "modules/record.py": "from . import sketch\nfrom companion_async import errors\nimport apsw",
            "modules/sketch.py": "from companion_async.events.bus import Bus",
            "clock.py": "import time\nimport msgspec",
        }
    )
    assert rules.looks_up(sources) == []


def test_a_room_without_a_floor_and_a_wordy_vocabulary_are_found(
    house: Callable[[dict[str, str]], list[Source]],
) -> None:
    """A new room must choose its floor; the lowest one stays free of other packages."""
    found = rules.looks_up(house({"attic/box.py": "", "clock.py": "import anyio"}))
    assert found == [
        "attic/box.py: attic has no floor",
        "clock.py:1: clock imports anyio: the vocabulary needs the standard library and msgspec only",
    ]


def test_a_circle_inside_a_room_is_found(house: Callable[[dict[str, str]], list[Source]]) -> None:
    """Files that import each other are named, a lazy import is no way out, an annotation is no circle."""
    start = "from companion_async.brain import loop"
    circle = {"brain/start.py": start, "brain/loop.py": "def late():\n    from companion_async.brain.start import go"}
    assert len(rules.cycles(house(circle))) == 1
    typed = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from companion_async.brain.start import Start"
    assert rules.cycles(house({"brain/start.py": start, "brain/loop.py": typed})) == []


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("health/quiet.py", '"""Pure: checks."""\nimport time'),
        ("health/quiet.py", '"""Pure: checks."""\ndef f():\n    from concurrent.futures import Future'),
        ("autonomy/rules.py", '"""Rules that forgot to say what they are."""'),
    ],
)
def test_a_thinking_file_that_acts_is_found(
    name: str, text: str, house: Callable[[dict[str, str]], list[Source]]
) -> None:
    """A pure file with a clock or a thread in it is found, and so is one that must be pure and does not say so."""
    assert len(rules.acts_in_thought(house({name: text}))) == 1


def test_a_thinking_file_may_calculate(house: Callable[[dict[str, str]], list[Source]]) -> None:
    """Mathematics, structs and other words of the package are no deeds; an acting file may act."""
    pure = '"""Pure: order."""\nimport heapq\nimport msgspec\nfrom companion_async.priority import Priority'
    acting = '"""Moves tasks."""\nimport threading'
    assert rules.acts_in_thought(house({"scheduling/policies.py": pure, "scheduling/queue.py": acting})) == []


@pytest.mark.parametrize(
    ("check", "files"),
    [
        (rules.past_the_wall, {"brain/long.py": "x = 1\n" * 401}),
        (rules.says_nothing, {"brain/utils.py": ""}),
        (rules.says_nothing, {"brain/helpers/text.py": ""}),
        (rules.crowded_rooms, {"brain/__init__.py": '"""The brain."""\nfrom companion_async.brain.brain import Brain'}),
        (rules.crowded_rooms, {"brain/__init__.py": ""}),
        (
            rules.silent_tests,
            {"brain/test_brain.py": "class TestBrain:\n    async def test_thinks(self):\n        pass"},
        ),
        (rules.sleepers, {"brain/test_brain.py": "import asyncio\nasync def f():\n    await asyncio.sleep(0.1)"}),
        (rules.sleepers, {"brain/test_brain.py": "import time\ntime.sleep(wait)"}),
    ],
)
def test_a_broken_habit_is_found(
    check: Check, files: dict[str, str], house: Callable[[dict[str, str]], list[Source]]
) -> None:
    """Each of the other checks names the one file that breaks its habit."""
    assert [place.split(":")[0] for place in check(house(files))] == list(files)


def test_good_manners_pass(house: Callable[[dict[str, str]], list[Source]]) -> None:
    """A house that keeps the habits is left in peace."""
    sources = house(
        {
            "__init__.py": "from companion_async.brain.brain import Brain\n__all__ = ['Brain']",
            "brain/__init__.py": '"""The brain."""\n',
            "brain/brain.py": "x = 1\n" * 400,
            "sdk/__init__.py": "from companion_async.sdk.client import BrainClient\n__all__ = ['BrainClient']",
            "brain/test_brain.py": 'async def test_rests():\n    """It rests."""\n    await asyncio.sleep(0)',
        }
    )
    for check in (rules.past_the_wall, rules.says_nothing, rules.crowded_rooms, rules.silent_tests, rules.sleepers):
        assert check(sources) == []

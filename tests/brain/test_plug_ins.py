"""Modules of installed packages, registered as the brain starts."""

from __future__ import annotations

import importlib
import sys

import pytest

from companion_async import Brain, BrainConfig
from tests.brain.rig import types

SOURCE = """
from companion_async.modules.module import BaseModule
from companion_async.modules.spec import ModuleSpec

class Hello(BaseModule):
    def run(self):
        return "hello"

def pair():
    return [ModuleSpec("second", Hello, category="phase3", depends_on=("first",)), ModuleSpec("first", Hello)]

def stranded():
    return ModuleSpec("stranded", Hello, depends_on=("nobody",))

def lost():
    return ModuleSpec("lost", Hello, category="nowhere")

def broken():
    raise SystemExit(3)
"""


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Put a package with these entry points on the path, as an installer leaves it."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "brought_along", raising=False)

    def install(*points: str) -> None:
        (tmp_path / "brought_along.py").write_text(SOURCE)
        info = tmp_path / "brought_along-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: brought-along\nVersion: 1.0\n")
        lines = "\n".join(f"{point} = brought_along:{point}" for point in points)
        (info / "entry_points.txt").write_text(f"[companion_async.modules]\n{lines}\n")
        importlib.invalidate_caches()

    yield install
    sys.modules.pop("brought_along", None)


@pytest.mark.feature("CB-05")
async def test_installed_modules_are_there_from_the_start(install) -> None:
    """Under their names, in their categories, in the order of what they depend on."""
    install("Hello", "pair")
    async with Brain() as brain:
        assert await brain.submit("Hello") == "hello"
        assert await brain.submit("second") == "hello"
        assert brain.module_status("second").category == "phase3"
        assert not types(brain, "skip_plugin")


async def test_one_that_does_not_fit_is_left_out_and_named(install) -> None:
    """A broken import, an unknown category, a missing dependency: each is a decision, and the others are there."""
    install("Hello", "broken", "lost", "stranded")
    async with Brain() as brain:
        assert await brain.submit("Hello") == "hello"
        assert list(brain.status().module_threads) == ["Hello"]
        assert {decision.context: decision.data["error"] for decision in types(brain, "skip_plugin")} == {
            "broken": "SystemExit",
            "lost": "InvalidArgumentError",
            "stranded": "UnknownModuleError",
        }


async def test_the_config_can_do_without(install) -> None:
    """With ``plugins=False`` nothing is looked for, and nothing imported."""
    install("Hello")
    async with Brain(BrainConfig(plugins=False)) as brain:
        assert not brain.status().module_threads
        assert "brought_along" not in sys.modules

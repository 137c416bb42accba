from __future__ import annotations

import importlib.util
import sys
import tomllib
from pathlib import Path

import anyio
import pytest

from companion_async.clock import SystemClock
from companion_async.companion import companion as room
from companion_async.companion.built_in import BuiltIn, built_in_modules, sort_out
from companion_async.companion.companion import CompanionBrain
from companion_async.companion.config import CompanionConfig
from companion_async.errors import BrainClosedError, MissingExtraError
from companion_async.modules.spec import ModuleSpec
from companion_async.modules.timeout import UNLIMITED

pytestmark = pytest.mark.feature("CB-01")

ABSENT = BuiltIn(ModuleSpec("telepathy", len, "agi"), "mind", ("json", "a_package_that_nobody_has"))
PRESENT = BuiltIn(ModuleSpec("counter", len, "agi"), "numbers", ("json",))
COMMAND = "pip install 'companion-async[mind]'"


@pytest.fixture
def two(monkeypatch):
    """A companion whose built-in modules are one that is installed and one that is not."""
    monkeypatch.setattr(room, "built_in_modules", lambda config, clock: (ABSENT, PRESENT))


async def test_what_lacks_its_extra_is_off_and_the_rest_runs(two):
    """A module whose extra is not installed is left out, work for it names the extra, and the others work."""
    async with CompanionBrain() as brain:
        assert await brain.submit("counter", "run", "four") == 4
        assert "telepathy" not in brain.status().module_threads
        with pytest.raises(MissingExtraError) as caught:
            brain.submit("telepathy", "run")
        assert caught.value.extra == "mind"
        assert COMMAND in str(caught.value)


async def test_a_companion_says_what_is_off_and_what_turns_it_on(two):
    """Each module that is off stands with its command in `modules_off` and in a decision."""
    async with CompanionBrain() as brain:
        assert dict(brain.modules_off) == {"telepathy": COMMAND}
        (decision,) = [each for each in brain.decisions() if each.type == "leave_out"]
        assert f"telepathy: {COMMAND}" in decision.reason


async def test_a_module_of_ones_own_may_take_the_place(two):
    """The name of a module that is off is free for another."""
    async with CompanionBrain() as brain:
        await brain.register("telepathy", len)
        assert await brain.submit("telepathy", "run", "ab") == 2


async def test_with_everything_installed_nothing_is_said(monkeypatch):
    """A companion with all its modules has none that is off, and no decision about it."""
    monkeypatch.setattr(room, "built_in_modules", lambda config, clock: (PRESENT,))
    async with CompanionBrain() as brain:
        assert not brain.modules_off
        assert not [each for each in brain.decisions() if each.type == "leave_out"]


async def test_a_start_that_breaks_off_leaves_nothing_up(monkeypatch):
    """What was up already is shut down, and the error is told."""

    def broken(config, clock):
        raise OSError("the disk is gone")

    monkeypatch.setattr(room, "built_in_modules", broken)
    brain = CompanionBrain()
    with pytest.raises(OSError, match="the disk is gone"):
        await brain.start()
    with pytest.raises(BrainClosedError, match="shut down"):
        brain.submit("search_engine", "search", "tea")


def test_looking_for_a_package_imports_nothing():
    """What is installed is found out without running any of it."""
    before = set(sys.modules)
    sort_out(built_in_modules(CompanionConfig(), SystemClock()))
    assert not {name.partition(".")[0] for name in set(sys.modules) - before} - set(sys.stdlib_module_names)


async def test_without_any_extra_a_companion_runs(monkeypatch):
    """With none of their packages there, the built-in modules that want some are off, each with its command."""
    real = importlib.util.find_spec
    modules = built_in_modules(CompanionConfig(), SystemClock())
    wanted = {package for module in modules for package in module.packages}
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *more: None if name in wanted else real(name, *more))
    async with CompanionBrain() as brain:
        assert set(brain.modules_off) == {module.spec.name for module in modules if module.packages}
        assert {"search_engine", "model_router"} <= set(brain.status().module_threads)


def test_every_extra_that_is_named_can_be_installed():
    """The extras that built-in modules wait for are extras of this package, and part of `all`."""
    project = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    modules = built_in_modules(CompanionConfig(), SystemClock())
    assert all(bool(module.extra) == bool(module.packages) for module in modules)
    wanted = {module.extra for module in modules if module.extra}
    assert wanted <= set(extras)
    (everything,) = extras["all"]
    assert wanted <= set(everything.partition("[")[2].strip("]").split(","))


def test_modules_with_limits_of_their_own_have_none_of_the_brains():
    """A crawl and a program may take as long as their settings say, whatever the default for tasks is."""
    specs = {each.spec.name: each.spec for each in built_in_modules(CompanionConfig(), SystemClock())}
    assert specs["web_crawler"].timeout == specs["code_executor"].timeout == UNLIMITED


async def test_no_module_imports_what_is_heavy_before_it_is_used():
    """Starting a companion imports none of the packages that its modules would use."""
    packages = {package for each in built_in_modules(CompanionConfig(), SystemClock()) for package in each.packages}
    code = (
        "import asyncio, sys\n"
        "from companion_async import CompanionBrain\n"
        "async def main():\n"
        "    async with CompanionBrain():\n"
        f"        print(*sorted({packages!r} & set(sys.modules)))\n"
        "asyncio.run(main())\n"
    )
    done = await anyio.run_process([sys.executable, "-c", code])
    assert done.stdout.decode().strip() == ""

"""No built-in module holds up the event loop, whatever it is given to do, nor imports there what it works with."""

from __future__ import annotations

import importlib.util
import json
import sys
import sysconfig

import anyio
import pytest

from companion_async.clock import SystemClock
from companion_async.companion.built_in import built_in_modules
from companion_async.companion.config import CompanionConfig
from tests.companion.watched_work import MOST

BUILT_IN = built_in_modules(CompanionConfig(), SystemClock())
WANTED = {package for each in BUILT_IN for package in each.packages} | {"openai", "anthropic", "pypdf"}

pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.feature("CB-01"),
    pytest.mark.skipif(
        any(importlib.util.find_spec(package) is None for package in WANTED), reason="not all extras are installed"
    ),
]


@pytest.mark.asyncio(loop_factories=["asyncio"])
async def test_no_module_holds_up_the_loop():
    """All of them do large pieces of work, each for the first time in an interpreter of its own: the loop's thread
    computes for at most a tenth of a second at a stretch, opens no file, and imports none of their libraries. It is
    counted in processor time of that thread, which a busy machine does not change.
    """
    done = await anyio.run_process([sys.executable, "-m", "tests.companion.watched_work"], stderr=None)
    found = json.loads(done.stdout)
    seen = found["seen"]
    assert set(found["modules"]) - {"decoders"} <= set(seen)  # that one works for the others
    blocker = seen.pop("blocker")
    assert blocker["longest"] > MOST  # what is looked for is found
    assert blocker["imported"] == ["rich.emoji"]
    assert opened(blocker)
    assert {name: each["stack"] for name, each in seen.items() if each["longest"] > MOST} == {}
    assert {name: each["imported"] for name, each in seen.items() if each["imported"]} == {}
    del seen["start"]  # the test's own files
    assert {name: opened(each) for name, each in seen.items() if opened(each)} == {}


def opened(one):
    """Files other than the system's own figures and compiled parts of the standard library."""
    own = sysconfig.get_path("stdlib")
    return [
        name
        for name in one["opened"]
        if not name.startswith("/proc/")
        and not (name.endswith(".pyc") and name.startswith(own) and "site-packages" not in name)
    ]

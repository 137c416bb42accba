"""What can be imported from the door, and what cannot yet."""

from __future__ import annotations

import importlib
import pickle

import pytest

import companion_async
from companion_async import sdk
from companion_async.errors import CompanionError
from companion_async.sdk.refusals import NotAModuleError, NotHereYetError, UnknownDependencyError, WouldBlockError

LATER = [
    "AccessMode",
    "CircularBuffer",
    "EpisodicMemory",
    "ParallelPerceptionModule",
    "ResourceCoordinator",
    "ResourceType",
    "SemanticMemory",
    "StateChangeType",
    "StateCoordinator",
    "SyncPolicy",
    "TemporalMemory",
    "enhanced_modules",
]


@pytest.mark.feature("U-1")
def test_every_name_that_is_listed_is_there_and_is_the_one_that_was_meant():
    """The door's names are complete and those that the front door has too are the same objects."""
    assert sdk.__all__ == sorted(sdk.__all__)
    for name in sdk.__all__:
        found = getattr(sdk, name)
        if name in companion_async.__all__ and name != "ModuleState":
            assert found is getattr(companion_async, name)


@pytest.mark.parametrize("name", LATER)
def test_a_name_whose_part_is_to_come_says_so(name):
    """Importing it fails with an ImportError that names the part, and nothing stands in for it."""
    with pytest.raises(ImportError, match=f"no {name} yet: it comes with") as caught:
        exec(f"from companion_async.sdk import {name}", {})
    assert isinstance(caught.value, NotHereYetError)
    assert caught.value.name == name


def test_a_name_that_nobody_promised_is_simply_not_there():
    """Typos are told as everywhere in Python."""
    with pytest.raises(ImportError, match="cannot import name"):
        exec("from companion_async.sdk import BrianClient", {})
    assert not hasattr(sdk, "BrianClient")
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("companion_async.sdk.enhanced_modules")


@pytest.mark.parametrize(
    "error",
    [
        WouldBlockError("shutdown()"),
        NotAModuleError("name", "an int"),
        UnknownDependencyError("id"),
        NotHereYetError("Name", "a part"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_the_room_s_own_errors_are_of_the_family_and_can_be_pickled(error):
    """Like every error of the project."""
    copy = pickle.loads(pickle.dumps(error))
    assert isinstance(error, CompanionError)
    assert (type(copy), str(copy), vars(copy)) == (type(error), str(error), vars(error))

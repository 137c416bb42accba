"""What can be imported from the door."""

from __future__ import annotations

import pickle

import pytest

import companion_async
from companion_async import sdk
from companion_async.errors import CompanionError
from companion_async.sdk import enhanced_modules
from companion_async.sdk.refusals import (
    ChangeRefusedError,
    NotAModuleError,
    NotWrittenBackError,
    UnknownDependencyError,
    WouldBlockError,
)

DOCUMENTED = [
    "AccessMode",
    "BaseModule",
    "BrainClient",
    "CircularBuffer",
    "ConcurrentModuleManager",
    "EpisodicMemory",
    "ModuleExecutor",
    "ModuleTask",
    "ParallelPerceptionModule",
    "Priority",
    "ResourceCoordinator",
    "ResourceType",
    "SchedulingPolicy",
    "SecurityValidator",
    "SemanticMemory",
    "SensorType",
    "StateChangeType",
    "StateCoordinator",
    "SyncPolicy",
    "TaskScheduler",
    "TemporalMemory",
]
# The documents have records of their own under the names of a module's state and of one change.
OWN = {"ModuleState", "ResourceCoordinator", "StateChange", "StateCoordinator"}


@pytest.mark.feature("U-1", "PX-08")
def test_every_name_that_the_documents_import_is_there():
    """From the one door, whatever folder of their program the documents import it from."""
    assert set(DOCUMENTED) <= set(sdk.__all__)
    assert enhanced_modules.ParallelPerceptionModule is sdk.ParallelPerceptionModule


@pytest.mark.feature("U-1")
def test_every_name_that_is_listed_is_there_and_is_the_one_that_was_meant():
    """The door's names are complete and those that the front door has too are the same objects, but for the facades."""
    assert sdk.__all__ == sorted(sdk.__all__)
    for name in sdk.__all__:
        found = getattr(sdk, name)
        if name in companion_async.__all__:
            assert (found is getattr(companion_async, name)) is (name not in OWN)


def test_a_name_that_nobody_promised_is_simply_not_there():
    """Typos are told as everywhere in Python."""
    with pytest.raises(ImportError, match="cannot import name"):
        exec("from companion_async.sdk import BrianClient", {})
    assert not hasattr(sdk, "BrianClient")


@pytest.mark.parametrize(
    "error",
    [
        WouldBlockError("shutdown()"),
        NotAModuleError("name", "an int"),
        UnknownDependencyError("id"),
        ChangeRefusedError("a.b", "create", "something is there already"),
        NotWrittenBackError("a.b", "TypeError: no"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_the_room_s_own_errors_are_of_the_family_and_can_be_pickled(error):
    """Like every error of the project."""
    copy = pickle.loads(pickle.dumps(error))
    assert isinstance(error, CompanionError)
    assert (type(copy), str(copy), vars(copy)) == (type(error), str(error), vars(error))

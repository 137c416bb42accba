"""The error family: one root, facts as fields, texts that say what to do, safe to pickle."""

from __future__ import annotations

import asyncio
import inspect
import pickle
from typing import Any

import pytest

from companion_async import errors
from companion_async.errors import CompanionError, TaskTimeoutError

FACTS: dict[str, tuple[Any, ...]] = {
    "CompanionError": ("something",),
    "InvalidArgumentError": ("quota must be a whole number from 1 on; 0 is not.",),
    "UnknownTargetError": ("m", "walk", ("run", "stop")),
    "WrongArgumentsError": ("m", "run", "(path, size=...)", "missing a required argument: 'path'"),
    "ModuleUnavailableError": ("m", "stopped", "by hand"),
    "UnknownModuleError": ("m", ("n", "o"), "register_module"),
    "UnknownTaskError": ("ab-1",),
    "UnknownResourceError": ("memory",),
    "DuplicateModuleError": ("m",),
    "DependencyCycleError": (("a", "b", "a"),),
    "QueueFullError": ("core", 1000, 0.25, "the memory is nearly used up", "max_pending_tasks"),
    "BrainClosedError": ("shut down",),
    "ChannelClosedError": ("perception->planning",),
    "WrongThreadError": ("channel.get()", "await channel.receive()"),
    "TaskTimeoutError": ("ab-1", "m", "run", 1.5),
    "TaskCancelledError": ("ab-1", "m", "no longer wanted"),
    "TaskCrashedError": ("ab-1", "m", "SIGSEGV", "SIGSEGV"),
    "RemoteError": ("Locked", "it holds a socket"),
    "UpstreamFailedError": ("ab-2", "ab-1", "failed"),
    "LockTimeoutError": ("memory", 2.0),
    "LockUpgradeError": ("memory",),
    "LockNotHeldError": ("memory", "thread crawler"),
    "TooManyLocksError": (10_000,),
    "DeadlockError": (("a", "b", "a"),),
    "ConflictError": (("goals", "mood"),),
    "InvalidPathError": ("a..b", "a segment is empty"),
    "SecurityError": ("a script was refused",),
    "StorageError": ("the disk is full",),
    "MissingExtraError": ("ml", "semantic search"),
}
PARENTS = {
    "InvalidArgumentError": (ValueError,),
    "UnknownTargetError": (errors.InvalidArgumentError,),
    "WrongArgumentsError": (errors.InvalidArgumentError, TypeError),
    "ModuleUnavailableError": (RuntimeError,),
    "UnknownModuleError": (ValueError, KeyError),
    "UnknownTaskError": (KeyError,),
    "UnknownResourceError": (KeyError,),
    "DuplicateModuleError": (ValueError,),
    "DependencyCycleError": (ValueError,),
    "QueueFullError": (RuntimeError,),
    "BrainClosedError": (RuntimeError,),
    "ChannelClosedError": (errors.BrainClosedError,),
    "WrongThreadError": (RuntimeError,),
    "TaskTimeoutError": (TimeoutError,),
    "LockTimeoutError": (TimeoutError,),
    "LockNotHeldError": (RuntimeError,),
    "TooManyLocksError": (RuntimeError,),
    "InvalidPathError": (ValueError,),
    "SecurityError": (ValueError,),
    "MissingExtraError": (ImportError,),
}
FAMILY = [cls for _, cls in inspect.getmembers(errors, inspect.isclass) if cls.__module__ == errors.__name__]


@pytest.mark.parametrize("cls", FAMILY)
@pytest.mark.feature("PM-03")
def test_every_error_is_of_the_family_and_what_the_contract_says_besides(cls: type[CompanionError]) -> None:
    """One root for all, and the built-in kinds that callers catch anyway."""
    assert cls.__name__ in FACTS, "a new error: give it an example here"
    assert issubclass(cls, CompanionError)
    assert all(issubclass(cls, parent) for parent in PARENTS.get(cls.__name__, ()))
    assert not issubclass(cls, asyncio.CancelledError)


@pytest.mark.parametrize("cls", FAMILY)
def test_every_error_survives_pickling_with_its_facts_its_text_and_its_notes(cls: type[CompanionError]) -> None:
    """The text is made once from the facts, and pickled twice it still does not nest in itself."""
    error = cls(*FACTS[cls.__name__])
    error.add_note("in task ab-1 (m.run)")
    again = pickle.loads(pickle.dumps(pickle.loads(pickle.dumps(error))))
    assert type(again) is cls
    assert str(again) == str(error) == error.message
    assert again.__notes__ == ["in task ab-1 (m.run)"]
    assert vars(again) == vars(error)


@pytest.mark.parametrize("cls", FAMILY)
def test_every_text_reads_as_one_line(cls: type[CompanionError]) -> None:
    """Plain words, as they are: no quotes around the whole as a KeyError has, no line breaks."""
    text = str(cls(*FACTS[cls.__name__]))
    assert text
    assert "\n" not in text
    assert not (text[0] == text[-1] == "'")


@pytest.mark.parametrize(
    ("span", "advice"),
    [("queue", "more slots"), ("run", "check_cancelled()"), ("idle", "progress()"), ("total", "Timeout(total=...).")],
)
def test_a_time_out_advises_what_helps_against_that_span(span: str, advice: str) -> None:
    """Work that never started cannot look whether it was cancelled."""
    text = str(TaskTimeoutError("ab-1", "m", span, 2))
    assert f"its {span} limit of 2 s" in text
    assert advice in text

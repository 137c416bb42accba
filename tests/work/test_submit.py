"""Submitting: what is taken, what is refused at the door, and that a refusal leaves nothing behind."""

from __future__ import annotations

import inspect
import math
import threading
from typing import Any

import anyio
import pytest

from companion_async import (
    Brain,
    BrainClosedError,
    CompanionError,
    InvalidArgumentError,
    ModuleUnavailableError,
    Priority,
    Task,
    TaskState,
    Timeout,
    UnknownModuleError,
    UnknownTargetError,
    UnknownTaskError,
    WrongThreadError,
)
from companion_async.testing.clock import settle
from tests.work.house import Gate, running


class Sums:
    """A module with a public method, and things that are none."""

    secret = "no method"

    def run(self, first: int, second: int = 0) -> int:
        return first + second

    def other(self, *args: Any, **kwargs: Any) -> tuple[Any, ...]:
        return args, kwargs

    def _private(self) -> None:
        raise AssertionError("never reached by name")

    def start(self) -> None:
        """A hook is no handler."""


@pytest.mark.feature("CB-06", "PM-02")
async def test_submit_takes_exactly_the_documented_arguments():
    """The signature is the contract's: positional module and target, then the work's own, then options by name."""
    parameters = inspect.signature(Brain.submit).parameters
    assert list(parameters)[1:] == [
        *("module", "target", "args", "kwargs", "priority", "timeout", "after"),
        *("on_upstream_failure", "retry", "key", "on_full", "callback"),
    ]
    assert {name: p.default for name, p in parameters.items() if p.default is not p.empty and name != "timeout"} == {
        "target": "run",
        "kwargs": None,
        "priority": None,
        "after": (),
        "on_upstream_failure": "fail",
        "retry": None,
        "key": None,
        "on_full": None,
        "callback": None,
    }


@pytest.mark.feature("CB-06", "PM-02", "PM-14")
async def test_a_task_is_returned_at_once_and_awaited_for_its_result():
    """`submit` gives the task without waiting; awaiting it gives what the work returned, in one line or in two."""
    async with running() as brain:
        await brain.register("sums", Sums)
        task = brain.submit("sums", "run", 1, kwargs={"second": 2})
        assert isinstance(task, Task)
        assert not task.done()
        assert await task == 3
        assert await brain.submit("sums", "other", 1, "two", kwargs={"priority": "mine", "timeout": 0}) == (
            (1, "two"),
            {"priority": "mine", "timeout": 0},
        )


@pytest.mark.feature("CB-06")
async def test_run_is_the_target_that_needs_no_name():
    """Without a target the handler `run` is called, of a plain function the function itself."""
    async with running() as brain:
        await brain.register("sums", Sums)
        await brain.register("double", lambda value: 2 * value)
        assert await brain.submit("sums", "run", 2) == 2
        assert await brain.submit("double", "run", 4) == 8
        await brain.register("constant", lambda: 7)
        assert await brain.submit("constant") == 7


@pytest.mark.feature("CB-06", "PX-03")
@pytest.mark.parametrize(
    "target",
    [
        "__init__",
        "__class__",
        "_private",
        "run.__globals__",
        "a.b",
        "secret",
        "start",
        "",
        "RUN",
        "run ",
        "r\nn",
        "x" * 300,
    ],
)
async def test_only_handlers_can_be_reached_by_name(target):
    """Names are looked up in the set that registration fixed: dunders, private methods, paths, data and hooks are not
    in it, and the error names those that are.
    """
    async with running() as brain:
        await brain.register("sums", Sums)
        with pytest.raises(UnknownTargetError) as caught:
            brain.submit("sums", target)
        assert caught.value.handlers == ("other", "run")
        assert len(str(caught.value)) < 400
        assert brain.tasks() == []


@pytest.mark.feature("PM-03")
@pytest.mark.parametrize("module", ["nobody", "", "x" * 10_000, 7, None, ["sums"], "sums\n"])
async def test_an_unknown_module_is_a_value_error_and_a_key_error(module):
    """Whatever is no registered name is `UnknownModuleError`, which both documents' callers catch."""
    async with running() as brain:
        await brain.register("sums", Sums)
        with pytest.raises(UnknownModuleError) as caught:
            brain.submit(module, "run")
        assert isinstance(caught.value, ValueError)
        assert isinstance(caught.value, KeyError)
        assert len(str(caught.value)) < 400


BAD = [
    {"timeout": math.nan},
    {"timeout": math.inf},
    {"timeout": 1e400},
    {"timeout": -1},
    {"timeout": 0},
    {"timeout": True},
    {"timeout": "30"},
    {"timeout": 10**400},
    {"priority": 3},
    {"priority": True},
    {"priority": "urgent"},
    {"priority": math.nan},
    {"kwargs": [("second", 2)]},
    {"kwargs": {1: 2}},
    {"on_upstream_failure": "explode"},
    {"on_upstream_failure": None},
    {"on_full": "block"},
    {"on_full": 1},
    {"retry": 0},
    {"retry": -1},
    {"retry": True},
    {"retry": 1.5},
    {"retry": "3"},
    {"key": ""},
    {"key": 7},
    {"key": "k" * 257},
    {"callback": "no function"},
    {"after": 7},
]


@pytest.mark.feature("PM-03", "CB-08")
@pytest.mark.parametrize("bad", BAD, ids=str)
async def test_a_wrong_argument_is_refused_at_the_door_and_leaves_nothing_behind(bad):
    """Each is an `InvalidArgumentError`, raised by `submit` itself; no task, no queue entry, no count is left."""
    async with running() as brain:
        await brain.register("sums", Sums)
        with pytest.raises(InvalidArgumentError):
            brain.submit("sums", "run", 1, **bad)
        assert brain.tasks() == []
        assert brain.status().pending_tasks == 0
        assert brain.module_status("sums").queue_size == 0
        assert await brain.submit("sums", "run", 1) == 1


@pytest.mark.feature("CB-08")
@pytest.mark.parametrize("timeout", [1e-9, 10**20, 1e20, None, Timeout(run=5, queue=1e20, total=1e20, idle=1e20)])
async def test_any_finite_time_above_zero_is_a_limit(timeout):
    """A limit of ages is none that matters, and one that has passed at once fires; neither harms the loop's timers."""
    async with running() as brain:
        await brain.register("sums", Sums)
        assert await brain.submit("sums", "run", 1, timeout=timeout) == 1


@pytest.mark.feature("PM-03")
async def test_what_is_no_target_is_refused():
    """A target is a handler's name or a callable; anything else says so."""
    async with running() as brain:
        await brain.register("sums", Sums)
        for target in (7, None, b"run", ["run"]):
            with pytest.raises(InvalidArgumentError):
                brain.submit("sums", target)  # type: ignore[arg-type]
        assert brain.tasks() == []


@pytest.mark.feature("PM-03")
async def test_an_unknown_dependency_is_refused_and_leaves_nothing_behind():
    """Ids that were never given out, of another brain, or no ids at all: nothing waits for them for ever."""
    async with running() as brain, running() as other:
        await brain.register("sums", Sums)
        await other.register("sums", Sums)
        foreign = other.submit("sums", "run", 1)
        await foreign
        wrong: list[Any] = ["nothing", "00000001-999", "00000001-", "", foreign, [object()]]
        for after in wrong:
            with pytest.raises((UnknownTaskError, InvalidArgumentError)):
                brain.submit("sums", "run", 1, after=after)
        assert brain.tasks() == []


async def test_a_name_that_is_a_kind_of_str_is_a_name():
    """A target or module that comes as an enum member or another subclass of str means its text."""

    class Name(str):
        """As a StrEnum's member is."""

    async with running() as brain:
        await brain.register("sums", Sums)
        assert await brain.submit(Name("sums"), Name("run"), 5) == 5


@pytest.mark.feature("PM-03", "PM-13")
async def test_a_brain_that_does_not_run_takes_nothing():
    """Before its start and after its end `submit` raises `BrainClosedError`, a `RuntimeError` that says why."""
    async with running() as brain:
        await brain.register("sums", Sums)
        await brain.submit("sums", "run", 1)
    for closed, phase in ((brain, "shut down"), (Brain(), "not started")):
        with pytest.raises(BrainClosedError) as caught:
            closed.submit("sums", "run", 1)
        assert caught.value.phase == phase
        assert isinstance(caught.value, RuntimeError)


@pytest.mark.feature("PM-03")
async def test_a_stopped_module_refuses_work():
    """A module that was quarantined takes no work, and the error names its state and the way back."""
    async with running() as brain:
        await brain.register("sums", Sums)
        assert brain._parts is not None
        await brain._parts.controls.quarantine("sums", "broken")
        with pytest.raises(ModuleUnavailableError) as caught:
            brain.submit("sums", "run", 1)
        assert caught.value.module == "sums"
        assert "resume" in str(caught.value)
        assert brain.tasks() == []


@pytest.mark.feature("PM-03")
async def test_calls_from_another_thread_are_refused_with_the_way_in():
    """Every door of the brain and of a task says `WrongThreadError` to another thread, and does nothing."""
    async with running() as brain:
        await brain.register("sums", Sums)
        gate = Gate()
        task = brain.submit("sums", gate)
        await gate.holds(1)
        ticker = brain.every("sums", "run", 1, period=60.0)
        await settle()
        doors = [
            lambda: brain.submit("sums", "run", 1),
            lambda: brain.task(task.id),
            lambda: brain.tasks(),
            lambda: brain.cancel(task.id),
            lambda: brain.status(),
            lambda: brain.set_policy("round_robin"),
            lambda: brain.resize("core", 3),
            lambda: brain.every("sums", period=1.0),
            lambda: task.cancel(),
            lambda: task.add_done_callback(print),
            lambda: ticker.stop(),
        ]
        raised: list[str] = []

        def knock() -> None:
            for door in doors:
                try:
                    door()
                    raised.append("nothing")
                except CompanionError as error:
                    raised.append(type(error).__name__)

        thread = threading.Thread(target=knock)
        thread.start()
        await anyio.to_thread.run_sync(thread.join)
        assert raised == ["WrongThreadError"] * len(doors)
        assert task.state is TaskState.RUNNING
        assert not ticker.stopped
        gate.open()
        await task


async def test_a_task_is_awaited_in_its_own_loop_only():
    """Another thread's loop that awaits a task is told so instead of waiting for ever."""
    async with running() as brain:
        gate = Gate()
        waiting = brain.submit("category:core", gate)

        async def wait_elsewhere() -> None:
            await waiting

        with pytest.raises(WrongThreadError):
            await anyio.to_thread.run_sync(anyio.run, wait_elsewhere)
        gate.open()
        await waiting


@pytest.mark.feature("CB-06")
@pytest.mark.parametrize("priority", [*Priority, "critical", "High", "MEDIUM", " low ", "idle", "normal", "BACKGROUND"])
async def test_a_priority_is_a_member_or_its_name_in_any_case(priority):
    """All names mean their level; NORMAL and BACKGROUND are second names."""
    async with running() as brain:
        await brain.register("sums", Sums)
        task = brain.submit("sums", "run", 1, priority=priority)
        assert task.priority is Priority.parse(priority)
        await task


@pytest.mark.feature("CB-06")
async def test_priority_and_timeout_default_to_the_modules():
    """Unset, both are what the module was registered with; for the limit, then the brain's own."""
    async with running(default_timeout=7.0) as brain:
        await brain.register("own", Sums, priority="high", timeout=3.0)
        await brain.register("plain", Sums)
        own, plain = brain.submit("own", "run", 1), brain.submit("plain", "run", 1)
        assert (own.priority, own.limit) == (Priority.HIGH, 3.0)
        assert (plain.priority, plain.limit) == (Priority.MEDIUM, 7.0)
        assert brain.submit("own", "run", 1, timeout=None).limit == math.inf
        await brain.drain()


async def test_names_of_modules_are_letters_digits_and_three_signs():
    """Names that could break a log line, a path or a page are refused at registration."""
    async with running() as brain:
        for name in ("", "x" * 65, "a b", "a\nb", "a\x00b", "<script>", "a:b", "ä", 7, None):
            with pytest.raises(InvalidArgumentError):
                await brain.register(name, Sums)  # type: ignore[arg-type]
        await brain.register("A-z_0.9" + "x" * 57, Sums)

"""How modules come into a brain, and what is refused at the door."""

from __future__ import annotations

import asyncio
import contextlib
import threading

import pytest

from companion_async import (
    BaseModule,
    DuplicateModuleError,
    InvalidArgumentError,
    ModuleSpec,
    UnknownModuleError,
    UnknownTargetError,
)
from tests.brain.rig import brain_on, diary


class Greeter:
    def __init__(self, word: str = "hello") -> None:
        self.word = word

    def run(self, name: str) -> str:
        return f"{self.word} {name}"

    async def slowly(self, name: str) -> str:
        return f"{self.word}, {name}"

    def count(self, to: int):
        yield from range(to)

    def _secret(self) -> str:
        return "secret"


def double(number: int) -> int:
    return 2 * number


@pytest.mark.feature("CB-05", "PM-01")
async def test_a_class_an_instance_a_function_and_a_factory_are_modules() -> None:
    """Each of the four answers under its name, in its category, with its priority."""
    async with brain_on() as brain:
        await brain.register("class", Greeter, category="phase1", priority="high")
        await brain.register("instance", Greeter("good day"), category="agi")
        await brain.register("function", double)
        await brain.register("factory", factory=lambda: Greeter("hi"))
        assert await brain.submit("class", "run", "a") == "hello a"
        assert await brain.submit("instance", "slowly", "b") == "good day, b"
        assert await brain.submit("function", "run", 4) == 8
        assert await brain.submit("factory", "count", 3) == [0, 1, 2]
        status = brain.module_status("class")
        assert (status.category, status.priority, status.state) == ("phase1", "high", "running")
        assert brain.submit("class", "run", "c").priority.name == "HIGH"


async def test_a_base_module_is_told_its_name_and_its_brain() -> None:
    """``self.brain`` is the runtime it lives in, and work submitted through it runs."""

    class Chained(BaseModule):
        async def run(self) -> int:
            doubled: int = await self.brain.submit("double", "run", 21)
            return doubled

    async with brain_on() as brain:
        await brain.register("double", double)
        await brain.register("chained", Chained)
        assert await brain.submit("chained") == 42


async def test_offload_loop_runs_plain_functions_on_the_loop() -> None:
    """No thread is taken, and the same limits hold."""
    async with brain_on() as brain:
        await brain.register("here", threading.get_ident, offload="loop")
        await brain.register("there", threading.get_ident)
        assert await brain.submit("here") == threading.get_ident()
        assert await brain.submit("there") != threading.get_ident()


@pytest.mark.parametrize("name", ["", "a b", "a:b", "ü", "x" * 65, "a\nb", "<script>", None, 3])
async def test_a_name_that_is_none_is_refused(name: object) -> None:
    """1 to 64 letters, digits, ``_``, ``-`` and ``.``: the rest is refused, and nothing is registered."""
    async with brain_on() as brain:
        with pytest.raises(InvalidArgumentError):
            await brain.register(name, double)  # type: ignore[arg-type]
        assert not brain.status().module_threads


async def test_a_taken_name_is_refused_and_the_first_stays() -> None:
    """`DuplicateModuleError`, and the module of that name goes on."""
    async with brain_on() as brain:
        await brain.register("m", double)
        with pytest.raises(DuplicateModuleError):
            await brain.register("m", Greeter)
        assert await brain.submit("m", "run", 1) == 2


@pytest.mark.parametrize(
    "fields",
    [
        {"category": "nowhere"},
        {"category": 3},
        {"priority": "urgent"},
        {"max_concurrency": 0},
        {"quota": 0},
        {"quota": 2.5},
        {"timeout": float("nan")},
        {"timeout": -1},
        {"retry": 0},
        {"restart": 5},
        {"depends_on": "storage"},
        {"offload": "nowhere"},
        {"factory": 3},
    ],
    ids=lambda fields: "-".join(f"{key}={value}" for key, value in fields.items()),
)
async def test_a_field_that_could_not_be_meant_is_refused(fields: dict[str, object]) -> None:
    """The error names the field, and nothing is registered."""
    async with brain_on() as brain:
        with pytest.raises(InvalidArgumentError, match=next(iter(fields))):
            await brain.register("m", double, **fields)  # type: ignore[arg-type]
        with pytest.raises(UnknownModuleError):
            brain.module_status("m")


@pytest.mark.feature("PM-03")
async def test_an_unknown_module_is_a_value_error_and_a_key_error() -> None:
    """Submit, status and every other door say which names there are."""
    async with brain_on() as brain:
        await brain.register("known", double)
        doors = (brain.submit, brain.module_status, brain.pause, brain.resume)
        for door in doors:
            for family in (ValueError, KeyError):
                with pytest.raises(family, match="known"):
                    door("unknown")
        for awaited in (brain.unregister, brain.restart, brain.drain):
            with pytest.raises(UnknownModuleError, match="known"):
                await awaited("unknown")


@pytest.mark.parametrize("target", ["_secret", "__init__", "__class__", "word", "run.__globals__", "", "Run"])
async def test_only_the_handlers_fixed_at_registration_can_be_called(target: str) -> None:
    """Private, dunder and dotted names, attributes that are no methods: `UnknownTargetError`, and nothing is queued."""
    async with brain_on() as brain:
        await brain.register("m", Greeter)
        with pytest.raises(UnknownTargetError, match="run"):
            brain.submit("m", target)
        assert not brain.tasks()


async def test_a_handler_set_on_the_instance_later_is_none() -> None:
    """The allow-list is that of the registration, whatever the instance has grown since."""
    greeter = Greeter()
    async with brain_on() as brain:
        await brain.register("m", greeter)
        greeter.extra = lambda: 1  # type: ignore[attr-defined]
        with pytest.raises(UnknownTargetError):
            brain.submit("m", "extra")


async def test_register_all_registers_all_or_nothing() -> None:
    """One bad name, category or cycle in the batch leaves no module and starts none."""
    fresh = diary()
    async with brain_on() as brain:
        await brain.register("taken", double)
        bad = (
            [ModuleSpec("a", fresh), ModuleSpec("taken", fresh)],
            [ModuleSpec("a", fresh), ModuleSpec("a", fresh)],
            [ModuleSpec("a", fresh), ModuleSpec("b", fresh, category="nowhere")],
            [ModuleSpec("a", fresh), ModuleSpec("b", fresh, depends_on=("missing",))],
            [ModuleSpec("a", fresh, depends_on=("b",)), ModuleSpec("b", fresh, depends_on=("a",))],
        )
        for specs in bad:
            with pytest.raises((InvalidArgumentError, ValueError)):
                await brain.register_all(specs)
            assert list(brain.status().module_threads) == ["taken"]
        with pytest.raises(InvalidArgumentError):
            await brain.register_all([ModuleSpec("a", fresh), "b"])  # type: ignore[list-item]
        assert fresh.notes == []
        await brain.register_all([ModuleSpec("a", fresh), ModuleSpec("b", fresh)])
        assert list(brain.status().module_threads) == ["taken", "a", "b"]


@pytest.mark.feature("PM-01", "CB-05")
async def test_a_module_that_was_taken_out_is_gone_and_its_name_is_free() -> None:
    """Submitting to it is an unknown module; another of the same name begins without its past."""
    fresh = diary()
    async with brain_on() as brain:
        await brain.register("m", fresh)
        await brain.submit("m")
        await brain.unregister("m")
        assert fresh.notes == ["start 1", "stop 1"]
        with pytest.raises(UnknownModuleError):
            brain.submit("m")
        await brain.register("m", double)
        assert brain.module_status("m").tasks_completed == 0
        assert await brain.submit("m", "run", 5) == 10


@pytest.mark.parametrize("turns", [1, 2, 3, 5, 8, 13])
async def test_a_module_whose_taking_out_was_cancelled_is_gone_all_the_same(turns: int) -> None:
    """At whatever moment: its name is free, and it does not stand there for ever as one that is being unregistered."""
    async with brain_on() as brain:
        await brain.register("m", diary())
        await brain.submit("m")
        taking_out = asyncio.ensure_future(brain.unregister("m"))
        for _ in range(turns):
            await asyncio.sleep(0)
        taking_out.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await taking_out
        await brain.register("m", double)
        assert await brain.submit("m", "run", 5) == 10

"""One instance of a module's code: how it is made, and what of it can be called."""

from __future__ import annotations

import pytest

from companion_async.errors import ModuleUnavailableError, UnknownTargetError
from companion_async.modules.handlers import Handler, HandlerKind
from companion_async.modules.module import BaseModule
from tests.modules.actors import BRAIN

NAMES = [
    "__init__",
    "__class__",
    "_private",
    "step.__self__",
    "run.__func__",
    "start",
    "stop",
    "health",
    "brain",
    "",
    "x",
]


async def test_constructor_and_plain_hooks_never_run_on_the_loop(make, trace):
    """Constructor, start, stop and health go through call_in_thread where they are def, and only there."""
    threaded = []

    async def counting(work):
        before = len(trace.log)
        value = work()
        threaded.extend(trace.log[before:])
        return value

    module = make(thread=counting)
    await module.start(BRAIN)
    await module.check_health()
    await module.stop()
    assert threaded == ["made", "start"]
    assert trace.log == ["made", "start", "health", "stop"]


async def test_a_restart_calls_the_factory_again(make, traced):
    """A factory, def or async def, gives the instance each time."""
    made = []

    async def factory():
        made.append(traced())
        return made[-1]

    module = make(None, factory=factory)
    assert module.handlers is None
    assert await module.start(BRAIN)
    assert await module.restart()
    assert module.instance is made[1]
    assert module.handlers == {name: Handler(name, HandlerKind.THREAD) for name in ("run", "step")}


async def test_a_function_is_started_and_stopped_without_ado(make):
    """A plain function has no hooks; its handler is run."""

    def work(x):
        return x + 1

    module = make(work)
    assert await module.start(BRAIN)
    assert module.bound("run")(2) == 3
    assert await module.check_health() is None
    assert await module.restart()
    await module.stop()
    with pytest.raises(ModuleUnavailableError):
        module.bound("run")


@pytest.mark.parametrize(
    "target", [*NAMES, None, 3, b"run", ["run"], "x" * 10**6], ids=lambda target: f"{target!r:.20}"
)
async def test_no_name_outside_the_table_is_looked_up(make, target):
    """Dunder, private, dotted, hook and other names, and what is no name, are refused before and after the start."""
    module = make()
    for _ in range(2):
        for ask in (module.handler, module.bound):
            with pytest.raises(UnknownTargetError) as caught:
                ask(target)
            assert len(str(caught.value)) < 500
        await module.start(BRAIN)


async def test_a_handler_is_bound_to_the_instance_of_the_moment(make):
    """Work that waited for a restart runs on the fresh instance; between the two there is none."""
    module = make()
    assert module.handler("run") == Handler("run", HandlerKind.THREAD)
    with pytest.raises(ModuleUnavailableError):
        module.bound("run")
    await module.start(BRAIN)
    assert module.bound("run")() == 1
    await module.restart()
    assert module.bound("run")() == 2


async def test_a_bare_factory_cannot_be_asked_before_it_has_made_something(make, traced):
    """Its handlers are unknown until then, which is no unknown target."""
    module = make(None, factory=traced)
    with pytest.raises(ModuleUnavailableError, match="handlers are not known"):
        module.handler("run")
    await module.start(BRAIN)
    assert module.handler("run").kind is HandlerKind.THREAD


class YieldingStart(BaseModule):
    def start(self):
        yield


@pytest.mark.parametrize("gives", [3, None, "text", object, YieldingStart()])
async def test_a_factory_that_gives_no_module_is_an_error_of_the_start(make, gives):
    """What a factory gives is checked as what is registered is."""
    module = make(None, factory=lambda: gives)
    assert not await module.start(BRAIN)
    assert module.record.errors[-1].type == "InvalidArgumentError"


async def test_the_allow_list_is_fixed_at_registration(make, trace):
    """An instance that hides or lacks a registered handler does not come up; a new public name is not reachable."""

    class Changing(BaseModule):
        def __init__(self):
            self.added = lambda: 1
            if trace.log:
                vars(self)["run"] = None
            trace.log.append("made")

        def run(self):
            return 1

    module = make(Changing)
    assert await module.start(BRAIN)
    with pytest.raises(UnknownTargetError):
        module.handler("added")
    assert not await module.restart()
    assert module.reason == (
        "InvalidArgumentError: The instance of 'm' lacks handlers that its module had at registration: run."
    )


async def test_interruptible_is_read_from_the_class(make):
    """Only a class that says so lets its stuck runs be interrupted, whatever an instance claims."""

    class Yes(BaseModule):
        interruptible = True

    class Claims(BaseModule):
        def __init__(self):
            vars(self)["interruptible"] = True

    assert make(Yes).interruptible
    assert make(Yes()).interruptible
    assert not make(Claims()).interruptible
    assert not make(len).interruptible
    made = make(None, factory=Yes)
    assert not made.interruptible
    await made.start(BRAIN)
    assert made.interruptible

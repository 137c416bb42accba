"""What is asked for when a module is registered."""

from __future__ import annotations

import abc
import functools
import math
import re
import sys

import msgspec
import pytest

from companion_async.errors import CompanionError, DependencyCycleError, InvalidArgumentError
from companion_async.modules.handlers import HandlerKind
from companion_async.modules.module import BaseModule
from companion_async.modules.restart import RestartPolicy
from companion_async.modules.retry import RetryPolicy
from companion_async.modules.spec import ModuleSpec
from companion_async.modules.timeout import Timeout
from companion_async.priority import Priority


class Thumbnails(BaseModule):
    def run(self):
        return 1


class Plain:
    def run(self):
        return 1


class Needy(Plain):
    def __init__(self, path, *, size):
        pass


class Abstract(abc.ABC, Thumbnails):
    @abc.abstractmethod
    def missing(self): ...


class YieldingStart(Thumbnails):
    def start(self):
        yield


class AsyncYieldingHealth(Thumbnails):
    async def health(self):
        yield


class Called:
    async def __call__(self):
        return 1


def work(x=1):
    return x


@pytest.mark.feature("CB-05", "PM-01")
def test_the_defaults_are_the_contracts():
    """A name and a module are enough; the rest is as documented."""
    spec = ModuleSpec("m", Thumbnails)
    assert (spec.category, spec.priority, spec.max_concurrency, spec.quota) == ("core", Priority.MEDIUM, None, 1)
    assert (spec.timeout, spec.retry, spec.factory) == (msgspec.UNSET, None, None)
    assert (spec.depends_on, spec.offload) == ((), "thread")
    assert spec.restart == RestartPolicy(5, 60.0, 0.1, 30.0)


@pytest.mark.feature("CB-05")
def test_every_field_is_settled_into_one_form():
    """Names of priorities, numbers of seconds and runs, and lists become what the runtime works with."""
    spec = ModuleSpec("m", Thumbnails, "phase1", "HIGH", 3, 2, timeout=5, retry=2, depends_on=["a", "b", "a"])
    assert spec.priority is Priority.HIGH
    assert spec.timeout == Timeout(run=5.0)
    assert spec.retry == RetryPolicy(attempts=2)
    assert spec.depends_on == ("a", "b")
    assert ModuleSpec("m", work, timeout=None).timeout == Timeout()


@pytest.mark.parametrize(
    ("module", "handlers", "renewable"),
    [
        (Thumbnails, {"run": HandlerKind.THREAD}, True),
        (Thumbnails(), {"run": HandlerKind.THREAD}, False),
        (Plain, {"run": HandlerKind.THREAD}, True),
        (BaseModule, {}, True),
        (work, {"run": HandlerKind.THREAD}, False),
        (functools.partial(work, 2), {"run": HandlerKind.THREAD}, False),
        (Plain().run, {"run": HandlerKind.THREAD}, False),
        (len, {"run": HandlerKind.THREAD}, False),
        (Called(), {"run": HandlerKind.LOOP}, False),
    ],
)
def test_a_module_is_a_class_an_instance_or_a_function(module, handlers, renewable):
    """Each gives its handlers at once, and only a class can give a fresh instance."""
    spec = ModuleSpec("m", module)
    assert spec.handlers() == handlers
    assert spec.is_renewable is renewable


def test_a_factory_tells_its_handlers_only_with_a_class_beside_it():
    """A bare factory's handlers are unknown until it has made an instance; a class beside it tells them."""
    assert ModuleSpec("m", factory=lambda: Needy("p", size=1)).handlers() is None
    beside = ModuleSpec("m", Needy, factory=lambda: Needy("p", size=1))
    assert beside.handlers() == {"run": HandlerKind.THREAD}
    assert beside.is_renewable


REFUSED = [
    *(({"name": name}, "module name") for name in ("", "a b", "a\n", "x" * 65, "<script>", "é", None, 3, b"m")),
    *(({"category": value}, "category") for value in ("", "a/b", None, 3)),
    *(({"priority": value}, "priority") for value in ("urgent", 3, None, True)),
    *(({"max_concurrency": value}, "max_concurrency") for value in (0, -1, True, 2.5, "2", 10**20)),
    *(({"quota": value}, "quota") for value in (0, -1, True, 0.5, None, "1", 10**20)),
    *(({"timeout": value}, "timeout") for value in (math.nan, math.inf, 0, -1, True, "30")),
    *(({"retry": value}, "retry") for value in (0, -1, True, 1.5, "3")),
    *(({"restart": value}, "restart") for value in (None, 5, True, "always")),
    *(({"depends_on": value}, "depends_on") for value in ("storage", b"s", None, 3, ("a b",), (None,), [["a"]])),
    *(({"offload": value}, "offload.*'thread', 'loop' or 'process'") for value in ("cluster", "", None, ["thread"])),
    ({"module": None, "factory": Thumbnails, "offload": "process"}, "pass the class as module beside factory="),
    *(({"module": value}, "module") for value in (None, 3, "Thumbnails", int, str, math, object(), object)),
    ({"module": Needy}, r"module 'Needy' cannot be called without arguments.*factory=lambda: Needy\("),
    ({"module": Abstract}, "abstract: it lacks missing"),
    ({"module": YieldingStart}, r"YieldingStart\.start must be def or async def"),
    ({"module": YieldingStart()}, r"YieldingStart\.start must be def or async def"),
    ({"module": AsyncYieldingHealth}, r"AsyncYieldingHealth\.health"),
    ({"module": None, "factory": 3}, "factory must be a callable"),
    ({"module": None, "factory": Needy}, "factory 'Needy' cannot be called without arguments"),
    ({"module": Thumbnails(), "factory": Thumbnails}, "not both"),
    ({"module": work, "factory": Thumbnails}, "not both"),
]


@pytest.mark.feature("PM-01")
@pytest.mark.parametrize(("given", "says"), REFUSED, ids=lambda value: re.sub(" at 0x[0-9a-f]+", "", repr(value))[:60])
def test_what_is_wrong_is_refused_with_the_fields_name(given, says):
    """Every field that could not be meant is refused by the constructor, with its name and what would be right."""
    with pytest.raises(InvalidArgumentError, match=says):
        ModuleSpec(**{"name": "m", "module": Thumbnails, **given})


def test_an_error_says_which_module_of_a_batch_it_is():
    """The error carries a note with the module's name."""
    with pytest.raises(CompanionError) as caught:
        ModuleSpec("thumbnails", work, quota=0)
    assert caught.value.__notes__ == ["In the specification of module 'thumbnails'."]


@pytest.mark.feature("CB-F6")
def test_a_module_cannot_depend_on_itself():
    """The shortest cycle is refused by the specification alone."""
    with pytest.raises(DependencyCycleError, match="m -> m"):
        ModuleSpec("m", work, depends_on=("a", "m"))


def test_a_specification_cannot_be_changed():
    """What was checked stays as it was checked."""
    with pytest.raises(AttributeError):
        ModuleSpec("m", work).quota = 0  # type: ignore[misc]


def test_making_a_specification_makes_no_instance():
    """Neither class nor factory is called before the module is started."""
    made: list[object] = []

    class Counted(Plain):
        def __init__(self):
            made.append(self)

    ModuleSpec("m", Counted)
    ModuleSpec("m", factory=lambda: made.append(1))
    ModuleSpec("m", Counted, factory=sys.exit)
    assert made == []


def test_a_callable_that_cannot_be_looked_at_is_taken_at_its_word():
    """Where a signature cannot be had, be it for an annotation that fails, the call itself will tell."""

    class Opaque(type):
        @property
        def __signature__(cls):
            raise NameError

    class Odd(Plain, metaclass=Opaque):
        pass

    assert ModuleSpec("m", Odd).is_renewable

"""What is asked for when a module is registered, checked field by field before anything is made."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from companion_async.errors import CompanionError, DependencyCycleError, InvalidArgumentError
from companion_async.modules.handlers import HOOKS, HandlerKind, classify, collect, is_method
from companion_async.modules.module import BaseModule
from companion_async.modules.restart import RestartPolicy
from companion_async.modules.retry import RetryPolicy
from companion_async.modules.timeout import Timeout
from companion_async.priority import Priority
from companion_async.security import check_count, check_name

OFFLOADS = ("thread", "loop", "process")
_MOST = 1_000_000


class ModuleSpec(msgspec.Struct, frozen=True):
    """A module to be registered. What is wrong with it is raised by the constructor, with the field's name.

    ``module`` is a class (a restart makes a fresh instance), an instance (a restart starts the same one again) or a
    function (its one handler is ``run``). ``factory``, called without arguments, def or async def, gives the instance
    instead; with a class beside it the class tells the handlers beforehand.
    ``timeout`` left UNSET is the brain's default, ``None`` no limit. ``retry`` an int is that many runs in all.
    ``max_concurrency`` caps its working runs at once, as a category's limit does. A run that waits for other work is
    none of them, nor is one that was given up, though its thread goes on until it ends: a module that no two threads
    may be in at once needs a lock of its own. ``quota`` is its weight in fair shares. ``depends_on`` names the modules
    that are started before it and stopped after it.
    ``offload`` is ``"thread"``; ``"loop"`` for plain functions that only take microseconds; ``"process"`` for what
    computes: each process has an instance of its own, made, started and stopped there, and ``max_concurrency`` left
    None is as many as there are processors.
    """

    name: str
    module: Any = None
    category: str = "core"
    priority: Priority = Priority.MEDIUM
    max_concurrency: int | None = None
    quota: int = 1
    timeout: Timeout | UnsetType = UNSET
    retry: RetryPolicy | None = None
    restart: RestartPolicy = RestartPolicy()
    factory: Callable[[], Any] | None = None
    depends_on: tuple[str, ...] = ()
    offload: Literal["thread", "loop", "process"] = "thread"

    if TYPE_CHECKING:
        # The constructor takes more than the fields hold: it settles each into one form.
        def __init__(
            self,
            name: str,
            module: Any = None,
            category: str = "core",
            priority: Priority | str = Priority.MEDIUM,
            max_concurrency: int | None = None,
            quota: int = 1,
            timeout: Timeout | float | UnsetType | None = UNSET,
            retry: RetryPolicy | int | None = None,
            restart: RestartPolicy = ...,
            factory: Callable[[], Any] | None = None,
            depends_on: Iterable[str] = (),
            offload: str = "thread",
        ) -> None: ...

    def __post_init__(self) -> None:
        check_name(self.name, "module name")
        try:
            self._check()
        except CompanionError as error:
            # Of a batch of specifications, this one.
            error.add_note(f"In the specification of module {self.name!r}.")
            raise

    def _check(self) -> None:
        check_name(self.category, "category")
        self._check_module()
        settle = functools.partial(msgspec.structs.force_setattr, self)
        settle("priority", Priority.parse(self.priority))
        if self.max_concurrency is not None:
            check_count(self.max_concurrency, "max_concurrency", maximum=_MOST)
        check_count(self.quota, "quota", maximum=_MOST)
        if self.timeout is not UNSET:
            settle("timeout", Timeout.parse(self.timeout))
        settle("retry", RetryPolicy.parse(self.retry))
        restart: object = self.restart
        if not isinstance(restart, RestartPolicy):
            raise InvalidArgumentError(
                f"restart must be a RestartPolicy; {_kind_of(restart)} is not. For none: RestartPolicy(max_restarts=0)."
            )
        settle("depends_on", self._checked_dependencies())
        if self.offload not in OFFLOADS:
            raise InvalidArgumentError(
                f"offload must be 'thread', 'loop' or 'process'; {self.offload!r:.80} is not available."
            )
        if self.offload == "process" and self.module is None:
            raise InvalidArgumentError(
                "With offload='process' the instances are made elsewhere: pass the class as module beside factory=, so "
                "that its handlers are known here."
            )

    @property
    def is_function(self) -> bool:
        """Whether the module is one callable, whose handler is ``run``."""
        return _is_function(self.module)

    @property
    def is_renewable(self) -> bool:
        """Whether a restart can make a fresh instance."""
        return self.factory is not None or isinstance(self.module, type)

    @property
    def module_class(self) -> type:
        """The class of its instances; that of a function for one that is a function."""
        return self.module if isinstance(self.module, type) else type(self.module)

    def handlers(self) -> dict[str, HandlerKind] | None:
        """The allow-list, or ``None`` where only the factory's first instance will tell."""
        if self.is_function:
            return {"run": classify(self.module)}
        return None if self.module is None else collect(self.module)

    def _check_module(self) -> None:
        module, factory = self.module, self.factory
        if factory is not None:
            if not callable(factory):
                raise InvalidArgumentError(f"factory must be a callable without arguments; {_kind_of(factory)} is not.")
            if module is not None and not isinstance(module, type):
                raise InvalidArgumentError("Pass a factory, or an instance or function as module, not both.")
            _check_callable_bare(factory, "factory")
        elif module is None:
            raise InvalidArgumentError("module is missing: pass a class, an instance, a function, or factory=.")
        if module is None:
            return
        check_hooks(module)
        if self.is_function:
            return
        if not is_module_like(module):
            raise InvalidArgumentError(
                f"module must be a class, an instance or a function; {_kind_of(module)} has no public method to call."
            )
        if isinstance(module, type) and factory is None:
            if inspect.isabstract(module):
                missing = ", ".join(sorted(getattr(module, "__abstractmethods__", ())))
                raise InvalidArgumentError(f"module {module.__name__!r} is abstract: it lacks {missing}.")
            _check_callable_bare(module, "module")

    def _checked_dependencies(self) -> tuple[str, ...]:
        named: object = self.depends_on
        if isinstance(named, (str, bytes)) or not isinstance(named, Iterable):
            raise InvalidArgumentError(
                f"depends_on must be a tuple of module names, such as ('storage',); {named!r:.80} is not."
            )
        names = tuple(dict.fromkeys(check_name(name, "module name in depends_on") for name in named))
        if self.name in names:
            raise DependencyCycleError((self.name, self.name))
        return names


def check_hooks(module: object) -> None:
    """Refuse a class or instance whose start, stop or health would never run when called: a generator."""
    cls = module if isinstance(module, type) else type(module)
    for hook in HOOKS:
        attribute = inspect.getattr_static(cls, hook, None)
        if is_method(attribute) and classify(attribute) not in (HandlerKind.THREAD, HandlerKind.LOOP):
            raise InvalidArgumentError(
                f"{cls.__name__}.{hook} must be def or async def without yield; it is a generator."
            )


def _is_function(module: object) -> bool:
    if inspect.isroutine(module) or isinstance(module, functools.partial):
        return True
    # A callable object with public methods is a module of these; one without is itself what there is to call.
    return callable(module) and not isinstance(module, (type, BaseModule)) and not collect(module)


def is_module_like(module: object) -> bool:
    cls = module if isinstance(module, type) else type(module)
    return issubclass(cls, BaseModule) or bool(collect(cls))


def _check_callable_bare(call: Callable[..., Any], field: str) -> None:
    try:
        signature = inspect.signature(call)
    except Exception:
        # Some callables written in C have none to look at, and since 3.14 looking evaluates the annotations.
        return
    try:
        signature.bind()
    except TypeError as error:
        name = getattr(call, "__name__", type(call).__name__)
        raise InvalidArgumentError(
            f"{field} {name!r} cannot be called without arguments ({error}). Pass factory=lambda: {name}(...)."
        ) from None


def _kind_of(value: object) -> str:
    return f"the class {value.__name__!r}" if isinstance(value, type) else f"an object of type {type(value).__name__!r}"

"""One instance of a module's code, from its making to its end. A restart ends one and makes the next."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from companion_async.errors import CompanionError, InvalidArgumentError
from companion_async.modules.handlers import HOOKS, Handler, collect, is_method
from companion_async.modules.hooks import HookCalls
from companion_async.modules.host import Host
from companion_async.modules.module import attach
from companion_async.modules.spec import ModuleSpec, check_hooks, is_module_like


class Incarnation:
    """Loop thread only. ``handlers`` is the allow-list it must live up to, or ``None`` where it is the one to tell.

    ``bound`` are its handlers on the instance, ``hooks`` those of start, stop and health that it has, by name.
    What the module's code raises comes back as a value. With a ``host`` the instances are there, and none is made here.
    """

    __slots__ = ("_calls", "_host", "_spec", "bound", "handlers", "hooks", "instance")

    def __init__(
        self, spec: ModuleSpec, calls: HookCalls, handlers: dict[str, Handler] | None, host: Host | None = None
    ) -> None:
        self.instance: Any = None
        self.handlers = handlers
        self.bound: dict[str, Callable[..., Any]] = {}
        self.hooks: dict[str, Callable[[], Any]] = {}
        self._spec = spec
        self._calls = calls
        self._host = host

    async def start(self, context: Any, limit: float) -> BaseException | None:
        """Make the instance and start it, each within ``limit`` seconds; ``None``, or why it is not up."""
        if self._host is not None:
            self._live_with(self._host)
        elif (error := await self._make(context, limit)) is not None:
            return error
        if (hook := self.hooks.get("start")) is not None:
            outcome = await self._calls.call("start", hook, limit, interruptible=True)
            if outcome.error is not None:
                return outcome.error
        return None

    async def _make(self, context: Any, limit: float) -> BaseException | None:
        spec = self._spec
        self.instance = spec.module
        if spec.is_renewable:
            make = spec.module if spec.factory is None else spec.factory
            made = await self._calls.call("constructor", make, limit, interruptible=True, construct=True)
            if made.error is not None:
                return made.error
            self.instance = made.value
        try:
            self._bind(context)
        except Exception as error:
            return error
        return None

    def _live_with(self, host: Host) -> None:
        self.bound = dict.fromkeys(self.handlers or (), elsewhere)
        self.hooks = {"start": host.start, "stop": host.stop}
        if is_method(inspect.getattr_static(self._spec.module_class, "health", None)):
            self.hooks["health"] = host.health

    async def stop(self, limit: float) -> BaseException | None:
        """Call ``stop()``, which is for one whose ``start`` has succeeded; ``None``, or what went wrong."""
        hook = self.hooks.get("stop")
        return None if hook is None else (await self._calls.call("stop", hook, limit)).error

    def _bind(self, context: Any) -> None:
        spec, instance = self._spec, self.instance
        check_hooks(instance)
        attach(instance, spec.name, context)
        for name in HOOKS:
            if is_method(inspect.getattr_static(type(instance), name, None)):
                self.hooks[name] = getattr(instance, name)
        if spec.is_function:
            self.bound = {"run": instance}
            return
        if not is_module_like(instance):
            given = type(instance).__name__
            raise InvalidArgumentError(
                f"The factory of {spec.name!r} gave an object of type {given!r} without handlers."
            )
        if self.handlers is None:
            self.handlers = {name: Handler(name, kind) for name, kind in collect(instance).items()}
        found = {name: getattr(instance, name, None) for name in self.handlers}
        self.bound = {name: method for name, method in found.items() if callable(method)}
        if lost := sorted(found.keys() - self.bound.keys()):
            raise InvalidArgumentError(
                f"The instance of {spec.name!r} lacks handlers that its module had at registration: {', '.join(lost)}."
            )


def elsewhere(*args: Any, **kwargs: Any) -> None:
    """Stands for a handler that is with the module's host, which knows what it takes."""
    raise CompanionError("This handler lives in another process and is called by submitting to its module.")


def handler_table(spec: ModuleSpec) -> dict[str, Handler] | None:
    """The allow-list of a specification, or ``None`` where only the factory's first instance will tell."""
    kinds = spec.handlers()
    return None if kinds is None else {name: Handler(name, kind) for name, kind in kinds.items()}

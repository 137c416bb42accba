"""A module as it lives in another process: made, started, called and stopped there by the same rules as here."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from companion_async.clock import SystemClock
from companion_async.modules.handlers import Handler
from companion_async.modules.hooks import HookCalls
from companion_async.modules.incarnation import Incarnation
from companion_async.modules.spec import ModuleSpec

T = TypeVar("T")

_LIMIT = 3600.0  # whoever asked has a limit of his own, and kills the process when it has passed


class Resident:
    """Pickled with what its module is made from; each process that receives it makes an instance of its own."""

    def __init__(self, spec: ModuleSpec, handlers: dict[str, Handler]) -> None:
        self._spec = spec
        self._handlers = handlers
        self._life: Incarnation | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        return Resident, (self._spec, self._handlers)

    async def start(self, context: Any) -> None:
        """Make the instance and start it; what either raises is raised."""
        life = Incarnation(self._spec, HookCalls(SystemClock(), _right_here, linger=1.0), self._handlers)
        error = await life.start(context, _LIMIT)
        if error is not None:
            raise error
        self._life = life

    async def stop(self) -> None:
        """Call ``stop()``; what it raises is raised."""
        error = None if self._life is None else await self._life.stop(_LIMIT)
        if error is not None:
            raise error

    async def health(self) -> None:
        """Call ``health()``; what it raises is raised."""
        hook = None if self._life is None else self._life.hooks.get("health")
        if hook is not None:
            came = hook()
            if isinstance(came, Awaitable):
                await came

    def handler(self, name: str) -> Callable[..., Any]:
        """The handler of that name, on the instance."""
        assert self._life is not None  # nothing is called before `start`
        return self._life.bound[name]


async def _right_here(work: Callable[[], T]) -> T:
    """A process has nothing else to do meanwhile."""
    return work()

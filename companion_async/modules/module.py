"""What a module's author derives from."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from loguru import logger

from companion_async.errors import CompanionError

if TYPE_CHECKING:
    from loguru import Logger


class BaseModule:
    """A module: its public methods are its handlers.

    ``start()``, ``stop()`` and ``health()`` may be added, each ``def`` or ``async def``; they are no handlers. A plain
    ``def`` of them runs in a thread, as the constructor does, so none of them holds up the event loop. ``start`` and
    ``health`` report trouble by raising; ``stop`` is called only after a ``start`` that succeeded.

    A subclass need not call ``super().__init__``.
    """

    interruptible: ClassVar[bool] = False
    """Whether a run that is stuck past its limit may be ended by an exception raised inside its thread.

    Off by default, because such an exception can strike between any two lines of the module's own code and leave what
    it guards half-done. Sections that are shielded are respected, and a call that sits in C is not reached at all.
    """

    agent_state: Any = None
    """What the agent's modules share; whatever the module was constructed with."""

    def __init__(self, agent_state: Any = None) -> None:
        self.agent_state = agent_state

    @cached_property
    def logger(self) -> Logger:
        """A logger whose lines carry ``module``: the class's name in the constructor, from then on the module's."""
        return logger.bind(module=type(self).__name__)

    @property
    def brain(self) -> Any:
        """The runtime this module lives in. It is there from ``start()`` on; earlier reads raise `CompanionError`."""
        try:
            return self.__dict__["_brain"]
        except KeyError:
            name = type(self).__name__
            message = (
                f"{name}.brain is not there yet: it is set when the module is started. Use it in start() or in a "
                f"handler, not in __init__; in a test of {name} alone, assign it."
            )
            raise CompanionError(message) from None

    @brain.setter
    def brain(self, context: Any) -> None:
        self.__dict__["_brain"] = context


def attach(instance: object, name: str, context: Any) -> None:
    """Tell ``instance`` the name and the runtime it lives under. Only a `BaseModule` can be told."""
    if isinstance(instance, BaseModule):
        instance.logger = logger.bind(module=name)
        instance.brain = context

"""All that the decision loop can read and move. The brain implements it; a test or a simulation can as well."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from companion_async.autonomy.signals import Glance
from companion_async.autonomy.situation import Situation


class Controls(Protocol):
    """Called on the loop's thread. An action that cannot be done raises; the decision then says so and nothing else
    suffers. An action that finds nothing to do any more returns False or 0, and the decision counts as not applied.
    """

    def situation(self) -> Situation:
        """Everything as it is now. Called once per pass; cheap, and never waits."""
        ...

    def glance(self) -> Glance:
        """What the sizes of the categories are judged by. Called ten times a second; the runs that have ended since
        the last call are told once.
        """
        ...

    def use(self) -> Situation:
        """Modules and processor as they are now, runs that go on counted in, without categories and stuck runs. Called
        five times a second.
        """
        ...

    def tell_of_work(self, tell: Callable[[], None]) -> None:
        """Call ``tell``, once, when a run has ended or begun: the governor looks rarely while nothing does."""
        ...

    def resize(self, category: str, limit: int) -> None:
        """Set the category's limit. Running work is never touched."""
        ...

    def retire_idle(self, category: str, keep: int, idle_for: float = 0.0) -> int:
        """End parked threads that have idled ``idle_for`` seconds or more, coldest first, until ``keep`` threads are
        left; how many.
        """
        ...

    async def restart_module(self, name: str, generation: int, reason: str) -> bool:
        """Give the module a fresh instance, after its backoff. False if it is no longer ``generation``: someone else
        has acted. Returns when it runs again, and raises what its start raised.
        """
        ...

    async def quarantine(self, name: str, reason: str) -> bool:
        """Stop the module until a person resumes it. False if it has been stopped already."""
        ...

    def replace_worker(self, task_id: str, reason: str) -> bool:
        """Give up on that run: its thread is counted as abandoned and its slot freed. False if the run has ended or
        the budget is spent.
        """
        ...

    def throttle(self, module: str, cap: int | None, share: float | None = None) -> None:
        """Let at most ``cap`` runs of the module go on at once, beside its own ``max_concurrency``; None lifts it.

        With a ``share`` (of their time that they compute) its runs share the interpreter lock with those of all other
        modules that have one: in the whole house no more of them go on at once than keep it busy.
        """
        ...

    def set_switch_interval(self, seconds: float | None) -> None:
        """How long a thread keeps the interpreter lock when others want it; None puts back what was there before."""
        ...

    def adjust_priority(self, category: str, waited: float) -> int:
        """Raise every queued task that has waited ``waited`` seconds or more by one level; how many."""
        ...

    def shed(self, category: str, count: int, lowest: int) -> int:
        """Cancel up to ``count`` queued tasks, the least urgent first and the newest first among equals, none more
        urgent than level ``lowest`` (a `Priority` value); how many.
        """
        ...

"""The part of `Brain` that has to do with its modules."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from msgspec import UNSET

from companion_async.brain.affinity import pin
from companion_async.brain.assembly import Assembly
from companion_async.modules.restart import RestartPolicy
from companion_async.modules.retry import RetryPolicy
from companion_async.modules.spec import ModuleSpec
from companion_async.modules.timeout import Timeout
from companion_async.priority import Priority
from companion_async.status.module import ModuleStatus


class BrainModules:
    """What a person, or the program, does with the modules of a brain. For the loop's thread."""

    if TYPE_CHECKING:

        def _open(self, operation: str) -> Assembly: ...
        def _assembly(self, operation: str) -> Assembly: ...

    async def register(
        self,
        name: str,
        module: Any = None,
        *,
        category: str = "core",
        priority: Priority | str = "medium",
        max_concurrency: int | None = None,
        quota: int = 1,
        timeout: Timeout | float | None = UNSET,  # type: ignore[assignment]
        retry: RetryPolicy | int | None = None,
        restart: RestartPolicy | None = None,
        factory: Callable[[], Any] | None = None,
        depends_on: Iterable[str] = (),
        offload: str = "thread",
    ) -> None:
        """Register a class (a restart makes a fresh instance), an instance or a plain function, and start it.

        Returns when it is up, or stands in ``error`` and is being healed, or waits for what it depends on.
        """
        await self.register_all(
            [
                ModuleSpec(
                    name,
                    module,
                    category,
                    priority,
                    max_concurrency,
                    quota,
                    timeout,
                    retry,
                    RestartPolicy() if restart is None else restart,
                    factory,
                    depends_on,
                    offload,
                )
            ]
        )

    async def register_all(self, specs: Iterable[ModuleSpec]) -> None:
        """Register all or, with an error, none; each is started after those it depends on."""
        await self._open("register()").roster.register(specs)

    async def unregister(self, name: str) -> None:
        """Take a module out: its waiting tasks are cancelled, running ones may end within ``cancel_grace``."""
        await self._open("unregister()").roster.unregister(name)

    def pause(self, name: str, reason: str = "") -> None:
        """Hold a module's work: what runs ends, the rest waits, nothing is lost."""
        parts = self._open("pause()")
        parts.roster.pause(name)
        self._word(parts, "pause", name, reason)

    def resume(self, name: str, reason: str = "") -> None:
        """Let a paused module go on; start a stopped or quarantined one again, with its restarts forgiven."""
        parts = self._open("resume()")
        parts.roster.resume(name)
        self._word(parts, "resume", name, reason)

    async def restart(self, name: str, reason: str = "") -> bool:
        """Stop a module and start it afresh once its running work has ended, at most ``cancel_grace`` later; whether
        it is up. Waiting tasks run on the new instance.
        """
        parts = self._open("restart()")
        up = await parts.roster.restart(name)
        self._word(parts, "restart", name, reason)
        return up

    async def drain(self, name: str | None = None) -> None:
        """Return when every task accepted by now, of the module or of all, has ended."""
        parts = self._open("drain()")
        if name is not None:
            parts.roster.registry.get(name)
        await parts.roster.ended(
            [task for task in parts.scheduler.history if task.ended < 0 and name in (None, task.module)], None
        )

    def set_quota(self, name: str, quota: int) -> None:
        """Change a module's weight in fair shares, from the next dispatch on."""
        self._open("set_quota()").roster.set_quota(name, quota)

    def pin(self, name: str, cpus: Iterable[int]) -> None:
        """Keep the threads of a category, or a module's runs in threads, on these processors; none lifts it.

        Where the system has no thread affinity (macOS, Windows) this raises `InvalidArgumentError`.
        """
        pin(self._open("pin()"), name, cpus)

    def module_status(self, name: str) -> ModuleStatus:
        """One module at this moment."""
        parts = self._assembly("module_status()")
        return parts.pictures.module(parts.roster.registry.get(name))

    @staticmethod
    def _word(parts: Assembly, type: str, name: str, reason: str) -> None:
        if reason:
            parts.decisions.record(type, name, {"by": "a person"}, reason, rule="person")

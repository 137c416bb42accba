"""`StateCoordinator`: an agent's state, changed through proposals and transactions, for threads."""

from __future__ import annotations

import inspect
import time
from collections import deque
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from loguru import logger

from companion_async.brain.brain import Brain
from companion_async.brain.config import BrainConfig
from companion_async.clock import Clock
from companion_async.errors import BrainClosedError, ConflictError, InvalidArgumentError, UnknownModuleError, trace_of
from companion_async.sdk.callbacks import CallbackThread
from companion_async.sdk.mirror import Mirror
from companion_async.sdk.portal import Portal
from companion_async.sdk.records import StateChange
from companion_async.sdk.refusals import ChangeRefusedError, NotWrittenBackError
from companion_async.state import coordinator as core
from companion_async.state.batch import SyncPolicy
from companion_async.state.change import ChangeStatus, StateChangeType
from companion_async.state.change import StateChange as Change

_MIRROR = "agent-state"
_MOST_TURNS = 1000
_FAILURES_KEPT = 100
_DURATIONS_KEPT = 1000


@dataclass
class ConflictResolution:
    """How changes of one batch for ``field_path`` are decided: ``latest_wins``, ``merge``, ``priority`` (the module
    that stands first in ``priority_order``) or ``custom``. ``custom_resolver(changes)`` returns the `StateChange` that
    wins, a list of those that do, or a value to be stored instead.
    """

    field_path: str
    resolution_strategy: str
    priority_order: Collection[str] = ()
    custom_resolver: Callable[[list[StateChange]], Any] | None = None


class SyncMetrics(msgspec.Struct, frozen=True, kw_only=True):
    """Totals. ``sync_operations`` are commits; ``average_sync_time`` is the seconds that a call took until what it had
    changed stood in the agent's state, of the last 1,000; ``state_size_bytes`` is the state's size as JSON.
    """

    total_changes: int = 0
    conflicts_resolved: int = 0
    sync_operations: int = 0
    rollbacks_performed: int = 0
    average_sync_time: float = 0.0
    state_size_bytes: int = 0
    snapshot_count: int = 0


class StateCoordinator:
    """`Brain.state` for an agent's state object. Any thread.

    The state begins as ``agent_state`` is: a dict, or an object with attributes (see `Mirror`). Each commit is written
    back into it, and stands there when the call that made it returns. What is written past the coordinator is not known
    to it. A change that is impossible raises `ChangeRefusedError`; one that waits for its batch may yet be refused, or
    lose to another.

    Made by itself it is a brain of its own, to be ended with `shutdown`; a manager's ends with the manager. It never
    keeps the interpreter alive.
    """

    def __init__(
        self,
        agent_state: Any,
        sync_policy: SyncPolicy | str = SyncPolicy.IMMEDIATE,
        max_snapshots: int = 50,
        batch_size: int = 10,
        sync_interval: float = 1.0,
        *,
        clock: Clock | None = None,
    ) -> None:
        config = BrainConfig(
            sync_policy=sync_policy,  # type: ignore[arg-type]  # checked there
            max_snapshots=max_snapshots,
            batch_size=batch_size,
            sync_interval=sync_interval,
            plugins=False,
        )
        mirror = Mirror(agent_state)
        portal = Portal(lambda: Brain(config, clock=clock, state=mirror.tree()), name="companion state")
        self._set_up(portal, mirror, CallbackThread("companion state callbacks"), owned=True)

    @classmethod
    def over(cls, portal: Portal[Any], mirror: Mirror, callbacks: CallbackThread) -> StateCoordinator:
        """The facade of a running brain's state, which began as ``mirror.tree()``."""
        self = cls.__new__(cls)
        self._set_up(portal, mirror, callbacks, owned=False)
        return self

    def _set_up(self, portal: Portal[Any], mirror: Mirror, callbacks: CallbackThread, *, owned: bool) -> None:
        self.agent_state = mirror.target
        self._portal = portal
        self._mirror = mirror
        self._callbacks = callbacks
        self._owned = owned
        self._core: core.StateCoordinator = portal.call(lambda: portal.brain.state)
        self._modules: dict[str, Any] = {}
        self._written = 0
        self._failures: deque[tuple[int, str, Exception]] = deque(maxlen=_FAILURES_KEPT)
        self._durations: deque[float] = deque(maxlen=_DURATIONS_KEPT)
        self._core.create_snapshot("initial")
        self._core.subscribe_to_path(_MIRROR, "*", self._write_back)

    def shutdown(self) -> None:
        """Decide what is pending, and take no more changes. A manager's coordinator ends with its manager."""
        if self._owned:
            self._portal.close(0)
            self._callbacks.close(1.0)
        else:
            self.apply_changes()

    # -- modules ---------------------------------------------------------------------------------------------------

    def register_module(self, module_id: str, module: Any) -> None:
        """Make a module known, so that it can subscribe. Whoever proposes need not be."""
        self._core.register_module(module_id)
        self._modules[module_id] = module

    def unregister_module(self, module_id: str) -> None:
        """Forget it and its subscriptions."""
        self._core.unregister_module(module_id)
        self._modules.pop(module_id, None)

    def subscribe_to_path(self, module_id: str, path: str) -> None:
        """Call the module's ``on_state_change(changes)`` after each commit that touches ``path``: at it, above it or
        below it, and ``*`` stands for any one segment. An unknown module is a ValueError.

        A plain method is called on a thread that makes all such calls one after the other, and may block; a coroutine
        runs on the brain's loop.
        """
        if module_id not in self._modules:
            raise UnknownModuleError(str(module_id)[:80], tuple(self._modules), "register_module")
        if not callable(getattr(self._modules[module_id], "on_state_change", None)):
            logger.warning("Module {} has no on_state_change(changes) yet: nobody can tell it of {}.", module_id, path)
        told = inspect.iscoroutinefunction(getattr(self._modules[module_id], "on_state_change", None))
        self._core.subscribe_to_path(module_id, path, self._awaited(module_id) if told else self._called(module_id))

    def unsubscribe_from_path(self, module_id: str, path: str) -> bool:
        """Forget one subscription; False if there is none."""
        return self._core.unsubscribe(module_id, path) > 0

    def _called(self, module_id: str) -> Callable[[list[Change]], None]:
        def tell(changes: list[Change]) -> None:
            function = getattr(self._modules.get(module_id), "on_state_change", None)
            if callable(function):
                self._callbacks.call(function, [StateChange.of(change) for change in changes])

        return tell

    def _awaited(self, module_id: str) -> Callable[[list[Change]], Any]:
        async def tell(changes: list[Change]) -> None:
            if module_id in self._modules:
                await self._modules[module_id].on_state_change([StateChange.of(change) for change in changes])

        return tell

    # -- changes ---------------------------------------------------------------------------------------------------

    def propose_change(
        self,
        module_id: str,
        path: str,
        new_value: Any = None,
        change_type: StateChangeType | str = StateChangeType.UPDATE,
        priority: float = 0,
        metadata: Mapping[str, Any] | None = None,
    ) -> str:
        """Ask for a change; its id. At once or with its batch, as the policy says; in a transaction that this thread
        has begun, with that. Of changes of one batch for one path the higher ``priority`` wins.
        """
        began = time.perf_counter()
        change = self._core.propose(module_id, path, new_value, change_type, priority, metadata)
        if change.status is ChangeStatus.REFUSED:
            raise ChangeRefusedError(change.path, change.change_type.value, change.reason)
        if change.version is not None:
            self._await_written(change.version, began)
        return change.id

    def apply_changes(self, change_ids: Collection[str] | None = None) -> bool:
        """Decide all that is pending. True if all of it was applied, or all of ``change_ids`` by now: which changes win
        depends on those they are decided with, so none is decided alone.
        """
        began = time.perf_counter()
        before = self._core.get_metrics()
        self._core.apply()
        after = self._core.get_metrics()
        self._await_written(self._core.version, began)
        if change_ids is None:
            return (after.lost, after.refused) == (before.lost, before.refused)
        if isinstance(change_ids, str):
            raise InvalidArgumentError("change_ids must be a list of ids; one string is not.")
        return set(change_ids) <= {change.id for change in self._core.history(limit=1_000_000)}

    def register_conflict_resolver(self, path: str, resolution: ConflictResolution) -> None:
        """How changes of one batch for ``path`` and below it are decided from now on."""
        self._core.register_conflict_resolver(
            path,
            resolution.resolution_strategy,
            None if resolution.custom_resolver is None else _translated(resolution.custom_resolver),
            order=tuple(resolution.priority_order),
        )

    # -- transactions and snapshots --------------------------------------------------------------------------------

    def begin_transaction(self, transaction_id: str) -> str:
        """From here on what this thread, or the task that runs in it, proposes is part of the transaction; others see
        nothing of it before it is committed. A name that is open here is a ValueError.
        """
        self._core.begin_transaction(transaction_id)
        return transaction_id

    def commit_transaction(self, transaction_id: str) -> bool:
        """Apply all of it at once; False if others had changed what it builds on, and then nothing is applied. One that
        is not open here is a ValueError.
        """
        began = time.perf_counter()
        try:
            version = self._core.commit_transaction(transaction_id)
        except ConflictError:
            return False
        self._await_written(version, began)
        return True

    def rollback_transaction(self, transaction_id: str) -> bool:
        """Forget it all. One that is not open here is a ValueError."""
        self._core.rollback_transaction(transaction_id)
        return True

    def create_snapshot(self, snapshot_id: str | None = None) -> str:
        """Keep the state as it is under that name, or a new one; there is one named ``initial`` from the start."""
        return self._core.create_snapshot(snapshot_id).name

    def restore_snapshot(self, snapshot_id: str) -> bool:
        """Make the state what it was; what is pending is lost, and the version goes up. Unknown: a KeyError."""
        began = time.perf_counter()
        change = self._core.restore(snapshot_id)
        self._await_written(change.version or 0, began)
        return True

    # -- pictures --------------------------------------------------------------------------------------------------

    def get_state_metrics(self) -> SyncMetrics:
        """The figures so far."""
        metrics = self._core.get_metrics()
        durations = tuple(self._durations)
        return SyncMetrics(
            total_changes=metrics.changes,
            conflicts_resolved=metrics.conflicts,
            sync_operations=metrics.commits,
            rollbacks_performed=metrics.rollbacks + metrics.restores,
            average_sync_time=sum(durations) / len(durations) if durations else 0.0,
            state_size_bytes=len(msgspec.json.encode(self._core.to_dict(), enc_hook=repr)),
            snapshot_count=len(self._core.status().snapshots),
        )

    def get_coordination_status(self) -> dict[str, Any]:
        """``state_version registered_modules pending_changes active_transactions snapshots conflict_resolvers
        sync_policy module_versions subscriptions``: counts, but for the last three.
        """
        status = self._core.status()
        return {
            "state_version": status.version,
            "registered_modules": len(self._modules),
            "pending_changes": status.pending,
            "active_transactions": status.active_transactions,
            "snapshots": len(status.snapshots),
            "conflict_resolvers": len(status.resolvers),
            "sync_policy": status.sync_policy,
            "module_versions": dict(status.modules),
            "subscriptions": {name: list(paths) for name, paths in status.subscriptions.items() if name != _MIRROR},
        }

    # -- writing back ----------------------------------------------------------------------------------------------

    def _write_back(self, changes: list[Change]) -> None:
        """Called on the loop, for one commit after the other."""
        for change in changes:
            try:
                self._mirror.write(change)
            except Exception as error:  # the object is the user's, and may refuse
                self._failures.append((change.version or 0, change.path, error))
                logger.error("{} could not be written back into the agent's state.\n{}", change.path, trace_of(error))
        self._written = changes[0].version or 0

    def _await_written(self, version: int, began: float) -> None:
        """Return when commit ``version`` stands in the agent's state; raise if the object did not take it."""
        for _ in range(_MOST_TURNS):
            try:
                self._portal.call(_turn)
            except BrainClosedError:  # its end has told of everything
                break
            if self._written >= version or self._portal.inside:
                break
        self._durations.append(time.perf_counter() - began)
        for failed, path, error in tuple(self._failures):
            if failed == version:
                raise NotWrittenBackError(path, f"{type(error).__name__}: {error}") from error


def _turn() -> None:
    """Nothing: to be called on the loop is to be called after what was told before."""


def _translated(resolver: Callable[[list[StateChange]], Any]) -> Callable[[list[Change]], Any]:
    """A resolver that is shown the documents' records, and answers with the changes behind them."""

    def decide(changes: list[Change]) -> Any:
        records = [StateChange.of(change) for change in changes]
        chosen = resolver(records)
        behind = {id(record): change for record, change in zip(records, changes, strict=True)}
        if isinstance(chosen, list):
            return [behind.get(id(each), each) for each in chosen]
        return behind.get(id(chosen), chosen)

    return decide

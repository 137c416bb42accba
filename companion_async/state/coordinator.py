"""`StateCoordinator`: one state for everybody, changed through proposals and transactions, watched by path."""

from __future__ import annotations

import asyncio
import contextlib
import weakref
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self, TypeVar

from companion_async.clock import Clock, SystemClock
from companion_async.errors import InvalidArgumentError
from companion_async.events.bus import Topic
from companion_async.security import check_count, check_seconds
from companion_async.state import attempts as trying
from companion_async.state.announcer import Announcer, Callback, ChangeStream, Subscription
from companion_async.state.batch import Batch, SyncPolicy, parse_policy
from companion_async.state.change import StateChange, StateChangeType, parse_change_type
from companion_async.state.conflict import ConflictStrategy, Decide, Resolver
from companion_async.state.ledger import Ledger, checked_module, checked_priority
from companion_async.state.path import parse_path, parse_pattern, shown
from companion_async.state.snapshot import Shelf, StateSnapshot
from companion_async.state.status import StateMetrics, StateStatus
from companion_async.state.store import Store
from companion_async.state.transaction import Transaction, bind, bound, unbind
from companion_async.state.tree import MISSING, Branch, lookup
from companion_async.state.value import freeze, references, thaw

T = TypeVar("T")


class StateCoordinator:
    """A tree of values with a version. ``initial`` is a dict, or an object whose public attributes it begins with.

    Reading takes no lock and never waits. What is handed in or out is a copy; a member that cannot be copied is kept by
    reference, and `references` names it. Every call that is no coroutine may be made in any thread, also on the loop:
    none waits for anything but other commits, and those take microseconds.

    Made on a running loop it belongs to that loop; else to the one on which it is entered. Subscribers are told there,
    and there its timers run. Without a loop, callbacks are called in the thread that commits, and batches have no
    timers. Leaving ``async with`` decides what is pending, tells of it, ends the streams, and refuses further changes;
    async callbacks have a second to end. It can still be read.

    ``sync_policy`` says when proposals are decided (see `SyncPolicy`). The last ``history_size`` changes and the last
    ``max_snapshots`` snapshots are kept. ``topic`` is where ``state.changed`` is published; ``current_task`` tells the
    id of the work that calls.
    """

    def __init__(
        self,
        initial: Any = None,
        *,
        sync_policy: SyncPolicy | str = SyncPolicy.IMMEDIATE,
        batch_size: int = 10,
        sync_interval: float = 1.0,
        max_snapshots: int = 50,
        history_size: int = 10_000,
        transaction_ttl: float = 300.0,
        clock: Clock | None = None,
        topic: Topic | None = None,
        current_task: Callable[[], str | None] = lambda: None,
    ) -> None:
        self._clock = clock if clock is not None else SystemClock()
        self._announcer = announcer = Announcer(topic)
        self._store = store = Store(
            freeze(_beginning(initial)), check_count(history_size, "history_size"), announcer.note
        )
        self._ledger = Ledger(store, announcer, self._clock, current_task)
        self._batch = Batch(
            store,
            announcer,
            parse_policy(sync_policy),
            check_count(batch_size, "batch_size"),
            check_seconds(sync_interval, "sync_interval"),
            self._clock,
        )
        self._shelf = Shelf(check_count(max_snapshots, "max_snapshots"))
        self._transaction_ttl = check_seconds(transaction_ttl, "transaction_ttl")
        self._transactions: weakref.WeakSet[Transaction] = weakref.WeakSet()
        with contextlib.suppress(RuntimeError):  # made in a plain thread
            announcer.bind(asyncio.get_running_loop())

    async def __aenter__(self) -> Self:
        self._ledger.check_open()
        self._announcer.bind(asyncio.get_running_loop())
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.apply()
        self._batch.close()
        self._ledger.closed = True
        await self._announcer.close()

    # -- reading ---------------------------------------------------------------------------------------------------

    def get(self, path: str, default: Any = None) -> Any:
        """A copy of what stands at ``path``, else ``default``; inside a named transaction, what it sees."""
        transaction = bound(self._ledger)
        if transaction is not None:
            return transaction.get(path, default)
        node = lookup(self._store.head.root, parse_path(path))
        return default if node is MISSING else thaw(node)

    def stamps(self, path: str, *members: str) -> tuple[object, ...]:
        """For ``path``, or each of these members of it, what is another object as soon as anything there was changed:
        what was worked out of it need not be again while ``is`` says so. Of what is committed, and keeps it alive.
        """
        node = lookup(self._store.head.root, parse_path(path))
        if not members:
            return (node,)
        return tuple(map(node.get, members)) if type(node) is Branch else (MISSING,) * len(members)

    def to_dict(self) -> dict[str, Any]:
        """A copy of all of it, of one moment; inside a named transaction, what it sees."""
        transaction = bound(self._ledger)
        if transaction is not None:
            return transaction.to_dict()
        plain: dict[str, Any] = thaw(self._store.head.root)
        return plain

    @property
    def version(self) -> int:
        """How many commits there have been; it never goes back."""
        return self._store.head.version

    @property
    def references(self) -> tuple[str, ...]:
        """The paths of members that could not be copied. It looks at the whole state."""
        return tuple(shown(path) for path in references(self._store.head.root))

    def history(self, limit: int = 50, path: str | None = None) -> list[StateChange]:
        """What was applied lately, the newest last; with ``path``, what touched it from above or below."""
        check_count(limit, "limit", maximum=1_000_000)
        wanted = parse_path(path) if path is not None else ()
        with self._store.lock:
            changes = list(self._store.history)
        found = [change for change in changes if all(a == b for a, b in zip(change.segments, wanted, strict=False))]
        return found[-limit:]

    # -- changing --------------------------------------------------------------------------------------------------

    def propose(
        self,
        module: str,
        path: str,
        new_value: Any = None,
        change_type: StateChangeType | str = StateChangeType.UPDATE,
        priority: float = 0,
        metadata: Mapping[str, Any] | None = None,
    ) -> StateChange:
        """Ask for a change; what became of it is its ``status``. `propose_change` for threads.

        At once or later, as the policy says; ``pending`` says that nothing has happened yet. Inside a named
        transaction it becomes part of that. What is wrong with the arguments is raised; a change that is impossible
        in the state as it is comes back ``refused``, with the reason.
        """
        self._ledger.check_open()
        kind = parse_change_type(change_type)
        change = self._ledger.record(
            checked_module(module), parse_path(path), kind, new_value, checked_priority(priority), metadata
        )
        transaction = bound(self._ledger)
        if transaction is not None:
            transaction.take(change)
        elif self._batch.policy is SyncPolicy.IMMEDIATE:
            self._ledger.enter(change)
        else:
            self._batch.add(change)
            self._announcer.tell()
        return change

    async def propose_change(
        self,
        module: str,
        path: str,
        new_value: Any = None,
        change_type: StateChangeType | str = StateChangeType.UPDATE,
        priority: float = 0,
        metadata: Mapping[str, Any] | None = None,
    ) -> StateChange:
        """`propose`. When it returns, plain callbacks on this loop have been told of what was applied."""
        return self.propose(module, path, new_value, change_type, priority, metadata)

    def apply(self) -> None:
        """Decide all that is pending when it is called. `apply_changes` for threads."""
        self._batch.settle()
        self._announcer.tell()

    async def apply_changes(self) -> None:
        """`apply`."""
        self.apply()

    def register_conflict_resolver(
        self,
        path: str,
        strategy: ConflictStrategy | str,
        resolver: Decide | None = None,
        *,
        order: Sequence[str] = (),
    ) -> None:
        """How changes of one batch for ``path`` or below are decided from now on.

        ``resolver(changes)`` for ``custom``: it returns the one that wins, a list of those that do, or a value to be
        stored instead. It is called in the thread that decides the batch. ``order`` names modules for ``priority``.
        """
        try:
            chosen = ConflictStrategy(strategy)
        except ValueError:
            raise InvalidArgumentError(
                f"strategy must be one of {', '.join(ConflictStrategy)}; {strategy!r:.80} is not."
            ) from None
        if (chosen is ConflictStrategy.CUSTOM) != callable(resolver):
            raise InvalidArgumentError('A resolver is for the strategy "custom", and that one needs one.')
        self._batch.resolvers = {**self._batch.resolvers, parse_path(path): Resolver(chosen, tuple(order), resolver)}

    # -- transactions ----------------------------------------------------------------------------------------------

    def transaction(self, module: str = "") -> Transaction:
        """A new one: ``async with`` on the loop, ``with`` in a thread. ``module`` is its name in the history."""
        self._ledger.check_open()
        transaction = Transaction(self._ledger, module and checked_module(module))
        return self._known(transaction)

    def _known(self, transaction: Transaction) -> Transaction:
        with self._store.lock:
            self._transactions.add(transaction)
        return transaction

    def transact(self, function: Callable[[Transaction], T], *, attempts: int = 10, module: str = "") -> T:
        """Call ``function(transaction)``, commit, and begin again on a `ConflictError`, ``attempts`` times in all.

        What it returned. Of transactions that conflict one at least has committed, so all together get on; a long
        one among many short ones may use up its attempts, and raises the last `ConflictError`. `run_transaction` for
        threads; ``function`` must do nothing that cannot be done twice.
        """
        return trying.transact(lambda: self.transaction(module), function, attempts)

    async def run_transaction(
        self, function: Callable[[Transaction], Any], *, attempts: int = 10, module: str = ""
    ) -> Any:
        """`transact`, for ``async def`` functions too. The loop turns between attempts."""
        return await trying.run_transaction(lambda: self.transaction(module), function, attempts, self._clock)

    def begin_transaction(self, name: str, module: str = "") -> Transaction:
        """From here on what this task or thread reads and proposes is part of the transaction ``name``.

        Other tasks and threads stay outside, those that this one starts included. One that is never ended is gone
        with its task, and nobody waits for it; in a task that lives on it is rolled back once ``transaction_ttl``
        seconds have passed, and the next call that would have been part of it raises `TransactionStateError`.
        """
        self._ledger.check_open()
        given: Any = name
        if not isinstance(given, str) or not given:
            raise InvalidArgumentError(f"A transaction's name is a text; {name!r:.80} is none.")
        transaction = Transaction(self._ledger, module and checked_module(module), name)
        bind(self._ledger, transaction, self._clock.monotonic() + self._transaction_ttl)
        return self._known(transaction)

    def commit_transaction(self, name: str) -> int:
        """`Transaction.commit` of the one that this task or thread began under that name."""
        return unbind(self._ledger, name).commit()

    def rollback_transaction(self, name: str) -> None:
        """`Transaction.rollback` of the one that this task or thread began under that name."""
        unbind(self._ledger, name).rollback()

    # -- snapshots -------------------------------------------------------------------------------------------------

    def create_snapshot(self, name: str | None = None) -> StateSnapshot:
        """Keep the state as it is under ``name``, or a new one. The oldest of more than ``max_snapshots`` goes."""
        given: Any = name
        if given is not None and (not isinstance(given, str) or not 0 < len(given) <= 255):
            raise InvalidArgumentError(f"A snapshot's name is a text of 1 to 255 characters; {name!r:.80} is none.")
        with self._store.lock:
            head = self._store.head
            timestamp = datetime.fromtimestamp(self._clock.time(), UTC)
            snapshot = StateSnapshot(name or self._shelf.free_name(), head.version, timestamp, head.root)
            self._shelf.put(snapshot)
        return snapshot

    def get_snapshot(self, name: str) -> StateSnapshot:
        """The snapshot that is kept under ``name``; else `UnknownSnapshotError`."""
        with self._store.lock:
            return self._shelf.find(name)

    def restore(self, snapshot: str | StateSnapshot, module: str = "") -> StateChange:
        """Make the state what it was, as a commit of its own: the version goes up. `restore_snapshot` for threads.

        What is pending is lost. Transactions that are open conflict if what they read is now another.
        """
        self._ledger.check_open()
        with self._store.lock:
            kept = snapshot if isinstance(snapshot, StateSnapshot) else self._shelf.find(snapshot)
            change = self._ledger.restoration(module and checked_module(module), kept.root, kept.name)
            self._batch.abandon(f"the snapshot {kept.name!r} was restored")
            self._store.commit_restore(kept.root, change, self._announcer.depth)
        self._announcer.tell()
        return change

    async def restore_snapshot(self, snapshot: str | StateSnapshot, module: str = "") -> StateChange:
        """`restore`."""
        return self.restore(snapshot, module)

    # -- subscribers -----------------------------------------------------------------------------------------------

    def register_module(self, module: str) -> None:
        """Have the status tell the version that it last made. Modules that are not registered may do all the same."""
        with self._store.lock:
            self._store.modules.setdefault(checked_module(module), 0)

    def unregister_module(self, module: str) -> bool:
        """Forget it and its subscriptions; False if it was not registered."""
        self.unsubscribe(module)
        with self._store.lock:
            return self._store.modules.pop(module, None) is not None

    def subscribe_to_path(self, module: str, path: str, callback: Callback) -> Subscription:
        """Call ``callback(changes)`` after each commit that touches ``path``, a list of the changes in it that do.

        Touched by a change at it, above it or below it; ``*`` in it stands for any one segment. In the order of the
        commits, with no lock held. A plain function is called within the commit's call if that is on the loop, so it
        must be quick; an ``async def`` gets one commit at a time in a task, and loses the oldest when too slow. What
        they raise is counted and logged. What a plain one changes is told after it, and refused 16 deep.
        """
        if not callable(callback):
            raise InvalidArgumentError(f"A subscriber's callback must be callable; {callback!r:.80} is not.")
        self._ledger.check_open()
        subscription = Subscription(checked_module(module), parse_pattern(path), self.version, callback)
        self._announcer.add(subscription)
        return subscription

    def watch(self, path: str, capacity: int = 1000, module: str = "") -> ChangeStream:
        """A bounded stream of the same lists; ``async with state.watch("goals") as stream`` begins it."""
        self._ledger.check_open()
        return self._announcer.watch(
            module, parse_pattern(path), check_count(capacity, "capacity"), lambda: self.version
        )

    def unsubscribe(self, subscriber: Subscription | str, path: str | None = None) -> int:
        """Forget one subscription, or those of a module, all or under ``path``; how many there were."""
        if isinstance(subscriber, Subscription):
            return int(self._announcer.remove(subscriber))
        wanted = parse_pattern(path) if path is not None else None
        found = [
            each
            for each in self._announcer.subscriptions
            if each.module == subscriber and each.stream is None and wanted in (None, each.segments)
        ]
        return sum(self._announcer.remove(each) for each in found)

    # -- pictures --------------------------------------------------------------------------------------------------

    def get_metrics(self) -> StateMetrics:
        """Totals since it was made."""
        announcer = self._announcer
        open_streams = (each.stream.dropped for each in announcer.subscriptions if each.stream is not None)
        return StateMetrics(
            **self._store.counts,
            told=announcer.told,
            callback_errors=announcer.errors,
            dropped=announcer.dropped + sum(open_streams),
        )

    def status(self) -> StateStatus:
        """What it holds at this moment."""
        with self._store.lock:
            active = sum(each.open for each in self._transactions)
        subscriptions: dict[str, tuple[str, ...]] = {}
        for each in self._announcer.subscriptions:
            subscriptions[each.module] = (*subscriptions.get(each.module, ()), each.pattern)
        return StateStatus(
            version=self.version,
            sync_policy=self._batch.policy.value,
            pending=len(self._batch),
            active_transactions=active,
            snapshots=self._shelf.names,
            history=len(self._store.history),
            resolvers=tuple(shown(path) for path in self._batch.resolvers),
            modules=dict(self._store.modules),
            subscriptions=subscriptions,
            metrics=self.get_metrics(),
        )


def _beginning(initial: Any) -> dict[str, Any]:
    if initial is None:
        return {}
    if isinstance(initial, Mapping):
        return dict(initial)
    try:
        attributes = vars(initial)
    except TypeError:
        raise InvalidArgumentError(
            f"A state begins with a dict or with an object that has attributes; {type(initial).__name__} is neither."
        ) from None
    return {name: value for name, value in attributes.items() if not name.startswith("_")}

"""Pictures of the state's store: what it holds, and what has become of what was asked of it."""

from __future__ import annotations

import msgspec


class StateMetrics(msgspec.Struct, frozen=True):
    """Totals since it was made.

    ``changes`` were applied in ``commits``; ``lost`` and ``refused`` never will be. ``conflicts`` were decided in
    batches; ``transactions_lost`` had read what then changed; ``rollbacks`` are transactions given up by their owner
    or by an error. ``told`` counts calls of callbacks, ``callback_errors`` those that raised, ``dropped`` what slow
    subscribers lost.
    """

    commits: int = 0
    changes: int = 0
    conflicts: int = 0
    lost: int = 0
    refused: int = 0
    transactions: int = 0
    transactions_lost: int = 0
    rollbacks: int = 0
    restores: int = 0
    told: int = 0
    callback_errors: int = 0
    dropped: int = 0


class StateStatus(msgspec.Struct, frozen=True):
    """The store at one moment. ``modules`` maps each registered module to the version that it last made, 0 for none;
    ``subscriptions`` maps each subscriber to its patterns.
    """

    version: int
    sync_policy: str
    pending: int
    active_transactions: int
    snapshots: tuple[str, ...]
    history: int
    resolvers: tuple[str, ...]
    modules: dict[str, int]
    subscriptions: dict[str, tuple[str, ...]]
    metrics: StateMetrics

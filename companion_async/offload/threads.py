"""Starts the threads of slots and watches over each like over any coroutine."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import anyio
import anyio._backends._asyncio  # anyio would import it at its first call, 20 ms of a starting brain's loop
from anyio.abc import TaskGroup
from loguru import logger

from companion_async.offload.mailbox import Mailbox
from companion_async.offload.pool import Pool
from companion_async.offload.slot import Slot


class Threads:
    """Each slot is one long call of `anyio.to_thread.run_sync` under its category's `CapacityLimiter`.

    A thread that ends, in whatever way, ends an await here; `Pool.ended` then counts it out, and not before. The
    limiter repeats what the pool guarantees: its tokens are the limit plus the threads that wait for another task and
    those that were abandoned.
    """

    def __init__(
        self,
        group: TaskGroup,
        mailbox: Mailbox,
        now: Callable[[], float],
        on_refused: Callable[[Pool, BaseException], None],
        on_ended: Callable[[Pool], None],
    ) -> None:
        self._group = group
        self._mailbox = mailbox
        self._now = now
        self._on_refused = on_refused
        self._on_ended = on_ended
        self._limiters: dict[str, anyio.CapacityLimiter] = {}
        self._wanted: asyncio.Queue[tuple[Pool, Slot]] = asyncio.Queue()
        group.start_soon(self._serve, name="companion threads")

    def start(self, pool: Pool, slot: Slot) -> None:
        """Begin the slot's thread. Loop only."""
        # A task group takes children from tasks only, and slots are wanted in callbacks of the loop too.
        self._wanted.put_nowait((pool, slot))

    async def _serve(self) -> None:
        while True:
            pool, slot = await self._wanted.get()
            self._group.start_soon(self._run, pool, slot, self._limiter(pool), name=slot.name)

    def _limiter(self, pool: Pool) -> anyio.CapacityLimiter:
        limiter = self._limiters.get(pool.name)
        if limiter is None:
            limiter = self._limiters[pool.name] = anyio.CapacityLimiter(1)
        limiter.total_tokens = max(pool.slots + pool.abandoned + 1, limiter.borrowed_tokens + 1)
        return limiter

    async def _run(self, pool: Pool, slot: Slot, limiter: anyio.CapacityLimiter) -> None:
        refused: BaseException | None = None
        arguments: Any = (pool, self._mailbox, self._now)
        try:
            # Abandoned by a cancelled scope only when the whole brain goes: a stuck thread must not hold up its end.
            await anyio.to_thread.run_sync(slot.work, *arguments, abandon_on_cancel=True, limiter=limiter)
        except asyncio.CancelledError:
            raise
        except Exception as error:
            logger.warning("A thread of category {} ended with {!r}.", pool.name, error)
            refused = error
        finally:
            pool.ended(slot)
            self._on_ended(pool)
        if refused is not None:
            self._on_refused(pool, refused)
        else:
            pool.ensure()

"""Ray on this machine: an actor with as many threads, in a process of its own."""

from __future__ import annotations

import logging
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from benchmarks.contender import THREADS, CallOfClient, Contender, Work


class _Worker:
    """What runs the work on Ray's side."""

    def __init__(self, work: Work) -> None:
        self._work = work

    def run(self) -> Any:
        return self._work()


@asynccontextmanager
async def _open(work: Work) -> AsyncIterator[CallOfClient]:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # or it would report to its makers
    import ray

    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
    try:
        actor = ray.remote(_Worker).options(max_concurrency=THREADS, num_cpus=0).remote(work)

        async def call() -> Any:
            return await actor.run.remote()

        yield lambda client: call
    finally:
        ray.shutdown()


RAY = Contender(
    opens=_open,
    configuration=f"one local node, an actor with max_concurrency={THREADS}, whose calls are quicker than tasks; "
    "no dashboard; its work runs in another process",
    has=frozenset({"bounds"}),
    package="ray",
    every=10,
)

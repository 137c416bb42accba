"""`dask.distributed` in this process: scheduler, worker and client on our loop, work in the worker's threads."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from benchmarks.contender import THREADS, CallOfClient, Contender, Work

_SETTINGS = {
    "distributed.worker.profile.enabled": False,  # samples all stacks every 10 ms
    "distributed.scheduler.work-stealing": False,  # one worker has nobody to steal from
}


@asynccontextmanager
async def _open(work: Work) -> AsyncIterator[CallOfClient]:
    import dask.config
    from distributed import Client, LocalCluster

    with dask.config.set(_SETTINGS):
        async with (
            LocalCluster(
                n_workers=1,
                threads_per_worker=THREADS,
                processes=False,
                dashboard_address=None,
                asynchronous=True,
                silence_logs=logging.CRITICAL,
            ) as cluster,
            Client(cluster, asynchronous=True) as client,
        ):

            def call_of(number: int) -> Any:
                async def call() -> Any:
                    return await client.submit(work, pure=False, priority=number % 5)

                return call

            yield call_of


DASK = Contender(
    opens=_open,
    configuration=f"in process (processes=False), one worker of {THREADS} threads, asynchronous client, without "
    "dashboard, profiler and work stealing; priorities in use",
    has=frozenset({"priorities", "bounds"}),
    package="distributed",
    every=5,
)

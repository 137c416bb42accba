"""APScheduler 4, whose ``run_job`` awaits a job's result. It is a pre-release; version 3 has no such call."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from benchmarks.contender import THREADS, CallOfClient, Contender, Work


@asynccontextmanager
async def _open(work: Work) -> AsyncIterator[CallOfClient]:
    from apscheduler import AsyncScheduler
    from apscheduler.abc import JobExecutor
    from apscheduler.executors.thread import ThreadPoolJobExecutor

    executors: dict[str, JobExecutor] = {"threadpool": ThreadPoolJobExecutor(max_workers=THREADS)}
    async with AsyncScheduler(job_executors=executors, max_concurrent_jobs=THREADS) as scheduler:
        await scheduler.configure_task("work", func=work, max_running_jobs=THREADS)
        await scheduler.start_in_background()
        yield lambda client: partial(scheduler.run_job, "work")
        await scheduler.stop()


APSCHEDULER = Contender(
    opens=_open,
    configuration=f"AsyncScheduler with its store in memory, {THREADS} jobs at a time on {THREADS} threads; "
    "run_job of a task that was configured beforehand",
    has=frozenset({"bounds"}),
    package="apscheduler",
    release="4.0.0a6",
    every=5,
)

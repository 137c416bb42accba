"""A slot: one long-lived thread that takes a job, runs it in its submitter's context, and posts what came of it."""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any, ClassVar, Protocol

from companion_async.offload.interrupt import InterruptGate
from companion_async.offload.mailbox import Mailbox
from companion_async.priority import URGENT

Outcome = tuple["Job", Any, BaseException | None, float, float | None]
"""``(job, value, error, ended, cpu)``: what one run came to. ``ended`` is the thread's own stamp; ``cpu`` the processor
time that the thread used, in seconds, ``None`` where it was not measured.
"""


BATCH_SECONDS = 2e-4
"""How long a thread may run jobs it has claimed together, by what is known of them, before it looks at the queue."""


class Job(Protocol):
    """What a slot needs to know of a task."""

    context: Any
    function: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    level: int
    started: float
    light: bool
    measured: bool
    on_loop: bool
    interruptible: bool
    signalled: bool

    @property
    def lane(self) -> Any: ...


class Source(Protocol):
    """Where a slot gets its jobs, and where it says that it has ended one."""

    on_thread: Callable[[Slot], None] | None

    def take(self, slot: Slot) -> Job | None:
        """The next one, or None to go home. Before it lets the thread sleep or go on, it tells the loop of the last."""


class Seat:
    """A place among those that work in a category: a thread's, or that of a coroutine on the loop.

    Work in a process has the place of the coroutine that waits for it: then ``kill`` ends the process, and ``cpu`` is
    the processor time that the run took there. ``urgent`` tells of the job that the place was given for; a thread may
    run others in it that it has claimed. ``loose`` is the place of a coroutine.
    """

    __slots__ = ("abandoned", "beat", "cpu", "job", "kill", "light", "loose", "urgent", "waiting")

    def __init__(self, job: Job | None = None, *, loose: bool = False) -> None:
        self.job = job
        self.loose = loose
        self.urgent = job is not None and job.level <= URGENT
        self.light = False
        self.abandoned = False
        self.waiting = False
        self.beat = 0.0
        self.cpu: float | None = None
        self.kill: Callable[[], None] | None = None


class Slot(Seat):
    """One thread's place in a category. It belongs to the thread until the thread has really returned.

    Nothing raw leaves it: whatever a job raises, `SystemExit` and `KeyboardInterrupt` included, is caught in the
    thread and handed over as data, because raised again on the loop it would end the loop.
    """

    __slots__ = ("batch", "gate", "interrupts", "name", "native_id", "parked_at", "retiring", "searching", "thread_id")

    running: ClassVar[dict[int, Seat]] = {}
    """The places of work by the identity of their thread: how work finds the task it is."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name
        self.batch: deque[Job] = deque()
        self.retiring = False
        self.searching = True
        self.parked_at = 0.0
        self.thread_id = 0
        self.native_id = 0
        self.interrupts: InterruptGate | None = None
        # A binary semaphore: the thread sleeps in acquire(), whoever has work for it releases.
        self.gate = threading.Lock()
        self.gate.acquire()

    def work(self, source: Source, mailbox: Mailbox, now: Callable[[], float]) -> None:
        """The thread's whole life: run jobs until the source has none for it any more."""
        thread = threading.current_thread()
        usual, thread.name = thread.name, self.name
        self.thread_id, self.native_id = threading.get_ident(), threading.get_native_id()
        Slot.running[self.thread_id] = self
        take, put, batch = source.take, mailbox.letters.append, self.batch
        usual_cpus = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else None
        share = 0.0
        try:
            if source.on_thread is not None:
                source.on_thread(self)
            while True:
                try:
                    job = batch.popleft()
                    self.job = job
                except IndexError:
                    following = take(self)
                    if following is None:
                        break
                    job, following = following, None
                    ended = now()
                    share = ended + BATCH_SECONDS
                # One of a batch begins where the one before it ended: that is all there is between them. Stamped first,
                # asked second: who cancels it signals first and looks at the stamp second, so one sees the other.
                job.started = ended
                value: Any = None
                try:
                    if job.signalled:  # it never runs: who counts its place as taken hears of it all the same
                        job.started = -1.0
                        put((job, None, None, ended, None))
                    elif job.measured or job.interruptible or job.kwargs:
                        outcome = self._run(job, now)
                        ended = outcome[3]
                        put(outcome)
                        del outcome
                    else:  # most of many light ones
                        value = job.context.run(job.function, *job.args)
                        ended = now()
                        put((job, value, None, ended, None))
                except BaseException as raised:  # a thread must not let anything out
                    ended = now()
                    put((job, None, _of_the_work(raised), ended, None))
                # The thread may sleep for hours now: it must not keep the job's arguments and result alive.
                del job, value
                if batch and ended >= share and not mailbox.woken:
                    mailbox.wake()
        finally:
            mailbox.wake()
            del Slot.running[self.thread_id]
            thread.name = usual
            if usual_cpus is not None and os.sched_getaffinity(0) != usual_cpus:
                os.sched_setaffinity(0, usual_cpus)  # the thread goes back to anyio, which may lend it to anybody

    def _run(self, job: Job, now: Callable[[], float]) -> Outcome:
        value: Any = None
        error: BaseException | None = None
        cpu = time.thread_time() if job.measured else None
        try:
            if job.interruptible:
                self.interrupts = self.interrupts or InterruptGate(self.thread_id)
                with self.interrupts.opened():
                    value = job.context.run(job.function, *job.args, **job.kwargs)
            else:
                value = job.context.run(job.function, *job.args, **job.kwargs)
        except BaseException as raised:  # a thread must not let anything out
            error = _of_the_work(raised)
        if cpu is not None:
            cpu = time.thread_time() - cpu
        return job, value, error, now(), cpu


def _of_the_work(error: BaseException) -> BaseException:
    """The error without our own frame, which is of no use to a reader and would tie it to this thread's locals."""
    trace = error.__traceback__
    return error.with_traceback(trace.tb_next if trace is not None else None)

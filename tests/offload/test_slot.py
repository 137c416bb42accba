"""A slot's thread: it runs what it is given in the submitter's context, and nothing raw leaves it."""

from __future__ import annotations

import asyncio
import contextvars
import threading
import weakref
from collections import deque
from typing import Any

import pytest

from companion_async.offload.slot import Outcome, Slot
from tests.offload.rig import Job, mailbox

pytestmark = pytest.mark.feature("U-2", "PE-01")


class Source:
    """Gives out its jobs one after the other, then sends the thread home."""

    def __init__(self, *jobs: Job, batch: tuple[Job, ...] = ()) -> None:
        self.on_thread: Any = None
        self._jobs, self._batch = deque(jobs), batch

    def take(self, slot: Slot) -> Any:
        if not self._jobs:
            return None
        slot.batch.extend(self._batch)
        self._batch = ()
        slot.job = self._jobs.popleft()
        return slot.job


def lived(source: Source, slot: Slot | None = None) -> list[Outcome]:
    """What comes of a slot's whole life in a thread of its own."""
    loop = asyncio.new_event_loop()
    outcomes: list[Outcome] = []
    box, ticks = mailbox(loop, outcomes), iter(range(1000))
    thread = threading.Thread(target=(slot or Slot("slot")).work, args=(source, box, lambda: float(next(ticks))))
    thread.start()
    thread.join(30)
    assert not thread.is_alive()
    box.deliver(whole=True)
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()
    return outcomes


class Odd(BaseException):
    """Of nobody's family."""


@pytest.mark.parametrize(
    "error", [SystemExit(3), KeyboardInterrupt(), GeneratorExit(), StopIteration(1), asyncio.CancelledError(), Odd()]
)
def test_whatever_a_run_raises_is_handed_over_and_the_next_one_runs(error):
    """As data, with the frames of the work and none of ours."""

    def fail() -> None:
        raise error

    first, second = Job(fail), Job(lambda: "value")
    outcomes = lived(Source(first, second))
    assert [(outcome[0], outcome[1], outcome[2]) for outcome in outcomes] == [
        (first, None, error),
        (second, "value", None),
    ]
    assert error.__traceback__ is not None
    assert error.__traceback__.tb_frame.f_code.co_name == "fail"


def test_a_run_sees_its_submitters_context_and_leaves_no_trace_in_the_next():
    """Each job has its own."""
    name: contextvars.ContextVar[str] = contextvars.ContextVar("name", default="nobody")
    name.set("submitter")
    first = Job(lambda: (name.get(), name.set("changed")))
    second = Job(name.get)
    name.set("later")
    outcomes = lived(Source(first, second))
    assert (outcomes[0][1][0], outcomes[1][1]) == ("submitter", "submitter")
    assert name.get() == "later"


def test_the_stamps_are_the_threads_own():
    """When the run began, and when it ended; the processor's time only where it is asked for."""
    plain, measured = Job(int), Job(lambda: sum(range(10_000)), measured=True)
    first, second = lived(Source(plain, measured))
    assert first[4] is None
    assert second[4] is not None
    assert second[4] > 0
    assert plain.started < first[3] < measured.started < second[3]


def test_one_of_a_batch_begins_where_the_one_before_it_ended():
    """One look at the clock serves both, and what lies between them is nobody's wait."""
    first, *claimed = [Job(int, light=True, measured=number == 1) for number in range(4)]
    ended = [outcome[3] for outcome in lived(Source(first, batch=tuple(claimed)))]
    assert [job.started for job in claimed] == ended[:-1]
    assert first.started < ended[0] < ended[1]


@pytest.mark.parametrize("cancelled", [0, 2, 4])
def test_claimed_jobs_follow_and_the_signalled_among_them_do_not_run(cancelled):
    """In their order, each with an outcome of its own; one that was given up on its way here has no beginning."""
    ran: list[int] = []
    jobs = [Job(ran.append, number, light=True, measured=True) for number in range(5)]
    jobs[cancelled].signalled = True
    outcomes = lived(Source(jobs[0], batch=tuple(jobs[1:])))
    assert ran == [number for number in range(5) if number != cancelled]
    assert [outcome[0] for outcome in outcomes] == jobs
    assert [job.started < 0 for job in jobs] == [number == cancelled for number in range(5)]


def test_work_finds_its_slot_by_its_thread_and_the_thread_is_given_back_as_it_was():
    """Its name, too, is the slot's for as long as it is one."""
    slot, seen = Slot("companion-core-1"), list[Any]()

    def look() -> None:
        seen.append((Slot.running[threading.get_ident()], threading.current_thread().name, slot.thread_id))

    lived(Source(Job(look)), slot)
    (found, name, ident) = seen[0]
    assert (found, name) == (slot, "companion-core-1")
    assert ident not in Slot.running


def test_a_sleeping_slot_holds_nothing_of_what_it_ran():
    """Arguments, result and the job itself are let go before it asks for more."""

    class Thing:
        pass

    class Sleepy(Source):
        def take(self, slot: Slot) -> Any:
            if not self._jobs:
                slot.job = None
                alive.append([each() is not None for each in kept])
            return super().take(slot)

    thing, alive = Thing(), list[list[bool]]()
    job = Job(lambda one: [one], thing)
    kept: list[weakref.ref[Any]] = [weakref.ref(thing), weakref.ref(job)]
    source = Sleepy(job)
    del thing, job
    loop = asyncio.new_event_loop()
    box = mailbox(loop)
    box.letters = deque(maxlen=0)  # nobody reads, so nobody else keeps the outcome
    thread = threading.Thread(target=Slot("slot").work, args=(source, box, float))
    thread.start()
    thread.join(30)
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()
    assert alive == [[False, False]]

"""A brain on a thread of its own, as every other thread sees it."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import itertools
import signal
import sys
import threading
from concurrent.futures import CancelledError, ThreadPoolExecutor

import pytest

from companion_async.brain.assembly import ShutdownReport
from companion_async.brain.brain import Brain
from companion_async.errors import BrainClosedError, InvalidArgumentError, TaskCancelledError
from companion_async.sdk import portal as portal_file
from companion_async.sdk.portal import Portal
from companion_async.sdk.refusals import WouldBlockError
from tests.sdk.actors import PATIENCE


@pytest.fixture
def portal():
    portal = Portal(Brain)
    yield portal
    portal.close(5)


@pytest.mark.feature("U-1")
def test_any_thread_may_call_and_gets_the_result_or_the_error(portal):
    """Plain and async functions run on the loop's thread, whoever calls; what they raise is raised to the caller."""

    async def where():
        await asyncio.sleep(0)
        return threading.current_thread()

    def fail():
        raise LookupError("nothing there")

    with ThreadPoolExecutor(4) as callers:
        threads = {*callers.map(lambda _: portal.call(threading.current_thread), range(20))}
        threads |= {*callers.map(lambda _: portal.run(where), range(20))}
    assert {thread.name for thread in threads} == {"companion portal"}
    with pytest.raises(LookupError, match="nothing there"):
        portal.call(fail)


@pytest.mark.feature("U-6")
def test_the_loop_is_uvloop_where_there_is_one(portal):
    """The faster loop is used without asking."""
    uvloop = pytest.importorskip("uvloop")
    assert isinstance(portal.call(asyncio.get_running_loop), uvloop.Loop)


def test_the_caller_s_context_is_visible_to_what_is_called(portal):
    """Context variables of the thread that calls can be read where the call is carried out."""
    variable = contextvars.ContextVar("variable", default="not seen")
    variable.set("seen")
    assert portal.call(variable.get) == "seen"


def test_a_call_from_the_loop_s_own_thread_is_made_at_once(portal):
    """What runs on the loop may use the same doors without waiting for itself."""
    assert portal.call(lambda: portal.call(lambda: portal.inside)) is True
    assert portal.inside is False


def test_waiting_on_the_loop_s_own_thread_is_refused(portal):
    """A wait that could never end is refused, with what to do instead."""

    async def nothing():
        return None

    with pytest.raises(WouldBlockError, match="would block"):
        portal.call(lambda: portal.run(nothing))
    with pytest.raises(WouldBlockError, match="shutdown"):
        portal.call(lambda: portal.close(1))


def test_a_brain_that_cannot_be_made_is_reported_where_it_was_asked_for():
    """The constructor raises what kept the brain from starting, and leaves no thread."""

    def make():
        raise InvalidArgumentError("so it cannot be")

    with pytest.raises(InvalidArgumentError, match="so it cannot be"):
        Portal(make)
    assert "companion portal" not in {thread.name for thread in threading.enumerate()}


@pytest.mark.feature("PM-13")
def test_closing_twice_or_from_several_threads_gives_one_report(portal):
    """The shutdown happens once, and all who asked for it are told the same."""
    with ThreadPoolExecutor(4) as callers:
        reports = [*callers.map(lambda _: portal.close(5), range(8))]
    assert all(report is reports[0] for report in reports)
    assert portal.closed


def test_calls_after_the_end_are_refused(portal):
    """A closed portal says that it is closed."""
    portal.close(5)
    with pytest.raises(BrainClosedError, match="shut down"):
        portal.call(int)
    with pytest.raises(BrainClosedError, match="shut down"):
        portal.run(asyncio.sleep, 0)


def test_who_still_waits_at_the_end_is_told(portal):
    """A call that the loop will never answer ends with an error instead of hanging."""
    begun = threading.Event()

    async def for_ever():
        begun.set()
        await asyncio.Event().wait()

    with ThreadPoolExecutor(1) as callers:
        waiting = callers.submit(portal.run, for_ever)
        assert begun.wait(PATIENCE)
        portal.close(5)
        with pytest.raises(BrainClosedError):
            waiting.result(PATIENCE)


def test_what_still_tidies_up_at_the_end_is_heard_out(portal):
    """A coroutine whose task is given up by the shutdown may say what it has to say, and its caller hears it."""
    begun = threading.Event()

    async def says_goodbye():
        task = portal.brain.submit("category:core", asyncio.Event().wait)
        begun.set()
        try:
            await task
        except TaskCancelledError:
            for _ in range(100):
                await asyncio.sleep(0)
            return "goodbye"

    with ThreadPoolExecutor(1) as callers:
        waiting = callers.submit(portal.run, says_goodbye)
        assert begun.wait(PATIENCE)
        portal.close(0)
        assert waiting.result(PATIENCE) == "goodbye"


def test_a_loop_that_is_stuck_cannot_hold_up_the_one_who_closes(portal, monkeypatch, gate):
    """When a coroutine blocks the loop, closing gives up after its time and counts the thread that is stuck."""
    monkeypatch.setattr(portal_file, "_PATIENCE", 0.05)
    with ThreadPoolExecutor(1) as callers:
        stuck = callers.submit(portal.call, gate)
        gate.wait_for()
        report = portal.close(0)
        assert (report.drained, report.abandoned) == (0, 1)
        gate.open()
        stuck.result(PATIENCE)
    assert portal.ended.result(PATIENCE).abandoned == 0


def test_a_chore_ends_with_the_portal(portal):
    """What runs in the background for the facade is cancelled at the end and not waited for."""
    ended = threading.Event()

    async def chore():
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    portal.call(portal.start, chore)
    portal.call(int)
    portal.close(5)
    assert ended.is_set()


def test_a_call_that_is_cancelled_by_itself_ends(portal):
    """A coroutine that raises its own cancellation tells whoever waits for it, and the loop goes on."""

    async def gives_up():
        raise asyncio.CancelledError

    with pytest.raises(CancelledError):
        portal.run(gives_up)
    assert portal.call(int) == 0


def test_what_would_end_an_interpreter_ends_the_call_alone(portal):
    """SystemExit and KeyboardInterrupt are raised to the caller, in a plain call and in an awaited one."""

    def leave():
        raise SystemExit(3)

    async def interrupt():
        raise KeyboardInterrupt

    with pytest.raises(SystemExit):
        portal.call(leave)
    with pytest.raises(KeyboardInterrupt):
        portal.run(interrupt)
    assert portal.call(int) == 0


@pytest.mark.skipif(not hasattr(signal, "SIGALRM"), reason="signals of POSIX systems")
def test_a_signal_handler_may_close_it_in_the_middle_of_a_call(portal):
    """The handler runs inside the very call that it interrupts, and neither waits for the other."""
    reports = []
    before = signal.signal(signal.SIGALRM, lambda *_: reports.append(portal.close(5)))
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.02)
        with pytest.raises(BrainClosedError):
            while True:
                portal.call(int)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert [report.abandoned for report in reports] == [0]


def test_a_signal_handler_may_close_it_at_any_step_of_a_call():
    """Whatever line of the call it interrupts, the loop does not wait for it: handlers run as this trace does."""
    steps = 0
    reports: list[ShutdownReport] = []
    usual = sys.gettrace()
    while len(reports) == steps:
        portal, left, begun = Portal(Brain), itertools.count(-steps), threading.Event()

        def trace(frame, event, arg):
            if event == "line" and next(left) == 0:  # noqa: B023 - it is called in this round only
                begun.set()  # noqa: B023
                reports.append(portal.close(0))  # noqa: B023
            return trace

        sys.settrace(trace)
        try:
            with contextlib.suppress(BrainClosedError):
                portal.call(begun.wait, 0.1)  # the answer comes when the handler runs
        finally:
            sys.settrace(usual)
            portal.close(5)
        steps += 1
    assert steps > 10
    assert [report.abandoned for report in reports] == [0] * len(reports)

"""From `submit` to the end of a task: everything about tasks that happens on the loop."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextvars
import math
import secrets
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from companion_async.clock import Clock
from companion_async.errors import (
    BrainClosedError,
    MissingExtraError,
    UnknownModuleError,
    UnknownTaskError,
    WrongThreadError,
)
from companion_async.events.bus import EventBus
from companion_async.events.kinds import utc
from companion_async.offload.house import House
from companion_async.offload.mailbox import Mailbox
from companion_async.offload.pool import Pool
from companion_async.offload.slot import Seat
from companion_async.scheduling.admission import Admission
from companion_async.scheduling.announcer import Announcer
from companion_async.scheduling.context import current_seat
from companion_async.scheduling.coroutines import Coroutines
from companion_async.scheduling.dependencies import Dependencies
from companion_async.scheduling.endings import Endings
from companion_async.scheduling.history import History
from companion_async.scheduling.joins import Joins
from companion_async.scheduling.limits import Limits
from companion_async.scheduling.loans import Loans
from companion_async.scheduling.policies import ORDERINGS, SchedulingPolicy
from companion_async.scheduling.port import Port
from companion_async.scheduling.queue import Queue
from companion_async.scheduling.settings import SchedulingSettings
from companion_async.scheduling.submission import Submission
from companion_async.scheduling.task import Task
from companion_async.scheduling.ticker import Ticker
from companion_async.scheduling.timers import Timers
from companion_async.security import check_seconds

_GOLDEN = (math.sqrt(5) - 1) / 2
_TOGETHER = 0.005  # seconds from one instant of tickers that are spread to the next
_MOST_NAMED = 20  # of perhaps thousands of modules, in the error that asks for another
_FEWEST_STEPS = 50  # of a period, however short
_KEPT_FOR = 60.0
"""Seconds without urgent work, twice as many at most, after which a category keeps no place for such any more."""


class Scheduler:
    """Accepts tasks, moves them through their category's queue, and settles what came of them.

    Lives on one event loop; `deliver` is where threads hand over. Owned by a brain, which opens and closes it.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        clock: Clock,
        bus: EventBus,
        settings: SchedulingSettings,
        house: House,
        *,
        seed: int | None = None,
    ) -> None:
        self.loop = loop
        self.clock = clock
        self.settings = settings
        self.house = house
        self.prefix = secrets.token_hex(4) if seed is None else f"{seed:08x}"
        self.ports: dict[str, Port] = {}
        self.extras: dict[str, str] = {}  # of modules that would be there if their extra were installed
        self.pools: dict[str, Pool] = {}
        self.queues: dict[str, Queue] = {}
        self.timers = Timers(clock)
        self.history = History(settings.history_size, settings.history_seconds, clock.monotonic)
        self.dependencies: Dependencies[Task[Any]] = Dependencies()
        self.announcer = Announcer(bus, self)
        self.endings = Endings(self, seed)
        self.mailbox = Mailbox(loop, self.endings.read, self._after_mail)
        self.admission = Admission(self)
        house.on_starved = self.admission.starved
        self.joins = Joins(self)
        self.loans = Loans(self)
        self.limits = Limits(self)
        self.routines = Coroutines(self)
        self.submission = Submission(self)
        self.deliver = self.endings.deliver
        self.cancel = self.endings.cancel
        self.call_back = self.endings.call_back
        self.guests: dict[Seat, Task[Any]] = {}
        self.phase = "not started"
        self.submit: Callable[..., Task[Any]] = _nobody
        self.on_module_failure: Callable[[Port], None] = _ignore
        self.on_mail: Callable[[], None] | None = None
        self.thread = threading.get_ident()
        self._spread = 0
        self._epoch = utc(clock.time() - clock.monotonic())
        self._ordering = ORDERINGS[settings.policy]

    # -- categories and modules ------------------------------------------------------------------------------------

    def add_category(self, name: str, limit: int, start: Callable[[Pool, Any], None]) -> Pool:
        """A queue and its pool."""
        queue = Queue(self._ordering, self.settings.ageing_span)
        pool = Pool(
            name,
            limit=limit,
            budget=self.settings.abandoned_budget,
            backlog=queue,
            house=self.house,
            mailbox=self.mailbox,
            start=start,
            run_on_loop=self.routines.start,
            now=self.clock.monotonic,
        )
        if self.settings.keep_place:
            pool.on_kept = lambda: self._watch_kept(pool)
        self.queues[name], self.pools[name] = queue, pool
        return pool

    def _watch_kept(self, pool: Pool) -> None:
        def look() -> None:
            if pool.relax():
                self._watch_kept(pool)

        self.timers.after(_KEPT_FOR, look)

    def use_policy(self, policy: SchedulingPolicy) -> None:
        """Switch every queue to another policy; tasks keep their order of submission where keys are equal."""
        self._ordering = ORDERINGS[policy]
        for name, queue in self.queues.items():
            pool = self.pools[name]
            with pool.lock:
                queue.use(self._ordering, [port for port in self.ports.values() if port.pool is pool])
                pool.kept *= queue.levelled
            pool.pump()

    def hold(self, port: Port, held: bool) -> None:
        """Let a module's waiting tasks wait where they are, or let them go on."""
        with port.pool.lock:
            port.held = held
            port.queue.refresh(port)
        port.pool.pump()
        self.limits.watch_light(port.pool)

    def port(self, module: str) -> Port:
        """The port of a module; `UnknownModuleError` if there is none, `MissingExtraError` if there could be one."""
        try:
            return self.ports[module]
        except KeyError:
            if module in self.extras:
                raise MissingExtraError(self.extras[module], f"The module {module!r}") from None
        except TypeError:
            pass  # not a name at all
        known = islice((name for name in self.ports if ":" not in name), _MOST_NAMED)
        raise UnknownModuleError(str(module)[:80], tuple(known))

    def ticker(self, period: float, submit: Callable[[], Task[Any]], *, spread: bool) -> Ticker:
        """Have ``submit`` called every ``period`` seconds. The instants of those that are ``spread`` lie apart, however
        many there are: multiples of the golden ratio leave no gap larger than a few times the smallest (Knuth, The Art
        of Computer Programming, 6.4, theorem S). More than there are steps of `_TOGETHER` share the instants of these:
        a few together cost less than each alone, for the loop and for the threads, which are woken once.
        """
        self._spread += spread
        if not spread:
            return Ticker(self.timers, self.clock, period, submit)
        steps = max(_FEWEST_STEPS, round(period / _TOGETHER))
        return Ticker(self.timers, self.clock, period, submit, math.floor(self._spread * _GOLDEN % 1.0 * steps) / steps)

    # -- look-up ---------------------------------------------------------------------------------------------------

    def find(self, task_id: str) -> Task[Any]:
        """The task of that id; `UnknownTaskError` once it has left the history."""
        task = self.history.find(self.number_of(task_id))
        if task is None:
            raise UnknownTaskError(str(task_id)[:80])
        return task

    def number_of(self, task_id: str) -> int:
        """The number in an id of this brain's, whether its task is still known or not; else `UnknownTaskError`."""
        prefix, _, number = str(task_id).rpartition("-")
        if prefix != self.prefix or not number.isdecimal() or len(number) >= 20:
            raise UnknownTaskError(str(task_id)[:80])
        return int(number)

    def date(self, monotonic: float) -> datetime:
        """The UTC date of an instant on the monotonic scale."""
        return self._epoch + timedelta(0, monotonic)

    # -- the loop and its neighbours -------------------------------------------------------------------------------

    @property
    def live(self) -> int:
        """How many tasks have not ended."""
        return len(self.history.tasks) - len(self.history.ended)

    @property
    def open(self) -> bool:
        """Whether work is taken."""
        return self.phase == "running"

    def on_loop_thread(self) -> bool:
        """Whether the caller runs on the loop's thread."""
        return threading.get_ident() == self.thread

    def check_thread(self, operation: str) -> None:
        """`WrongThreadError` unless the caller runs on the loop's thread."""
        if threading.get_ident() != self.thread:
            raise WrongThreadError(operation)

    def seat_of_caller(self) -> Seat | None:
        """The seat of the coroutine that calls, if it works for this scheduler."""
        self.check_thread("await task")
        seat = current_seat()
        return seat if seat is not None and getattr(seat.job, "owner", None) is self else None

    def check_patience(self, timeout: float) -> float:
        """A waiter's own limit: finite, from 0 on."""
        return check_seconds(timeout, "timeout", zero=True)

    async def patience(self, task: Task[Any], timeout: float | None) -> None:
        """Wait for a task without owning it; `TimeoutError` after ``timeout`` seconds."""
        waiter = task.join()
        timer = None if timeout is None else self.timers.after(timeout, lambda: _cancel(waiter))
        try:
            await waiter
        except asyncio.CancelledError:
            task.leave(waiter)
            if timer is not None and not timer.due and not asyncio.current_task().cancelling():  # type: ignore[union-attr]
                raise TimeoutError(f"Task {task.id} did not end within {timeout:g} s; it goes on.") from None
            raise
        finally:
            if timer is not None:
                timer.cancel()

    def call_on_loop(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Call a function on the loop from any thread, in the caller's context, and wait for what it returns or raises.

        `BrainClosedError` if nobody is left on the loop to call it.
        """
        if self.on_loop_thread():
            return function(*args, **kwargs)
        answer: concurrent.futures.Future[Any] = concurrent.futures.Future()
        context = contextvars.copy_context()

        def call(_: None) -> None:
            try:
                answer.set_result(context.run(function, *args, **kwargs))
            except Exception as error:
                answer.set_exception(error)

        self.mailbox.post(call, None)
        if self.mailbox.closed:
            raise BrainClosedError(self.phase)
        return answer.result()

    def _after_mail(self) -> None:
        self.history.trim()
        self.admission.look()
        if self.on_mail is not None:
            tell, self.on_mail = self.on_mail, None
            tell()


def _cancel(waiter: asyncio.Future[None]) -> None:
    waiter.cancel()


def _nobody(*args: Any, **options: Any) -> Task[Any]:
    """Stands in until whoever owns the scheduler gives it the submit that its users know."""
    raise BrainClosedError("not started")


def _ignore(port: Port) -> None:
    return None

"""Pure: one category in simulation, event by event: its queue, its threads, the interpreter and a downstream.

Whoever shares the interpreter or a downstream advances at one speed there, so a stage ends when the *attained* service
of its resource, one number for all, has grown by what the stage needs: each event costs a heap operation.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Sequence
from heapq import heappop, heappush
from typing import NamedTuple, Protocol

from benchmarks.simulation.shapes import START, Job, Shape
from companion_async.autonomy.signals import EndedRun, Signals

LOOK = 0.1
"""Seconds between two looks of a controller, as in the brain."""
CONVOY = 0.01
"""What each further thread that wants the interpreter takes from its throughput."""
PATIENCE = 120.0
"""Seconds after the last arrival at which the run ends; who has not ended by then counts with its age."""


class Controller(Protocol):
    """Sets the limit; called every `LOOK` with what the governor sees, and how long the oldest task has waited."""

    def look(self, seen: Signals, oldest_wait: float) -> int: ...


class Course(NamedTuple):
    """What came of one run of ``seconds``: seconds in the system of every job, the limit at each look, and the seconds
    that threads lived, all added up.
    """

    sojourns: list[float]
    limits: list[int]
    thread_seconds: float
    seconds: float
    unserved: int


class _Shared:
    """A resource whose users all advance at one speed."""

    def __init__(self, speed: Callable[[int, float], float]) -> None:
        self.speed = speed
        self.attained = self.at = 0.0
        self.ends: list[tuple[float, int]] = []
        self.pace = 1.0
        self.next = math.inf

    def advance(self, now: float) -> None:
        self.attained += self.pace * (now - self.at)
        self.at = now

    def replan(self, now: float) -> None:
        if self.ends:
            self.pace = self.speed(len(self.ends), now)
            self.next = now + max(0.0, self.ends[0][0] - self.attained) / self.pace
        else:
            self.next = math.inf


def simulate(
    shape: Shape, arrivals: Sequence[Job], controller: Controller, surplus_retirement: float = math.inf
) -> Course:
    """The whole run. The same arrivals meet every controller. Threads beyond those that it begins with go home when
    they have been idle for ``surplus_retirement`` seconds, the coldest first, as those of a category do.
    """
    limit, running, threads = START, 0, 0
    parked: deque[float] = deque()
    queue: deque[int] = deque()
    sojourns = [0.0] * len(arrivals)
    started, stage = [0.0] * len(arrivals), [0] * len(arrivals)
    timers: list[tuple[float, int]] = []
    interpreter = _Shared(lambda users, _: 1.0 / (users * (1.0 + CONVOY * (users - 1))))
    collapse = 1.0 + shape.collapse

    def downstream(users: int, now: float) -> float:
        capacity = shape.capacity(now)
        return 1.0 if users <= capacity else (capacity / users) ** collapse

    shared = {"cpu": interpreter, "db": _Shared(downstream)}
    database = shared["db"]
    ended, limits, area, area_at = list[EndedRun](), list[int](), 0.0, 0.0
    coming, looks, left = 0, 1, len(arrivals)
    end = shape.seconds + PATIENCE

    def enter(number: int, now: float) -> None:
        """Begin the job's next stage; leave after the last."""
        nonlocal running, left
        job = arrivals[number]
        if stage[number] < len(job.stages):
            what, seconds = job.stages[stage[number]]
            if what == "io":
                heappush(timers, (now + seconds, number))
            else:
                resource = shared[what]
                resource.advance(now)
                heappush(resource.ends, (resource.attained + seconds, number))
                resource.replan(now)
            return
        running -= 1
        parked.append(now)
        left -= 1
        sojourns[number] = now - job.at
        cpu = sum(seconds for what, seconds in job.stages if what == "cpu")
        ended.append(EndedRun(job.kind, now - started[number], cpu))

    while left or looks * LOOK < shape.seconds + LOOK:
        next_look = looks * LOOK
        arrival = arrivals[coming].at if coming < len(arrivals) else math.inf
        timer = timers[0][0] if timers else math.inf
        now = min(next_look, arrival, timer, interpreter.next, database.next)
        if now > end:
            break
        if now == arrival:
            queue.append(coming)
            coming += 1
        elif now == timer:
            number = heappop(timers)[1]
            stage[number] += 1
            enter(number, now)
        elif now == next_look:
            looks += 1
            database.advance(now)
            database.replan(now)
            oldest = now - arrivals[queue[0]].at if queue else 0.0
            limit = controller.look(Signals(now, limit, running, len(queue), coming, ended), oldest)
            ended = []
            limits.append(limit)
            while parked and running + len(parked) > START and now - parked[0] >= surplus_retirement:
                parked.popleft()
        else:
            resource = interpreter if now == interpreter.next else database
            resource.advance(now)
            number = heappop(resource.ends)[1]
            resource.replan(now)
            stage[number] += 1
            enter(number, now)
        while queue and running < limit:
            number = queue.popleft()
            running += 1
            if parked:
                parked.pop()  # the warmest
            started[number] = now
            enter(number, now)
        while parked and running + len(parked) > limit:
            parked.popleft()
        if running + len(parked) != threads:
            area += threads * (now - area_at)
            threads, area_at = running + len(parked), now
    for number, job in enumerate(arrivals):
        if not sojourns[number]:
            sojourns[number] = end - job.at
    last = max(shape.seconds, looks * LOOK)
    return Course(sojourns, limits, area + threads * (last - area_at), last, left)

"""``python -m benchmarks.anatomy [--instructions]``: where the time of one light task goes, step by step.

The thread is held while tasks are submitted and waited for, then the loop is held while the thread runs them, so that
each step happens by itself and as often as there are tasks. Bytecodes and calls are counted by the interpreter, on a
clock that counts too: they are the same in every run, and a test holds them (`tests/benchmarks/test_anatomy.py`).
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, NamedTuple

import companion_async
from benchmarks.contender import nothing
from benchmarks.loops import available, run
from companion_async import Brain, BrainConfig, Priority, Task
from companion_async.clock import Clock, SystemClock, TimerHandle

STEPS = ("submit", "wait", "run", "deliver", "resume")
ON_THE_LOOP = ("submit", "wait", "deliver", "resume")
TASKS = 1000
ROUNDS = 60
_HOUSE = str(Path(companion_async.__file__).parent)


class Count(NamedTuple):
    """How often per task: bytecodes of this package's functions, and calls of them."""

    bytecodes: float
    calls: float


class CountingClock:
    """0.2 microseconds pass with each look at it, whatever the machine does; timers never ring."""

    def __init__(self) -> None:
        self._looks = 0

    def monotonic(self) -> float:
        self._looks += 1
        return self._looks * 2e-7

    time = monotonic

    def call_later(self, delay: float, callback: Callable[[], None]) -> TimerHandle:
        return asyncio.get_running_loop().call_later(1e6, callback)

    async def sleep(self, delay: float) -> None:
        await asyncio.Event().wait()


class Tracer:
    """Counts what the threads execute between ``begin`` and ``end``, by function."""

    def __init__(self) -> None:
        self.bytecodes: Counter[CodeType] = Counter()
        self.calls: Counter[CodeType] = Counter()
        self._before: Any = None

    def begin(self) -> None:
        """Count what is called from here on, and what the frames below do once they go on. In the calling thread."""
        frame: FrameType | None = sys._getframe(1)
        while frame is not None:
            if frame.f_code.co_filename.startswith(_HOUSE):
                frame.f_trace, frame.f_trace_opcodes, frame.f_trace_lines = self._local, True, False
            frame = frame.f_back
        self._before = sys.gettrace()
        sys.settrace(self._entered)

    def end(self) -> None:
        """Count no more in the calling thread."""
        sys.settrace(self._before)

    def _entered(self, frame: FrameType, event: str, argument: Any) -> Any:
        if not frame.f_code.co_filename.startswith(_HOUSE):
            return None
        self.calls[frame.f_code] += 1
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        return self._local

    def _local(self, frame: FrameType, event: str, argument: Any) -> Any:
        if event == "opcode":
            self.bytecodes[frame.f_code] += 1
        return self._local


Watch = Callable[[str], AbstractContextManager[None]]
"""A context manager around one step; for ``run`` its inside is what the thread does."""


class Round:
    """Takes a brain with one thread through all steps of many tasks."""

    def __init__(self, brain: Brain, tasks: int) -> None:
        self._brain = brain
        self._tasks = tasks
        self._scheduler = brain._assembly("anatomy").scheduler

    async def go(self, watch: Watch, tracer: Tracer | None = None) -> None:
        """Each step once for every task, each inside ``watch(step)``."""
        for task in self._steps(watch, tracer):
            await task

    def _steps(self, watch: Watch, tracer: Tracer | None) -> tuple[Task[Any], Task[Any]]:
        held, go_on, ended = threading.Event(), threading.Event(), threading.Event()
        submit = self._brain.submit

        def hold() -> None:
            held.set()
            go_on.wait()
            if tracer is not None:
                tracer.begin()

        def last() -> None:
            if tracer is not None:
                tracer.end()
            ended.set()

        for function in (hold, last):
            self._scheduler.ports["work"].measure(function).light = True
        first = submit("work", hold)
        held.wait()
        with watch("submit"):
            tasks = [submit("work", priority=Priority.LOW) for _ in range(self._tasks)]
        waits = [task.__await__() for task in tasks]
        with watch("wait"):
            for wait in waits:
                wait.send(None)
        final = submit("work", last, priority=Priority.IDLE)
        with watch("run"):
            go_on.set()
            ended.wait()
        while not self._scheduler.mailbox.woken:  # the last letter is written after the event is set
            time.sleep(0.0005)
        with watch("deliver"):
            self._scheduler.mailbox.deliver(whole=True)
        with watch("resume"):
            for wait in waits:
                for _ in wait:
                    raise AssertionError("it should have ended")
        return first, final

    @property
    def thread(self) -> int:
        """The identity of the thread that runs the tasks."""
        (slot,) = self._scheduler.pools["core"].alive
        return slot.thread_id


async def _with_brain(clock: Clock, tasks: int, act: Callable[[Round], Any]) -> None:
    config = BrainConfig(
        categories={"core": 1}, max_threads=1, queue_capacity=10 * tasks, history_size=tasks, default_timeout=1e5
    )
    async with Brain(config, clock=clock, seed=1) as brain:
        await brain.register("work", nothing, category="core")
        for _ in range(100):
            await brain.submit("work")  # until it is known to be light
        await act(Round(brain, tasks))


async def count(tasks: int = TASKS) -> dict[str, Tracer]:
    """What is executed in each step, by function, over so many tasks; the same in every run."""
    found: dict[str, Tracer] = {}

    async def act(one: Round) -> None:
        await one.go(lambda step: _nothing_around())  # the history is full from here on
        in_thread = Tracer()

        @contextmanager
        def watch(step: str) -> Iterator[None]:
            if step == "run":
                found[step] = in_thread
                yield
                return
            tracer = found[step] = Tracer()
            tracer.begin()
            try:
                yield
            finally:
                tracer.end()

        await one.go(watch, in_thread)

    # Two threads that trace at once, ours and one of somebody who traces this one, end CPython 3.12.
    before = sys.gettrace()
    sys.settrace(None)
    try:
        await _with_brain(CountingClock(), tasks, act)
    finally:
        sys.settrace(before)
    return found


def per_task(found: dict[str, Tracer], tasks: int = TASKS) -> dict[str, Count]:
    """`count` for one task."""
    return {
        step: Count(one.bytecodes.total() / tasks, one.calls.total() / tasks)
        for step, one in ((step, found[step]) for step in STEPS)
    }


async def durations(tasks: int = TASKS, rounds: int = ROUNDS) -> dict[str, float]:
    """Nanoseconds of each step of one task, the least over the rounds; ``run`` in its thread's processor time."""
    least: dict[str, float] = {}

    async def act(one: Round) -> None:
        @contextmanager
        def watch(step: str) -> Iterator[None]:
            now = _processor_clock(one.thread) if step == "run" else time.perf_counter
            begun = now()
            yield
            taken = (now() - begun) / tasks * 1e9
            least[step] = min(least.get(step, taken), taken)

        for _ in range(rounds):
            gc.collect()
            gc.disable()
            try:
                await one.go(watch)
            finally:
                gc.enable()

    await _with_brain(SystemClock(), tasks, act)
    return least


@contextmanager
def _nothing_around() -> Iterator[None]:
    yield


def _processor_clock(thread: int) -> Callable[[], float]:
    if not hasattr(time, "pthread_getcpuclockid"):
        return time.perf_counter
    clock = time.pthread_getcpuclockid(thread)
    return lambda: time.clock_gettime(clock)


# -- the command -------------------------------------------------------------------------------------------------------


def instructions() -> tuple[float, float]:
    """Machine instructions of one task on the loop and in the thread, as valgrind counts them: the difference between a
    run with many tasks and one with half as many.
    """
    counted = []
    with tempfile.TemporaryDirectory() as folder:
        for rounds in (4, 8):
            out = Path(folder, str(rounds))
            command = ["valgrind", "--tool=callgrind", "--separate-threads=yes", f"--callgrind-out-file={out}"]
            command += [sys.executable, "-m", "benchmarks.anatomy", "--once", str(rounds)]
            subprocess.run(command, check=True, capture_output=True, cwd=Path(__file__).parents[1])
            counts = [
                int(found.group(1))
                for file in sorted(Path(folder).glob(f"{rounds}-*"))
                if (found := re.search(r"^(?:summary|totals): (\d+)", file.read_text(errors="replace"), re.MULTILINE))
            ]
            counted.append((counts[0], sum(counts[1:])))
    (loop, thread), (loop_more, thread_more) = counted
    return (loop_more - loop) / (4 * TASKS), (thread_more - thread) / (4 * TASKS)


async def _once(rounds: int) -> None:
    async def act(one: Round) -> None:
        for _ in range(rounds):
            await one.go(lambda step: _nothing_around())

    await _with_brain(CountingClock(), TASKS, act)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.anatomy", description="Where the time of a task goes.")
    parser.add_argument("--instructions", action="store_true", help="count machine instructions too, with valgrind")
    parser.add_argument("--once", type=int, default=0, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.once:
        asyncio.run(_once(options.once))
        return
    found = asyncio.run(count())
    counts = per_task(found)
    timed = {loop: run(loop, durations()) for loop in available()}
    print(f"{'':10}{'bytecodes':>10}{'calls':>7}" + "".join(f"{loop + ', ns':>14}" for loop in timed))
    for step in STEPS:
        nanoseconds = "".join(f"{timed[loop][step]:14.0f}" for loop in timed)
        print(f"{step:10}{counts[step].bytecodes:10.1f}{counts[step].calls:7.2f}{nanoseconds}")
    total = "".join(f"{sum(one.values()):14.0f}" for one in timed.values())
    print(f"{'together':10}{sum(one.bytecodes for one in counts.values()):10.1f}", end="")
    print(f"{sum(one.calls for one in counts.values()):7.2f}{total}")
    print("\nBytecodes of one task by function:")
    for step in STEPS:
        for code, number in found[step].bytecodes.most_common():
            if number >= TASKS:
                print(f"  {step:8} {number / TASKS:7.1f}  {Path(code.co_filename).stem}.{code.co_qualname}")
    if options.instructions:
        if shutil.which("valgrind") is None:
            sys.exit("valgrind is not installed: no instructions can be counted.")
        on_loop, in_thread = instructions()
        print(f"\nMachine instructions of one task: {on_loop:,.0f} on the loop, {in_thread:,.0f} in the thread")


if __name__ == "__main__":
    main()

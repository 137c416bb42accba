"""`ParallelPerceptionModule`: an agent's senses, asked side by side."""

from __future__ import annotations

import concurrent.futures
import copy
import itertools
import threading
import time
from collections import Counter, deque
from collections.abc import Hashable
from datetime import datetime
from typing import Any

import msgspec

from companion_async.clock import Clock, SystemClock
from companion_async.cognition.perception.attention import attend, attention
from companion_async.cognition.perception.recall import Recall
from companion_async.cognition.perception.records import PerceptionMetrics, PerceptionResult, SensorType
from companion_async.cognition.perception.scene import look_around, part
from companion_async.cognition.perception.senses import SENSES, Perceived, Sense, perceive
from companion_async.errors import UnknownResourceError
from companion_async.locks.mode import AccessMode
from companion_async.modules.module import BaseModule
from companion_async.sdk.executor import ModuleExecutor
from companion_async.sdk.future import TaskFuture
from companion_async.sdk.records import ModuleTask
from companion_async.security import check_count

__all__ = ["ParallelPerceptionModule", "PerceptionMetrics", "PerceptionResult", "SensorType"]

PATIENCE = 10.0
_CACHE_SIZE = 100
_CACHE_SPAN = 300.0
_HISTORY = 100
_LONGEST = 500
_MEMORY = "episodic_memory"


class ParallelPerceptionModule(BaseModule):
    """Sees, hears, is among others, notices, finds its way and tells the time, in ``max_workers`` threads of its own.

    ``run()`` looks around once (see `look_around` for what it reads of ``agent_state``) and asks every sense that has
    anything to perceive. All that comes of it within ten seconds is weighed, and of that the ``attention_bandwidth``
    perceptions that are worth most are returned. A sense that fails costs its own perception and no other.

    With ``enable_caching`` the same scene is perceived once in five minutes. What is perceived anew and attended to is
    told to ``agent_state.episodic_memory``, if there is one with ``add_event(content, importance)``; where that is
    registered as the resource ``episodic_memory`` of its manager, under a write lock. Any thread.
    """

    def __init__(
        self,
        agent_state: Any = None,
        max_workers: int = 4,
        enable_caching: bool = True,
        attention_bandwidth: int = 5,
        vision_radius: int = 3,
        *,
        clock: Clock | None = None,
    ) -> None:
        super().__init__(agent_state)
        self.max_workers = check_count(max_workers, "max_workers", maximum=100)
        self.enable_caching = bool(enable_caching)
        self.attention_bandwidth = check_count(attention_bandwidth, "attention_bandwidth")
        self.vision_radius = check_count(vision_radius, "vision_radius", maximum=100)
        self._clock = clock if clock is not None else SystemClock()
        self._lock = threading.Lock()
        self._executor: ModuleExecutor | None = None
        self._numbers = itertools.count(1)
        self._recall: Recall[Perceived] = Recall(_CACHE_SIZE, _CACHE_SPAN)
        self.history: deque[list[PerceptionResult]] = deque(maxlen=_HISTORY)
        self._counts: Counter[SensorType] = Counter()
        self._hits = self._errors = self._pending = 0
        self._work = _Processing()

    def run(self) -> list[PerceptionResult]:
        """What is perceived now, the most worth first."""
        scene = look_around(self.agent_state, self.vision_radius, datetime.fromtimestamp(self._clock.time()))
        found: list[PerceptionResult] = []
        asked: dict[TaskFuture[tuple[Perceived, float]], tuple[Sense, Hashable]] = {}
        for sense in SENSES:
            taken = sense.take(scene)
            if taken is None:
                continue
            kept = self._remembered(sense, taken)
            if kept is not None:
                found.append(self._result(sense.type, kept, 0.0, cached=True))
            else:
                asked[self._ask(sense, taken)] = sense, taken
        try:
            concurrent.futures.wait(asked, PATIENCE)
            for future, (sense, taken) in asked.items():
                if not future.done():
                    self._workers().cancel_task(future.task.id)
                    self._failed(sense.type, TimeoutError())
                elif (error := future.exception()) is not None:
                    self._failed(sense.type, error)
                else:
                    found.append(self._perceived(sense, taken, *future.result()))
        finally:
            with self._lock:
                self._pending -= len(asked)
        attended = attend(found, self.attention_bandwidth)
        with self._lock:
            self.history.append(attended)
        self._remember([result for result in attended if not result.metadata["cached"]])
        return attended

    def get_perception_metrics(self) -> PerceptionMetrics:
        """The figures so far."""
        work = self._work
        with self._lock:
            asked = self._counts.total()
            return PerceptionMetrics(
                total_tasks_processed=asked,
                average_processing_time=work.seconds / work.done if work.done else 0.0,
                tasks_by_sensor_type={sensor.value: count for sensor, count in self._counts.items()},
                concurrent_processing_peak=work.peak,
                cache_hit_rate=self._hits / asked if asked else 0.0,
                error_rate=self._errors / asked if asked else 0.0,
            )

    def get_processing_status(self) -> dict[str, Any]:
        """``active_tasks pending_futures cache_size processing_history_length attention_bandwidth vision_radius
        caching_enabled``.
        """
        with self._lock:
            return {
                "active_tasks": self._work.busy,
                "pending_futures": self._pending,
                "cache_size": len(self._recall),
                "processing_history_length": len(self.history),
                "attention_bandwidth": self.attention_bandwidth,
                "vision_radius": self.vision_radius,
                "caching_enabled": self.enable_caching,
            }

    def stop(self) -> None:
        """Let the threads go; the next `run` has new ones."""
        with self._lock:
            executor, self._executor = self._executor, None
        if executor is not None:
            executor.shutdown(0)

    def shutdown(self) -> None:
        """`stop`, under the documents' name."""
        self.stop()

    # -- inside ----------------------------------------------------------------------------------------------------

    def _workers(self) -> ModuleExecutor:
        with self._lock:
            if self._executor is None:
                self._executor = ModuleExecutor(self.max_workers, 10_000, enable_monitoring=False)
            return self._executor

    def _remembered(self, sense: Sense, taken: Hashable) -> Perceived | None:
        with self._lock:
            self._counts[sense.type] += 1
            if not self.enable_caching:
                return None
            kept = self._recall.get((sense.type, taken), self._clock.monotonic())
            self._hits += kept is not None
            return kept

    def _ask(self, sense: Sense, taken: Hashable) -> TaskFuture[tuple[Perceived, float]]:
        task = ModuleTask(f"perception-{next(self._numbers)}", "perception", args=(sense, taken))
        with self._lock:
            self._pending += 1
        return self._workers().execute_task(task, self._work)

    def _perceived(self, sense: Sense, taken: Hashable, perceived: Perceived, seconds: float) -> PerceptionResult:
        if self.enable_caching:
            with self._lock:
                self._recall.put((sense.type, taken), perceived, self._clock.monotonic())
        return self._result(sense.type, perceived, seconds, cached=False)

    def _result(self, sensor: SensorType, perceived: Perceived, seconds: float, *, cached: bool) -> PerceptionResult:
        data, confidence = perceived
        return PerceptionResult(
            task_id=f"{sensor}-{next(self._numbers)}",
            sensor_type=sensor,
            processed_data=copy.deepcopy(data),  # what is kept is nobody's to change
            confidence=confidence,
            processing_time=seconds,
            metadata={"attention": attention(sensor, confidence), "cached": cached},
            timestamp=datetime.fromtimestamp(self._clock.time()),
        )

    def _failed(self, sensor: SensorType, error: BaseException) -> None:
        with self._lock:
            self._errors += 1
        self.logger.warning("The {} sense failed: {}.", sensor, type(error).__name__)

    def _remember(self, results: list[PerceptionResult]) -> None:
        memory = part(self.agent_state, _MEMORY)
        if not results or not callable(getattr(memory, "add_event", None)):
            return
        resources = getattr(self.__dict__.get("_brain"), "resources", None)
        try:
            if resources is None:
                _tell(memory, results)
                return
            try:
                lock = resources.acquire_context(_MEMORY, AccessMode.WRITE, "perception")
            except UnknownResourceError:
                _tell(memory, results)
                return
            with lock as shared:
                _tell(shared, results)
        except Exception as error:  # a memory that refuses does not take away what was perceived
            self.logger.warning("What was perceived could not be remembered: {}.", type(error).__name__)


class _Processing:
    """What the workers run, and what can be counted of it."""

    def __init__(self) -> None:
        self.busy = self.peak = self.done = 0
        self.seconds = 0.0
        self._lock = threading.Lock()

    def run(self, sense: Sense, taken: Hashable) -> tuple[Perceived, float]:
        """One sense at work, and the seconds that it took."""
        with self._lock:
            self.busy += 1
            self.peak = max(self.peak, self.busy)
        began = time.perf_counter()
        try:
            perceived = perceive(sense, taken)
        finally:
            seconds = time.perf_counter() - began
            with self._lock:
                self.busy -= 1
        with self._lock:
            self.done += 1
            self.seconds += seconds
        return perceived, seconds


def _tell(memory: Any, results: list[PerceptionResult]) -> None:
    for result in results:
        data = msgspec.json.encode(result.processed_data).decode()
        memory.add_event(f"{result.sensor_type}: {data[:_LONGEST]}", round(result.metadata["attention"], 3))

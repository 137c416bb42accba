"""What the governor sees of the live runtime, many times a second: cheap, and nothing that waits."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING

import msgspec

from companion_async.autonomy.signals import CategoryGlance, EndedRun, Glance, Signals
from companion_async.autonomy.situation import ModuleReading, Situation
from companion_async.brain.residences import cores
from companion_async.brain.usage import Supply, Usage, Use

if TYPE_CHECKING:
    from companion_async.brain.assembly import Assembly

_LATELY = 1.0
GIL: bool = getattr(sys, "_is_gil_enabled", lambda: True)()


class GovernorLooks:
    """The looks, and what they need to remember. Loop only."""

    def __init__(self, assembly: Assembly) -> None:
        self._assembly = assembly
        self._usage, self._supply = Usage(), Supply()

    def use(self, modules: tuple[ModuleReading, ...]) -> Situation:
        """Who uses the processor, as it is now."""
        assembly = self._assembly
        slots = [slot for pool in assembly.scheduler.pools.values() for slot in tuple(pool.alive)]
        real = assembly.in_real_time
        running = self._usage.read(assembly.clock.monotonic(), slots) if real else {}
        busy = [assembly.native_id, *(slot.native_id for slot in slots if slot.job is not None)]
        return Situation(
            now=assembly.clock.monotonic(),
            modules=tuple(_used(module, running) for module in modules),
            loop_lag=self.loop_lag(_LATELY),
            process_cpu_seconds=time.process_time() if real else None,
            processor_supply=self._supply.read(busy) if real else 1.0,
            cores=cores(),
            gil=GIL,
            switch_interval=sys.getswitchinterval(),
        )

    def glance(self, stuck: Counter[str]) -> Glance:
        """What the sizes of the categories are judged by, as it is now."""
        assembly = self._assembly
        scheduler, house, now = assembly.scheduler, assembly.house, assembly.clock.monotonic()
        found = dict[str, CategoryGlance]()
        for name, pool in scheduler.pools.items():
            with pool.lock:
                limit, queued = pool.limit, pool.backlog.ready
                running = pool.working + min(pool.kept, max(0, limit - pool.working))  # a place that is kept is busy
                threads, urgent, idle = pool.slots, queued > 0 and pool.backlog.urgent, pool.sleepers()
            ended = [EndedRun(f"{module}.{target}", wall, cpu or 0.0) for module, target, wall, cpu in pool.measured]
            pool.measured.clear()
            signals = Signals(now, limit, running, queued, pool.submitted, ended)
            found[name] = CategoryGlance(
                signals,
                assembly.config.categories[name],
                threads,
                len(idle),
                now - idle[0].parked_at if idle else 0.0,
                stuck[name],
                urgent,
            )
        return Glance(
            now,
            found,
            house.max_threads - house.live,
            loop_lag=self.loop_lag(_LATELY),
            memory_fraction=assembly.meter.figures.memory_fraction,
            process_cpu_seconds=time.process_time() if assembly.in_real_time else None,
            cores=cores(),
            gil=GIL,
        )

    def loop_lag(self, seconds: float) -> float | None:
        """The worst lateness of the event loop in the last seconds; None where nobody watches it."""
        watchdog = self._assembly.watchdog
        return watchdog.recent_max(seconds) if watchdog is not None else None


def _used(module: ModuleReading, running: Mapping[str, Use]) -> ModuleReading:
    use = running.get(module.name)
    if use is None:
        return module
    return msgspec.structs.replace(
        module,
        run_seconds=module.run_seconds + use.run_seconds,
        measured_seconds=module.measured_seconds + use.measured_seconds,
        cpu_seconds=module.cpu_seconds + use.cpu_seconds,
    )

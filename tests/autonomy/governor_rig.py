"""What tests of the governor share: a simulated interpreter with one lock, and work in it that is ruled."""

from __future__ import annotations

from dataclasses import dataclass, field

from companion_async.autonomy.governor import Governor
from companion_async.autonomy.settings import AutonomySettings
from companion_async.autonomy.situation import CategoryReading, ModuleReading, Situation
from companion_async.autonomy.verdict import Verdict

TICK = 0.001


@dataclass
class Work:
    """``threads`` that each compute ``cpu`` seconds and then wait ``wait`` seconds, run after run."""

    threads: int
    cpu: float
    wait: float
    releases: bool = False  # its computing does not hold the interpreter lock
    cap: int | None = None
    share: float | None = None
    runs: int = 0
    wall_total: float = 0.0
    cpu_total: float = 0.0
    left: list[list[float]] = field(default_factory=list)
    at_end: bool = False  # counted run by run as each ends, not as they go on
    other: tuple[float, float] | None = None  # what every second run computes and waits, of another handler


class Machine:
    """Threads that share the interpreter lock (or the cores) as equals, in steps of a millisecond."""

    def __init__(self, cores: int = 2, gil: bool = True, loop: float = 0.0, **work: Work) -> None:
        self.cores, self.gil, self.loop, self.work = cores, gil, loop, work
        self.now = self.process_cpu = 0.0
        self.switch_interval: float | None = 0.005
        for module in work.values():
            # Staggered starts, or they would all compute and all wait in step.
            for number in range(module.threads):
                share = number / module.threads
                module.left.append([module.cpu * (1 - share), module.wait, 0.0, 0.0])

    def run(self, seconds: float) -> Situation:
        for _ in range(round(seconds / TICK)):
            self._tick()
        return self.situation()

    def _tick(self) -> None:
        active = {name: work.left[: work.threads if work.cap is None else work.cap] for name, work in self.work.items()}
        wanting = {name: [run for run in runs if run[0] > 0] for name, runs in active.items()}
        held = sum(len(runs) for name, runs in wanting.items() if not self.work[name].releases or not self.gil)
        free = sum(len(runs) for name, runs in wanting.items() if self.work[name].releases and self.gil)
        lanes = 1.0 if self.gil else float(self.cores)
        speed_held = min(1.0, lanes * (1 - self.loop) / held) if held else 0.0
        speed_free = min(1.0, max(0.0, self.cores - min(lanes, held)) / free) if free else 0.0
        for name, runs in active.items():
            work = self.work[name]
            speed = speed_free if work.releases and self.gil else speed_held
            for run in runs:
                run[2] += TICK
                if run[0] > 0:
                    run[0] -= TICK * speed
                    run[3] += TICK * speed
                    self.process_cpu += TICK * speed
                else:
                    run[1] -= TICK
                ended = run[0] <= 0 and run[1] <= 0
                if ended or not work.at_end:
                    work.wall_total += run[2]
                    work.cpu_total += run[3]
                    run[2] = run[3] = 0.0
                if ended:
                    work.runs += 1
                    run[:2] = work.other if work.other and work.runs % 2 else (work.cpu, work.wait)
        self.process_cpu += self.loop * TICK
        self.now += TICK

    def situation(self) -> Situation:
        return Situation(
            now=self.now,
            categories=(CategoryReading(name="core", limit=64, configured=64),),
            modules=tuple(
                ModuleReading(
                    name=name,
                    category="core",
                    state="running",
                    running=work.threads if work.cap is None else min(work.cap, work.threads),
                    queued=0 if work.cap is None else work.threads - work.cap,
                    cap=work.cap,
                    share=work.share,
                    runs=work.runs,
                    run_seconds=work.wall_total,
                    measured_runs=work.runs,
                    measured_seconds=work.wall_total,
                    cpu_seconds=work.cpu_total,
                    ended_cpu_seconds=work.cpu_total,
                )
                for name, work in self.work.items()
            ),
            process_cpu_seconds=self.process_cpu,
            cores=self.cores,
            gil=self.gil,
            switch_interval=self.switch_interval,
        )


def govern(machine: Machine, passes: int, seconds: float = 5.0) -> tuple[Governor, list[Verdict]]:
    """Let the governor rule the machine for some passes; its verdicts are carried out."""
    governor, all_verdicts = Governor(AutonomySettings()), list[Verdict]()
    governor.observe(machine.situation())
    for _ in range(passes):
        situation = machine.run(seconds)
        governor.observe(situation)
        for verdict in governor.verdicts(situation):
            all_verdicts.append(verdict)
            if "cap" in verdict.data:
                work = machine.work[verdict.context]
                work.cap, work.share = verdict.data["cap"], verdict.data["share"]
            else:
                machine.switch_interval = verdict.data["switch_interval"]
    return governor, all_verdicts


def rule(machine: Machine, governor: Governor, looks: int, seconds: float = 0.2) -> list[Verdict]:
    """As `govern`, by one who knows the machine already."""
    found = list[Verdict]()
    for _ in range(looks):
        situation = machine.situation()
        governor.observe(situation)
        for verdict in governor.verdicts(situation):
            found.append(verdict)
            if "cap" in verdict.data:
                work = machine.work[verdict.context]
                work.cap, work.share = verdict.data["cap"], verdict.data["share"]
        machine.run(seconds)
    return found


def caps(verdicts: list[Verdict]) -> list[tuple[str, int | None]]:
    return [(verdict.context, verdict.data["cap"]) for verdict in verdicts if "cap" in verdict.data]

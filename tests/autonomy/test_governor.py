"""The governor: who computes and who waits, told apart under contention, in a simulated interpreter with one lock."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import pytest

from companion_async.autonomy.governor import Governor
from companion_async.autonomy.settings import AutonomySettings
from companion_async.autonomy.situation import ModuleReading, Situation
from tests.autonomy.governor_rig import Machine, Work, caps, govern, rule


def test_threads_that_fight_for_the_lock_cannot_hide_that_they_compute() -> None:
    """Eight computing threads show an eighth of CPU over wall each; the verdict is that they compute all the time."""
    machine = Machine(crunch=Work(8, cpu=0.05, wait=0.0))
    governor, _ = govern(machine, 1)
    work = machine.work["crunch"]
    assert work.cpu_total / work.wall_total == pytest.approx(1 / 8, rel=0.05)
    assert governor.share("crunch") > 0.95


@pytest.mark.parametrize(
    ("work", "low", "high"),
    [
        (Work(1, cpu=0.05, wait=0.0), 0.95, 1.0),
        (Work(1, cpu=0.005, wait=0.045), 0.08, 0.15),
        (Work(4, cpu=0.002, wait=0.098), 0.01, 0.05),
        (Work(1, cpu=0.03, wait=0.03), 0.45, 0.55),
        (Work(3, cpu=0.05, wait=0.0), 0.95, 1.0),
    ],
)
def test_without_much_contention_the_verdict_is_the_plain_measure(work: Work, low: float, high: float) -> None:
    """Waiting modules are seen as waiting, computing ones as computing, mixtures in between."""
    governor, _ = govern(Machine(m=work), 2)
    assert low <= governor.share("m") <= high


def test_who_waits_beside_those_that_compute_is_not_blamed() -> None:
    """With the lock full of one module's computing, the other's long waits still count as waits."""
    machine = Machine(crunch=Work(2, cpu=0.05, wait=0.0), fetch=Work(8, cpu=0.001, wait=0.2))
    governor, verdicts = govern(machine, 3)
    assert governor.share("crunch") > 0.9
    assert governor.share("fetch") < 0.1
    assert {name for name, _ in caps(verdicts)} == {"crunch"}
    assert caps(verdicts)[-1] == ("crunch", 1)


def test_computing_work_is_kept_to_one_runner_under_the_lock_and_the_decision_says_so() -> None:
    """Within a few passes the cap is 1; throughput is what it was with eight, and the switch interval is short."""
    machine = Machine(crunch=Work(8, cpu=0.05, wait=0.0))
    _, first = govern(machine, 1)
    before = machine.work["crunch"].runs / machine.now
    governor, verdicts = govern(machine, 6)
    assert machine.work["crunch"].cap == 1
    assert machine.switch_interval == AutonomySettings().short_switch_interval
    runs, now = machine.work["crunch"].runs, machine.now
    machine.run(5.0)
    assert (machine.work["crunch"].runs - runs) / (machine.now - now) == pytest.approx(before, rel=0.05)
    assert {verdict.type for verdict in verdicts} == {"throttle_cpu_bound"}
    cap, interval = first
    assert "estimated" in cap.reason
    assert "measured without contention" not in cap.reason
    assert "while crunch computes" in interval.reason
    assert governor.verdicts(machine.situation()) == []


def test_what_computes_in_processes_is_known_and_left_alone() -> None:
    """It does not hold this interpreter's lock: it shows as computing, is never capped, and burdens nobody else."""
    governor = Governor(AutonomySettings())
    for second in range(0, 60, 10):
        module = ModuleReading(
            name="crunch",
            category="core",
            state="running",
            offload="process",
            running=8,
            runs=10 * second,
            run_seconds=8.0 * second,
            measured_runs=10 * second,
            measured_seconds=8.0 * second,
            cpu_seconds=7.6 * second,
        )
        situation = Situation(
            now=float(second), categories=(), modules=(module,), cores=2, gil=True, process_cpu_seconds=0.01 * second
        )
        governor.observe(situation)
        assert governor.verdicts(situation) == []
    assert governor.share("crunch") == pytest.approx(0.95)


def test_an_uncertain_verdict_halves_the_runners_and_takes_it_back_when_it_was_wrong() -> None:
    """Twenty threads that mostly wait can fill the lock and look like computing: the first step down shows that they
    do not, and throughput never suffers.
    """
    machine = Machine(mostly=Work(20, cpu=0.005, wait=0.045))
    governor = Governor(AutonomySettings())
    governor.observe(machine.situation())
    rates, seen = [], list[int | None]()
    for _ in range(12):
        runs = machine.work["mostly"].runs
        situation = machine.run(5.0)
        rates.append((machine.work["mostly"].runs - runs) / 5.0)
        governor.observe(situation)
        for verdict in governor.verdicts(situation):
            if "cap" in verdict.data:
                machine.work["mostly"].cap = verdict.data["cap"]
        seen.append(machine.work["mostly"].cap)
    assert seen[-1] is None
    assert governor.share("mostly") < 0.3
    assert min(rates) > 0.4 * max(rates)
    assert rates[-1] == pytest.approx(max(rates), rel=0.05)
    assert None not in seen[: seen.index(None)]
    assert all(cap is None for cap in seen[seen.index(None) :]), "once known, it is not throttled again"


def test_long_runs_that_are_counted_when_they_end_are_not_taken_for_many() -> None:
    """Four runs of 15 s each, computing side by side: seen as four threads under one lock, not as sixty."""
    machine = Machine(crunch=Work(4, cpu=15.0, wait=0.0, at_end=True))
    governor, verdicts = govern(machine, 20)
    assert governor.share("crunch") > 0.9
    assert caps(verdicts)[-1] == ("crunch", 1)
    assert all("one interpreter lock" in verdict.reason for verdict in verdicts if "cap" in verdict.data)


def test_without_process_figures_nothing_is_taken_for_a_release_of_the_lock() -> None:
    """The proof needs the whole process; the share is found without it."""
    machine = Machine(cores=4, crunch=Work(4, cpu=15.0, wait=0.0, at_end=True))
    governor = Governor(AutonomySettings())
    for _ in range(21):
        governor.observe(msgspec.structs.replace(machine.situation(), process_cpu_seconds=None))
        for verdict in governor.verdicts(machine.situation()):
            assert "free cores" not in verdict.reason
        machine.run(5.0)
    assert governor.share("crunch") > 0.9


@pytest.mark.feature("X-03")
def test_a_fifth_of_a_second_is_enough_for_a_suspicion_and_one_second_for_the_limit() -> None:
    """Of eight threads that begin to compute one is left before the second is over; runs that take longer than that
    are seen while they go on.
    """
    for cpu in (0.002, 0.05, 30.0):
        machine = Machine(crunch=Work(8, cpu=cpu, wait=0.0))
        governor = Governor(AutonomySettings())
        governor.observe(machine.situation())
        governor.observe(machine.run(0.1))
        assert governor.share("crunch") == 0.0, "a look too short says nothing"
        machine.run(0.1)
        rule(machine, governor, 1)
        assert governor.share("crunch") > 0.9
        assert machine.work["crunch"].cap == 4
        rule(machine, governor, 3)
        assert machine.now < 1.01
        assert machine.work["crunch"].cap == 1


def test_work_that_releases_the_lock_may_use_the_cores() -> None:
    """One module on more than one processor at a time is proof: its cap is the cores, not one."""
    machine = Machine(cores=4, native=Work(8, cpu=0.05, wait=0.0, releases=True))
    governor, verdicts = govern(machine, 6)
    assert governor.share("native") > 0.9
    assert machine.work["native"].cap == 4
    assert "free cores" in verdicts[-1].reason or "free cores" in verdicts[0].reason


def test_on_a_free_threaded_interpreter_the_limit_is_the_cores() -> None:
    """Without the lock computing work gets a runner per core, and no switch interval is touched."""
    machine = Machine(cores=4, gil=False, crunch=Work(12, cpu=0.05, wait=0.0))
    govern(machine, 6)
    assert machine.work["crunch"].cap == 4
    assert machine.switch_interval == 0.005


def test_the_switch_interval_comes_back_after_the_computing_has_ended() -> None:
    """Three quiet seconds, so that work in bursts does not flip it every time."""
    machine = Machine(crunch=Work(2, cpu=0.05, wait=0.0))
    governor, _ = govern(machine, 2)
    machine.work["crunch"].left.clear()
    machine.work["crunch"].threads = 0
    machine.switch_interval = 0.0005
    found = []
    for _ in range(5):
        situation = machine.run(1.0)
        governor.observe(situation)
        found.append([verdict.data.get("switch_interval", "-") for verdict in governor.verdicts(situation)])
        if [None] in found:
            machine.switch_interval = None
    assert found == [[], [], [], [], [None]]


def test_a_busy_event_loop_counts_as_contention() -> None:
    """What the process uses outside of the runs takes its part of the lock, and is not charged to the modules."""
    machine = Machine(loop=0.5, crunch=Work(1, cpu=0.05, wait=0.0))
    governor, _ = govern(machine, 1)
    work = machine.work["crunch"]
    assert work.cpu_total / work.wall_total == pytest.approx(0.5, rel=0.05)
    assert governor.share("crunch") > 0.9


def test_a_module_that_changes_its_nature_is_seen_to() -> None:
    """From computing to waiting the cap is lifted; nothing is held for ever on old evidence."""
    machine = Machine(m=Work(4, cpu=0.05, wait=0.0))
    governor, _ = govern(machine, 5)
    assert machine.work["m"].cap == 1
    machine.work["m"].cpu, machine.work["m"].wait = 0.002, 0.1
    for _ in range(6):
        situation = machine.run(5.0)
        governor.observe(situation)
        for verdict in governor.verdicts(situation):
            if "cap" in verdict.data:
                machine.work["m"].cap = verdict.data["cap"]
    assert machine.work["m"].cap is None
    assert governor.share("m") < 0.1


def test_a_cap_is_expected_not_to_make_the_loop_later() -> None:
    """Where the lateness is known it is laid down with the decision; where it is not, nothing is made up."""
    for lag, expected in ((0.3, ("loop_lag", 0.3, "down")), (None, None)):
        machine = Machine(crunch=Work(8, cpu=0.05, wait=0.0))
        governor = Governor(AutonomySettings())
        governor.observe(machine.situation())
        situation = msgspec.structs.replace(machine.run(5.0), loop_lag=lag)
        governor.observe(situation)
        hope = next(verdict.expectation for verdict in governor.verdicts(situation) if "cap" in verdict.data)
        assert (None if hope is None else (hope.metric, hope.expected, hope.better)) == expected


def test_what_is_gone_is_forgotten_and_what_has_not_run_is_no_burden() -> None:
    """An unregistered module leaves no estimate; before the first run the verdict is 0; no time, no news."""
    machine = Machine(m=Work(2, cpu=0.05, wait=0.0))
    governor, _ = govern(machine, 2)
    assert governor.share("other") == 0.0
    situation = machine.situation()
    governor.observe(situation)
    governor.observe(msgspec.structs.replace(situation, now=situation.now + 1, modules=()))
    assert governor.share("m") == 0.0
    assert governor.verdicts(msgspec.structs.replace(situation, modules=())) == []


@pytest.mark.feature("X-03")
@pytest.mark.parametrize(("cpu", "cores", "gil", "said"), [
    (0.05, 2, True, True), (0.001, 2, True, False), (0.05, 1, True, False), (0.05, 2, False, False),
])  # fmt: skip
def test_a_process_is_recommended_where_it_would_help(cpu: float, cores: int, gil: bool, said: bool) -> None:
    """Runs long enough for the way to be worth it, more than one core, a lock to get away from, and work that waits."""
    machine = Machine(cores=cores, gil=gil, crunch=Work(8, cpu=cpu, wait=0.0))
    _, verdicts = govern(machine, 6)
    recommended = [verdict for verdict in verdicts if verdict.data.get("recommend") == {"offload": "process"}]
    assert bool(recommended) is said
    assert all('offload="process"' in verdict.reason for verdict in recommended)


def test_inputs_are_plain() -> None:
    """A verdict's data and inputs go to JSON as they are."""
    _, verdicts = govern(Machine(crunch=Work(8, cpu=0.05, wait=0.0)), 3)
    for verdict in verdicts:
        plain: Mapping[str, object] = {"data": verdict.data, "inputs": verdict.inputs}
        assert msgspec.json.decode(msgspec.json.encode(plain)) == plain

"""The governor's looks between the passes: soon enough, rare enough, and supervised."""

from __future__ import annotations

import msgspec
import pytest

from companion_async.autonomy.situation import ModuleReading
from companion_async.testing.clock import settle
from tests.autonomy.loop_rig import BUSY, QUIET, Bench


@pytest.mark.feature("X-03")
async def test_work_that_computes_is_capped_within_a_second_of_its_beginning() -> None:
    """Four runs that share the interpreter lock: halved at once, with the short switch interval, and with the figures
    in the decision; long before the next pass.
    """
    bench = Bench()
    bench.set(QUIET)
    async with bench.running():
        await bench.clock.advance(3.1)
        for fifth in range(5):
            module = ModuleReading(
                name="m",
                category="core",
                state="running",
                running=4,
                run_seconds=0.8 * fifth,
                measured_seconds=0.8 * fifth,
                cpu_seconds=0.2 * fifth,
            )
            bench.set(msgspec.structs.replace(QUIET, working=4), modules=(module,), process_cpu_seconds=0.2 * fifth)
            await bench.clock.advance(0.2)
        assert bench.controls.asked[:2] == [("throttle", "m", 2, None), ("set_switch_interval", 0.0005)]
        capped = bench.loop.log.recent()[0]
        assert capped.timestamp.timestamp() - bench.clock.time() > -1.0
        assert (capped.data["old"], capped.data["cap"]) == (None, 2)
        assert capped.data["inputs"]["use"]["ratio"] == pytest.approx(0.25)
        assert bench.loop.cpu_bound("m") > 0.9
        assert bench.loop.cpu_bound("unknown") == 0.0


@pytest.mark.feature("CB-14", "CB-20")
async def test_the_governor_sizes_between_the_passes() -> None:
    """Ten looks a second while there is work: a queue that lasts is answered long before the next pass."""
    bench = Bench()
    bench.set(QUIET)
    async with bench.running():
        await bench.clock.advance(2.0)
        bench.set(msgspec.structs.replace(BUSY, completions=0))
        await bench.clock.advance(2.5)
        assert bench.loop.passes == 1
        assert bench.controls.asked[0] == ("resize", "core", 6)
        decision = bench.loop.log.recent()[0]
        assert (decision.rule, decision.data["cause"]) == ("scale.adaptive", "unknown")
        assert decision.data["inputs"]["queued"] == 50
        assert bench.loop.glances


async def test_who_has_nothing_to_see_looks_rarely_until_there_is_word_of_work() -> None:
    """After half a minute of idleness every few seconds; the first sign of work ends that."""
    bench, looks = Bench(), list[float]()
    async with bench.running():
        bench.controls.before_use = lambda: looks.append(bench.clock.monotonic())
        await bench.clock.advance(120.0)
        assert len([at for at in looks if at > 60.0]) <= 20
        looks.clear()
        bench.controls.told()
        await settle()
        assert looks == [120.0]


async def test_a_look_that_raises_is_begun_again_and_the_passes_go_on() -> None:
    """The governor is supervised as the passes are, and says so."""
    bench = Bench()

    def broken() -> None:
        raise ZeroDivisionError

    async with bench.running():
        bench.controls.before_use = broken
        await bench.clock.advance(2.5)
        bench.controls.before_use = lambda: None
        await bench.clock.advance(10.0)
        assert {(d.type, d.context, d.error) for d in bench.loop.log.recent()} == {
            ("restart_loop", "governor", "ZeroDivisionError")
        }
        assert bench.loop.passes == 2

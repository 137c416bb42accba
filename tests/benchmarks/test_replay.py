"""A village in simulated time: the seed alone decides what happens, and what is said is done."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pytest

from benchmarks.replay import History, Moment, main, replay, told
from benchmarks.villages.village import Village
from companion_async.cognition.perception.scene import look_around

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.feature("PF-4", "PF-5", "PP-20")


def deeds(history):
    return {name: getattr(history, name) for name in ("digest", "decisions", "said", "done", "met", "skills", "runs")}


@pytest.mark.feature("PP-18", "PP-19")
async def test_the_same_seed_makes_the_same_history_and_another_seed_another():
    """Of all that is said and done, and of how everybody ends up; what was said is done."""
    first, again, other = [await replay(8, 40, seed) for seed in (1, 1, 2)]
    assert deeds(first) == deeds(again)
    assert first.digest != other.digest
    assert first.done > 20
    assert first.kept == 1.0
    assert (first.agents, first.seconds) == (8, 40)
    assert first.moments[-1].simulated == 40
    assert [moment.runs for moment in first.moments] == sorted(moment.runs for moment in first.moments)


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.feature("PP-08", "PP-19")
def test_twenty_agents_live_through_five_minutes_as_they_do_in_any_process():
    """They use what they walk to, talk, remember and reflect; another process with another hash seed comes to the very
    same; without the broadcast what is said is done less often.
    """
    history = asyncio.run(replay(20, 300, 1))
    assert history.kept == 1.0
    assert set(history.skills) >= {"greet", "answer", "talk", "walk to", "use"}
    assert history.skills["use"] > 20
    assert history.remembered > 500
    without = asyncio.run(replay(20, 300, 1, broadcast=False))
    assert without.kept < 0.97
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.replay", "--agents", "20", "--seconds", "300"],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": "7"},
        capture_output=True,
        encoding="utf-8",
        check=True,
        timeout=200,
    )
    match = re.search(r"history (\w+)", done.stdout)
    assert match
    assert match[1] == history.digest


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["--agents", "-3"], "argument --agents: must be a whole number from 1 on; -3 is not"),
        (["--seconds", "0"], "argument --seconds: must be a whole number from 1 on; 0 is not"),
        (["--json", str(ROOT / "nowhere" / "x.json")], "x.json cannot be written: No such file or directory"),
    ],
)
def test_what_would_be_found_out_at_the_end_is_refused_at_the_start(argv, said, capsys):
    """Numbers of which no village can be made, and a file that the history could not be written to."""
    with pytest.raises(SystemExit, match="2"):
        main(["--agents", "1", "--seconds", "1", *argv])
    assert said in capsys.readouterr().err


def test_the_village_tells_by_the_version_whether_there_is_anything_to_see():
    """As long as an agent's version is the same, so is its scene, whatever the others do."""
    village = Village([f"a{number}" for number in range(30)], 3)

    def scenes():
        return {
            name: (seen["scene_version"], look_around(seen, 3, datetime(2026, 1, 1)))
            for name, seen in ((name, village.seen_by(name)) for name in village.at)
        }

    changed = 0
    before = scenes()
    for place in list(village.places)[:8]:
        skills = village.skills("a7", list)
        skills["walk to"](place)
        skills["use"](place)
        after = scenes()
        for name in village.at:
            assert before[name][0] != after[name][0] or before[name][1] == after[name][1]
            changed += before[name][1] != after[name][1]
        before = after
    assert changed > 8


def test_a_history_is_told_with_its_figures():
    """How fast it went, what happened, how far what was said was done, and what it is known by."""
    moments = tuple(Moment(60.0 * n, 2.0 * n, 100.0 + n, 1000 * n, 10 * n) for n in range(3))
    history = History(
        agents=4,
        seconds=120,
        seed=1,
        broadcast=True,
        digest="abc",
        runs=2000,
        decisions=20,
        said=9,
        done=8,
        met=7,
        kept=0.5,
        skills={"use": 8},
        remembered=30,
        insights=2,
        moments=moments,
    )
    assert (history.real, history.speed) == (4.0, 30.0)
    text = "\n".join(told(history))
    assert "30.0 times" in text
    assert "50.0 %" in text
    assert "101 MiB after 60 s, 102 MiB at the end" in text
    assert "history abc" in text

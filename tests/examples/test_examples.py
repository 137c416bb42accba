"""Each example runs alone, without a warning, and shows what it says it shows."""

from __future__ import annotations

import bz2
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted(path.name for path in (ROOT / "examples").glob("*.py"))


@pytest.fixture(scope="module")
def run():
    """Run an example as its reader does, each once; its output."""
    outputs: dict[str, str] = {}

    def once(name: str, *more: str) -> str:
        if more or name not in outputs:
            env = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "error", "PYTHONIOENCODING": "utf-8"}
            done = subprocess.run(
                [sys.executable, str(ROOT / "examples" / name), *more],
                env=env,
                capture_output=True,
                encoding="utf-8",
                check=False,
                timeout=200,
            )
            assert done.returncode == 0, done.stderr
            assert done.stderr == ""
            outputs[name] = done.stdout
        return outputs[name]

    return once


def found(pattern: str, text: str) -> re.Match[str]:
    match = re.search(pattern, text)
    assert match, f"no {pattern!r} in:\n{text}"
    return match


@pytest.mark.parametrize("name", EXAMPLES)
@pytest.mark.feature("PX-08")
def test_examples_are_short_and_say_how_to_run_them(name):
    """An example is at most two pages, and its docstring holds the line to type."""
    text = (ROOT / "examples" / name).read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 120
    assert f"python examples/{name}" in text.split('"""')[1]


@pytest.mark.feature("CB-06", "CB-23", "U-2", "PX-08")
def test_quickstart(run):
    """Work on the loop stops its heart, work in threads does not; each result is that of the plain call."""
    lines = run("quickstart.py").splitlines()
    found(r"in which the loop's heart beat 0 times", lines[0])
    assert int(found(r"heart beat (\d+) times", lines[1])[1]) > 0
    files = int(found(r"in threads +(\d+) files", lines[1])[1])
    name, packed = found(r"(\S+\.py): [\d,]+ bytes, ([\d,]+) packed", lines[2]).groups()
    source = Path(os.__file__).parent / name
    assert int(packed.replace(",", "")) == len(bz2.compress(source.read_bytes()))
    assert lines[3].endswith(f"{files + 1} tasks completed, 0 failed")


@pytest.mark.feature("CB-24", "PM-01", "PX-08")
def test_own_modules(run):
    """A module finds what is there, its errors reach the caller, its private parts nobody, and a restart renews it."""
    output = run("own_modules.py")
    found(r"loop else clause +.*\bfor\b.*\bwhile\b", output)
    found(r"failed: +a search needs at least one word \(in task \S+ \(handbook\.search\)\)", output)
    found(r"refused: .*no handler '_words'", output)
    known = int(found(r"a handbook of (\d+) words", output)[1])
    assert known > 1000
    found(r"after forget\(\) +0 words", output)
    found(rf"after the restart +{known} words", output)
    assert "1 failed" in output.splitlines()[-1]


@pytest.mark.feature("CB-03", "CB-12", "CB-13", "PX-08")
def test_priorities_and_dependencies(run):
    """Held work begins by urgency, a sum after its parts, and what depends on a failure never, unless it wants to."""
    output = run("priorities_and_dependencies.py")
    assert "import -> raise -> with -> lambda -> strings" in output
    assert "submitted: blocked, until 3 others have ended" in output
    found(r"most used: \w+ \d+, \w+ \d+", output)
    assert "UpstreamFailedError, because of KeyError('no such chapter')" in output
    assert "begun all the same, and saw that the task had failed" in output


@pytest.mark.feature("X-08", "PX-08")
def test_streaming(run):
    """Lines are read before the last file is; progress grows to the end; awaited, the items are a list."""
    first, second, third = run("streaming.py").split("\n\n")
    assert len(re.findall(r"^   \S+\.py:\d+: .*TODO", first, re.MULTILINE)) == 5
    assert int(found(r"with (\d+)% of the files read", first)[1]) < 100
    counts = [int(count) for count in re.findall(r"% +(\d+) lines so far", second)]
    assert counts
    assert counts == sorted(counts)
    found(r"completed: (\d+) lines", second)
    found(r"\['socketserver\.py:\d+: class ThreadingMixIn:'\]", third)


@pytest.mark.feature("PT-01", "PT-09", "PT-13", "PX-08")
def test_shared_memory(run):
    """What one module remembers another is told of; copies are copies; a restore is a new version of the old state."""
    output = run("shared_memory.py")
    words = re.findall(r"critic saw: (.*)", output)[0].split(", ")
    assert len(words) == 3
    assert all(word.isalpha() for word in words)
    mine, memory = found(r"mine says (-1), the memory (\d+)", output).groups()
    assert int(memory) > 0 > int(mine)
    assert "version 7: ['total']" in output
    assert "version 8: ['chapters', 'total'], as in version 6" in output
    found(r"version 5: update chapters\.with by reader in \S+-3\n", output)
    found(r"version 7: delete chapters by cleaner in no task\n", output)


@pytest.mark.feature("PP-21", "PX-08", "PP-01", "PR-07", "PT-01")
def test_piano_integration(run):
    """The documented lines come in order, with the figures of what was done: senses, commits, locks, tasks."""
    lines = run("piano_integration.py").splitlines()
    assert lines[0] == "🎹 PIANO Concurrent Framework Integration Demo"
    assert lines[1] == "=" * 60
    assert lines[2] == "✓ All memory systems registered for coordinated access: 3"
    found(r"^   at \(3, 3\): to cook supper; .* and home, stove$", lines[3])
    found(r"^   at \(6, 6\): to practise a prelude; ", lines[4])
    assert lines[5] == lines[4]
    found(r"^   at \(9, 8\): to read; .*bookshelf, home, piano, stove$", lines[6])
    senses, known = found(
        r"^✓ Perception Module - parallel sensory processing: (\d+) asked, (\d+)% known", lines[7]
    ).groups()
    assert int(senses) == 24
    assert 0 < int(known) < 100
    assert lines[7].endswith("heard cara")
    assert lines[8] == "✓ Planning Module - state-coordinated goal management: 4 in 4 commits"
    locks = int(found(r"^✓ Retrieval Module - concurrent memory access: (\d+) locks in all$", lines[9])[1])
    assert locks >= 4 * 4  # in each round one for the note, one for the plan and two to remember
    assert int(found(r"^   (\d+) tasks in ", lines[10])[1]) == 12


@pytest.mark.feature("PP-18", "PP-19", "PF-5", "PX-08")
def test_small_world(run):
    """Agents meet and talk, are fed, go elsewhere when the fruit is gone, and do what they say; one seed, one world."""
    output = run("small_world.py")
    found(r"Hello, \w+\.", output)
    assert len(re.findall(r"I hear you", output)) > 2
    fed = [int(times) for times in re.findall(r"ate or drank (\d+) times", output)]
    assert len(fed) == 4
    assert min(fed) > 2
    vain = found(r"(\d+)  (\w+): I am going to use bush.* could not be done", output)
    found(rf"{vain[2]}: .*walk to orchard", output[vain.end() :])
    assert found(r"in (\d+) of (\d+) turns what was said was done", output).groups() == ("120", "120")
    drawn = [line for line in output.splitlines() if line.startswith("   ")]
    assert len(drawn) == 12
    assert {"W", "O", "B"} <= set("".join(drawn[:6]))


@pytest.mark.feature("PP-19", "PX-08")
def test_small_world_page(run, tmp_path):
    """The page that is written has every round with all that is said, and loads nothing from elsewhere."""
    page = tmp_path / "world.html"
    said = run("small_world_page.py", "1", str(page))
    assert said.removesuffix(f"drawn in {page}\n") == run("small_world.py")
    text = page.read_text(encoding="utf-8")
    told = json.loads(found(r'<script id="told" type="application/json">(.*?)</script>', text)[1])
    assert (len(told["frames"]), set(told["world"]["places"])) == (30, {"well", "bush", "orchard"})
    spoken = [f"{each['name']}: {each['text']}" for frame in told["frames"] for each in frame["said"]]
    assert len(spoken) == 120
    assert all(line[5:] in spoken for line in said.splitlines() if re.match(r" +\d+  ", line))
    assert not re.search(r"https?://|src=|@import|url\(", text)


@pytest.mark.skipif(shutil.which("chromium") is None, reason="needs chromium")
@pytest.mark.slow
def test_small_world_page_in_a_browser(run, tmp_path):
    """It draws the agents, the places and what is said, without an error."""
    page = tmp_path / "world.html"
    run("small_world_page.py", "1", str(page))
    drawn = subprocess.run(
        [*("chromium", "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom"), f"{page.as_uri()}#7"],
        capture_output=True,
        encoding="utf-8",
        check=True,
        timeout=200,
    ).stdout
    assert re.findall(r'class="agent" data-name="(\w+)" style="transform: ', drawn) == ["ann", "bo", "cy", "di"]
    assert len(re.findall(r'class="place" transform="translate\(\d', drawn)) == 3
    assert '<div class="bubble" style="left:' in drawn
    assert "round 7 of 30" in drawn


@pytest.mark.feature("PT-10", "X-07", "PX-08")
def test_transactions(run):
    """Of two that took one seat one has it and the other is told why not; nothing is half done, no addition is lost."""
    output = run("transactions.py")
    assert len(re.findall(r"^   \w+ has it$", output, re.MULTILINE)) == 1
    found(r"   \w+: The transaction read paths that changed before it committed: seats\. Run it again\.", output)
    found(r"the state: \{'free': 0, 'taken_by': \['\w+'\]\}", output)
    assert sorted(re.findall(r"'(sits|waits)'", output)) == ["sits", "sits", "waits", "waits"]
    found(r"upstairs.*; the seats: \{'free': 0", output)
    assert "visits: 100" in output


@pytest.mark.feature("CB-14", "CB-17", "CB-21", "X-19", "PX-08")
def test_watching_decisions(run):
    """The brain grows where work waits and restarts what fails; its decisions have reasons and measured outcomes."""
    output = run("watching_decisions.py")
    assert "event: module.error" in output
    assert "event: module.restarted" in output
    assert "the translator is well again: gOOD mORNING" in output
    assert int(found(r"fetching: up to (\d+)", output)[1]) > 2
    found(r"scale_up +fetchers +All threads busy: \d+ tasks wait .*queued: \d+ -> \d+", output)
    found(r"restart_module +translator .*state: error -> running", output)


@pytest.mark.feature("CB-F5", "PX-08")
def test_channels(run):
    """The sender stands still at the bound, all that it saw is planned for, and a camera's lost frames are counted."""
    output = run("channels.py")
    assert "2 of 2 wait in the channel, 1 sender waits" in output
    assert "6 sights, and the plan: look for a key, take the key, unlock the door, sit down" in output
    assert "kept [97, 98, 99], dropped 97" in output


@pytest.mark.feature("PR-09", "X-05", "PX-08")
def test_deadlock(run):
    """One of two is told of the whole cycle, lets go, tries again, and both get done."""
    output = run("deadlock.py")
    name = found(r"task (\S+) is the victim:\n", output)[1]
    found(rf"event: lock\.deadlock, victim {name} ", output)
    found(r"waits for write on '(diary|mood)'\n   waits for .*\n   waits for write on '(diary|mood)'\n", output)
    assert len(re.findall(r"is done$", output, re.MULTILINE)) == 2
    assert "5 locks granted, 1 deadlock found, 0 timeouts" in output
    assert "['got up', 'felt 0.5', 'felt 0.6'] 0.7" in output


@pytest.mark.parametrize("name", ["chat_fastapi.py", "chat_aiohttp.py"])
@pytest.mark.feature("CB-31", "CB-56", "PX-08", "U-1")
def test_chat_backends(run, name):
    """Both frameworks answer in pieces with sources, run the app's own work, and show the threads behind it."""
    output = run(name)
    assert len(found(r"answer: +(.+)", output)[1]) > 40
    found(r"sources: [\w-]+\.md:\d+", output)
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert int(found(r"words: +(\d+)", output)[1]) == len(readme.split())
    found(r"threads: \{.*'phase2': [1-5].*\} tasks: \d+", output)


@pytest.mark.feature("CB-56", "PX-08", "U-1")
def test_own_lifespan(run):
    """The database is open before the brain and closed after it; what was accepted is in it by then."""
    lines = run("own_lifespan.py").splitlines()
    assert lines[:2] == ["open:     the database", "open:     the brain, running"]
    assert "home:     {'kitchen': 'open'}" in lines
    assert "order:    1 soup" in lines
    assert "unknown:  {'detail': 'no such order'}" in lines
    assert lines[-2:] == ["close:    the brain, shut down", "close:    the database, with 4 orders"]


@pytest.mark.feature("CB-02", "U-2", "PX-08")
def test_slow_category(run):
    """The fast category does not feel the slow one, where in one pool each lookup waits for reports."""
    output = run("slow_category.py")
    figures = r"half within +([\d.]+) ms, 99 of 100 within +([\d.]+) ms"
    shared, alone = (
        float(found(rf"{name}: +{figures}", output)[1]) for name in ("one pool for all", "a category for each")
    )
    assert shared > 5 * alone
    found(r"by its id: (queued|running), then 'report 13'", output)
    assert "retried:   done at attempt 3" in output
    assert "only once: 1 task for 3 submissions" in output
    found(r"beat: +5 ticks, \d+ ms apart", output)


@pytest.mark.feature("X-04", "PX-08")
def test_processes(run):
    """Other processes compute, an endless loop is killed, a crash is one failed task, and refusals come at once."""
    output = run("processes.py")
    assert "[9592, 17984, 25997, 33860]" in output
    assert "in this process: False" in output
    assert "TaskTimeoutError: its run limit of 0.2 s" in output
    assert "TaskCrashedError: exit code 3" in output
    assert "168 primes below 1000" in output
    assert "cannot be sent to a process" in output

from __future__ import annotations

import importlib.util
import math
import os
import select
import shutil
import signal
import subprocess
import sys

import pytest

from companion_async.brain.brain import Brain
from companion_async.cognition.code_executor import tiers as room
from companion_async.cognition.code_executor.canary import canary
from companion_async.cognition.code_executor.child import Report
from companion_async.cognition.code_executor.execution import SandboxUnavailableError
from companion_async.cognition.code_executor.module import MODULE, CodeExecutor
from companion_async.cognition.code_executor.settings import ExecutorSettings
from companion_async.errors import InvalidArgumentError, TaskCancelledError
from tests.cognition.code_executor.left_behind import folders, processes_of

pytestmark = pytest.mark.feature("CB-45")


def test_one_sandbox_holds_with_what_pip_installs(executor):
    """Where this package is tested, at least one sandbox holds, and none is believed untried."""
    states = {state.tier: state for state in executor.tiers()}
    assert any(states[tier].holds for tier in ("sandlock", "monty"))
    assert all(state.holds or state.reason for state in states.values())


def test_no_sandbox_is_found_to_leak(executor):
    """One that does not hold here lacks something; none lets a program do what it must not, and goes unnoticed."""
    assert not [state.reason for state in executor.tiers() if "a program could" in state.reason]


def test_a_program_gives_what_it_wrote_its_value_and_its_cost(executor, tier):
    """stdout, the value of the last expression, the status, the seconds and the sandbox are in the result."""
    done = executor.execute("print('six', 7)\nx = 6\nx * 7", "python", tier=tier)
    assert (done.stdout, done.value, done.exit_status, done.tier) == ("six 7\n", 42, 0, tier)
    assert done.succeeded
    assert not done.limit
    assert 0 < done.seconds < 20
    assert done.memory > 0


def test_a_failure_is_a_result(executor, tier):
    """A program that raises ends with status 1 and its traceback on stderr, and no error is raised."""
    done = executor.execute("def f():\n    return 1 / 0\nf()", "python", tier=tier)
    assert done.exit_status == 1
    assert not done.succeeded
    assert "ZeroDivisionError" in done.stderr


def test_a_traceback_shows_the_program_alone(executor, system):
    """It has the program's own lines, and none of what stands around them."""
    done = executor.execute("def f():\n    return 1 / 0\nf()", "python", tier=system)
    assert 'File "main.py", line 2, in f' in done.stderr
    assert "return 1 / 0" in done.stderr
    assert done.stderr.count("File ") == 2


@pytest.mark.parametrize(
    ("code", "value", "is_text"),
    [
        ("None", None, False),
        ("[1, 2.5, 'three', {'four': [True, None]}]", [1, 2.5, "three", {"four": [True, None]}], False),
        ("{'text': 'a'}", {"text": "a"}, False),
        ("{'value': 1}", {"value": 1}, False),
        ("{1}", "{1}", True),
        ("float('nan')", "nan", True),
        ("'\\ud800'", "\ud800", False),
    ],
)
def test_a_value_is_json_or_its_text(executor, system, code, value, is_text):
    """What JSON knows comes as it is, anything else as its text, which the result says."""
    done = executor.execute(code, "python", tier=system)
    if code == "'\\ud800'":
        assert done.succeeded  # half a character: no value can be told, and that is no failure
        return
    assert (done.value, done.value_is_text) == (value, is_text)


def test_javascript_runs_where_node_is(executor, system):
    """A program in JavaScript gives its output and its value, promises and failures included."""
    if shutil.which("node") is None:
        pytest.skip("node is not installed")
    done = executor.execute("const path = {a: [1]}; console.log('hi'); path", tier=system)
    assert (done.language, done.stdout, done.value) == ("javascript", "hi\n", {"a": [1]})
    assert executor.execute("Promise.resolve(7)", "js", tier=system).value == 7
    failed = executor.execute("throw new Error('no')", "js", tier=system)
    assert failed.exit_status == 1
    assert "Error: no" in failed.stderr
    with pytest.raises(SandboxUnavailableError, match="monty"):
        executor.execute("1", "js", tier="monty")


def test_a_value_is_not_longer_than_it_may_be(executor, tier):
    """A list of a million numbers comes as the beginning of its text."""
    done = executor.execute("[0] * 1_000_000", "python", tier=tier)
    assert done.value_is_text
    assert len(done.value) == 16384


@pytest.mark.parametrize(
    "told",
    [
        "import os, sys\nmark = [a for a in sys.orig_argv if a.startswith('value ')][0]\n"
        "os.write(2, ('\\n' + mark + '{').encode())\nNone",
        "import os, sys\nmark = [a for a in sys.orig_argv if a.startswith('value ')][0]\n"
        "os.write(2, ('\\n' + mark + '[' * 60000).encode())\nNone",
        "import os\nos.write(1, b'\\xff\\xfe\\x00\\n')\nos.close(2)\n1",
    ],
)
def test_no_answer_of_a_program_can_do_harm(executor, system, told):
    """Half of JSON, JSON nested without end, bytes that are no text: read as no value, or as what they are."""
    done = executor.execute(told, "python", tier=system)
    assert done.value is None or done.value == 1 or isinstance(done.value, int)


@pytest.mark.parametrize(
    ("arguments", "wrong"),
    [
        (("",), "code"),
        (("   \n",), "code"),
        (("x" * 100_001,), "code"),
        ((b"1",), "code"),
        (("1", "cobol"), "language"),
        (("1", 3), "language"),
        (("1", "python", math.nan), "timeout"),
        (("1", "python", 0), "timeout"),
        (("1", "python", 1, "none"), "tier"),
    ],
)
def test_what_could_not_be_meant_is_refused(executor, arguments, wrong):
    """A program that is none, an unknown language, limit or sandbox are refused before anything is started."""
    with pytest.raises(InvalidArgumentError, match=wrong):
        executor.execute(*arguments)


def test_where_no_sandbox_holds_nothing_is_run(monkeypatch, tmp_path):
    """With no sandbox there, a program is refused with the reasons, and not run in any other way."""
    monkeypatch.setattr(shutil, "which", lambda name, **more: None)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    witness = tmp_path / "witness"
    executor = CodeExecutor()
    with pytest.raises(SandboxUnavailableError) as caught:
        executor.execute(f"open({str(witness)!r}, 'w')", "python")
    assert set(caught.value.reasons) == {"bubblewrap", "sandlock", "monty"}
    assert not witness.exists()


def test_the_sandboxes_are_tried_once(monkeypatch):
    """However often it is asked for them, and whatever came of it."""
    tried = []

    def missing(tier: str) -> str:
        tried.append(tier)
        return "it is not there"

    monkeypatch.setattr(room, "_missing", missing)
    executor = CodeExecutor()
    assert executor.tiers() == executor.tiers()
    for _ in range(2):
        with pytest.raises(SandboxUnavailableError, match="it is not there"):
            executor.execute("1", "python")
    assert tried == ["bubblewrap", "sandlock", "monty"]


def test_a_sandbox_that_does_not_hold_is_found_out(monkeypatch):
    """One in which a program can do what it must not is refused, with what the program could do."""

    def held_by_nothing(self, tier, interpreter, program, mark, timeout, wanted=lambda: True):
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
        return Report(stdout=done.stdout, stderr=done.stderr, status=done.returncode)

    monkeypatch.setattr(room.Tiers, "run", held_by_nothing)
    monkeypatch.setattr(room, "_missing", lambda tier: "")
    (state,) = CodeExecutor(ExecutorSettings(tiers=("sandlock",))).tiers()
    assert not state.holds
    assert "a program could" in state.reason


@pytest.mark.parametrize(
    ("held", "told"),
    [("", "read a file outside"), ("open = lambda *a: (_ for _ in ()).throw(OSError())\n", "connect to a port")],
)
def test_the_canary_sings(tmp_path, held, told):
    """The trial program says the first thing that it could do."""
    import socket

    secret = tmp_path / "secret"
    secret.write_text("a secret")
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        program = canary("sandlock", "python", str(secret), listener.getsockname()[1], os.getpid(), 4, "held")
        done = subprocess.run([sys.executable, "-c", held + program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == f"a program could {told}"


SLEEPER = "import signal\nprint('begun', flush=True)\nsignal.pause()  # {mark}"


async def test_a_run_that_is_cancelled_is_ended(tier):
    """Cancelling the task ends the program and whatever holds it, and the thread comes back."""
    executor = CodeExecutor(ExecutorSettings(timeout=3600, cpu=3600, tiers=(tier,)))  # what ends it is the cancelling
    async with Brain() as brain:
        await brain.register(MODULE, executor, category="phase4", priority="high", timeout=None)
        assert (await brain.submit(MODULE, "execute", "6 * 7", "python")).value == 42
        busy = "while True:\n    pass" if tier == "monty" else "import signal\nsignal.pause()"
        task = brain.submit(MODULE, "execute", busy, "python")
        while not folders():
            await brain.submit(MODULE, "tiers")
        task.cancel("not wanted")
        with pytest.raises(TaskCancelledError):
            await task
        while folders():
            await brain.submit(MODULE, "tiers")
        report = await brain.shutdown()
    assert report.abandoned == 0


@pytest.mark.slow
def test_a_program_does_not_outlive_the_process_that_asked_for_it(system):
    """When this whole process is killed, its programs end."""
    mark = f"orphan{os.getpid()}"
    code = SLEEPER.format(mark=mark)
    asking = (
        "from companion_async.cognition.code_executor.module import CodeExecutor\n"
        "from companion_async.cognition.code_executor.settings import ExecutorSettings\n"
        f"executor = CodeExecutor(ExecutorSettings(timeout=3600, tiers=({system!r},)))\n"
        "executor.tiers()\nprint('ready', flush=True)\n"
        f"executor.execute({code!r}, 'python')\n"
    )
    with subprocess.Popen([sys.executable, "-c", asking], stdout=subprocess.PIPE, text=True) as asker:
        assert asker.stdout is not None
        assert asker.stdout.readline() == "ready\n"
        while not (
            fresh := [each for each in folders(asker.pid) if any(mark in p.read_text() for p in each.rglob("main.py"))]
        ):
            select.select([], [], [], 0.01)
        launcher = processes_of(f"companion-sandbox-{asker.pid}-")
        watched = [os.pidfd_open(each) for each in launcher]
        asker.send_signal(signal.SIGKILL)
        for each in watched:
            assert select.select([each], [], [], 15)[0], "the launcher lives on"
            os.close(each)
    assert not processes_of(f"companion-sandbox-{asker.pid}-")
    for folder in folders(asker.pid):
        shutil.rmtree(folder, ignore_errors=True)  # nobody was left to do it
    assert fresh

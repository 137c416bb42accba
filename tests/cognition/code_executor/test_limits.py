from __future__ import annotations

import os
from pathlib import Path

import psutil
import pytest

from companion_async.cognition.code_executor.module import CodeExecutor
from companion_async.cognition.code_executor.settings import ExecutorSettings
from tests.cognition.code_executor.left_behind import folders, processes_at_work, processes_of

pytestmark = pytest.mark.feature("CB-45")


def test_what_does_not_end_is_ended(executor, tier):
    """An endless loop is ended at its limit."""
    done = executor.execute("while True:\n    pass", "python", timeout=0.5, tier=tier)
    assert done.limit == "time"
    assert not done.succeeded
    assert done.seconds < 10


def test_a_run_may_be_given_less_time_than_the_settings_have_and_not_more(tier):
    """A minute that is asked for is cut to the second of the settings."""
    executor = CodeExecutor(ExecutorSettings(timeout=1, cpu=3600, tiers=(tier,)))
    done = executor.execute("while True:\n    pass", "python", timeout=60)
    assert done.limit == "time"
    assert done.seconds < 60


def test_the_interpreter_ends_a_program_at_its_time_by_itself(executor):
    """With an error of its own, and not by being killed for it."""
    if not next(state.holds for state in executor.tiers() if state.tier == "monty"):
        pytest.skip("monty does not hold here")
    for _ in range(5):  # on a busy machine it may be killed before it comes to that
        done = executor.execute("while True:\n    pass", "python", timeout=1, tier="monty")
        assert done.limit == "time"
        if done.exit_status == 1:
            break
    assert (done.exit_status, "TimeoutError" in done.stderr) == (1, True), done


def test_the_processor_time_is_that_of_the_program(executor, system):
    """All that it computed is in the figure, and what it waited is not."""
    code = "import time\ntime.sleep(0.5)\nwhile time.process_time() < 0.5:\n    pass\ntime.process_time()"
    done = executor.execute(code, "python", tier=system)
    assert done.succeeded, done
    assert done.value <= done.cpu_seconds <= done.seconds - 0.4, done


def test_signals_may_be_ignored_in_vain(executor, system):
    """A program that ignores every signal it can is ended as well."""
    code = (
        "import signal\nfor each in range(1, 65):\n    try:\n        signal.signal(each, signal.SIG_IGN)\n"
        "    except (OSError, ValueError):\n        pass\nprint('deaf', flush=True)\nwhile True:\n    pass"
    )
    for seconds in (1, 4, 8):  # on a busy machine it takes a while to begin
        done = executor.execute(code, "python", timeout=seconds, tier=system)
        assert done.limit == "time"
        if done.stdout:
            break
    assert done.stdout == "deaf\n"


@pytest.mark.slow
def test_processor_time_is_limited(system):
    """A program that computes for longer than it may is ended, however long it may live."""
    executor = CodeExecutor(ExecutorSettings(cpu=1, timeout=60, tiers=(system,)))
    done = executor.execute("while True:\n    pass", "python")
    assert done.limit == "cpu", done


def test_memory_is_limited(executor, tier):
    """A program that asks for more memory than it may have fails, or is ended."""
    done = executor.execute("x = 'x' * (1024 * 1024)\nl = []\nwhile True:\n    l.append(x + x)", "python", tier=tier)
    assert done.limit == "memory" or "MemoryError" in done.stderr, done
    assert done.memory < 256 * 1024 * 1024


@pytest.mark.slow
def test_memory_of_many_processes_is_limited_together(executor, system):
    """Children that each stay within the limit are ended once they pass it together."""
    # Each tells that it has its part and keeps it; where all have, only the limit ends them.
    code = """
import os, signal
told, tell = os.pipe()
wait, go = os.pipe()
for _ in range(5):
    if not os.fork():
        os.close(go)
        x = bytearray(os.urandom(1024)) * (60 * 1024)
        os.write(tell, b"x")
        os.close(tell)
        os.read(wait, 1)
        os._exit(0)
os.close(tell)
at_once = 0
while some := os.read(told, 5):
    at_once += len(some)
if at_once == 5:
    signal.pause()
at_once
"""
    done = executor.execute(code, "python", tier=system)
    assert done.limit == "memory" or done.value < 3, done


@pytest.mark.slow
def test_a_fork_bomb_stays_within_its_bound(executor, system):
    """Processes that breed are held to their number, and gone with the program."""
    mark = f"bomb{os.getpid()}{system}"
    code = f"import os\nmark = {mark!r}\nwhile True:\n    try:\n        os.fork()\n    except OSError:\n        pass"
    done = executor.execute(code, "python", timeout=2, tier=system)
    assert done.limit in ("time", "memory"), done
    assert not folders()
    assert not processes_at_work()


def test_what_a_program_leaves_behind_is_gone_with_it(executor, system):
    """A daemon, forked twice, in a session of its own and holding stdout, neither lives on nor holds up the result."""
    mark = f"daemon{os.getpid()}"
    code = (
        "import os, sys\nbegun, begins = os.pipe()\nif not os.fork():\n    os.setsid()\n    if not os.fork():\n"
        f"        os.execv(sys.executable, [sys.executable, '-S', '-c', 'import signal; signal.pause() # {mark}'])\n"
        "    os._exit(0)\nos.close(begins)\nos.wait()\n"
        "os.read(begun, 1)  # the pipe is closed as the other program begins\nprint('done')"
    )
    done = executor.execute(code, "python", timeout=40, tier=system)
    assert (done.stdout, done.exit_status) == ("done\n", 0), done
    assert done.seconds < 30
    assert not processes_of(mark)


def test_output_is_limited(executor, tier):
    """A program that writes without end is ended, and the first of what it wrote is there."""
    done = executor.execute("while True:\n    print('x' * 1000)", "python", timeout=15, tier=tier)
    assert (done.limit, done.truncated) == ("output", True), done
    assert 0 < len(done.stdout) <= 64 * 1024
    assert done.stdout.startswith("xxx")


FILES = """
import ctypes, os, signal
def fill(then=lambda path: None):
    files = []
    for number in range(9):
        files.append(open(str(number), 'w+b'))
        then(str(number))
        files[-1].write(b'x' * (1 << 20))
        files[-1].flush()
    return files
def mapped(file):
    libc = ctypes.CDLL(None)
    libc.mmap.argtypes = [ctypes.c_size_t] * 6
    libc.mmap(0, 1 << 20, 1, 1, file.fileno(), 0)
    file.close()
"""


@pytest.mark.parametrize(
    "code",
    [
        "open('big', 'wb').write(b'x' * (3 << 20))",
        "[open(str(i), 'wb').write(b'x' * (1 << 20)) for i in range(9)]; signal.pause()",
        "[open(str(i), 'w').close() for i in range(2000)]; signal.pause()",
        "i = 0\nwhile True:\n    open(str(i := i + 1), 'w').close()",
        # Where nobody can look: in a folder that may not be read, deeper than a path is long, removed, and mapped.
        "os.mkdir('x', 0o300); os.chdir('x'); fill(); signal.pause()",
        "for _ in range(25):\n    os.mkdir('d' * 200)\n    os.chdir('d' * 200)\nfill(); signal.pause()",
        "kept = fill(os.unlink); signal.pause()",
        "kept = [mapped(file) for file in fill(os.unlink)]; signal.pause()",
    ],
    ids=["one long", "many", "many empty", "empty without end", "not to be read", "deep", "removed", "mapped"],
)
def test_files_are_limited(executor, system, code):
    """A file that is too long, and too many of them, come to an error or an end, wherever they are hidden."""
    done = executor.execute(FILES + code, "python", timeout=20, tier=system)
    assert not done.succeeded, done
    assert done.limit not in ("time", "cpu"), done
    assert done.limit != "time", done
    assert not folders()


def test_memory_that_is_in_no_process_is_not_to_be_had(executor, system):
    """What a program could keep beside its own memory, where nobody counts it, is refused."""
    code = "import os\nfd = os.memfd_create('x')\nos.write(fd, bytes(1 << 20))"
    assert "PermissionError" in executor.execute(code, "python", tier=system).stderr


def test_open_files_are_limited(executor, system):
    """A program that opens file after file gets an error of its own."""
    code = (
        "import os\nl = []\ntry:\n    while True:\n        l.append(os.dup(0))\nexcept OSError:\n    pass\n"
        "os.closerange(3, 9)\nlen(l)"
    )
    done = executor.execute(code, "python", tier=system)
    assert 0 < done.value <= 64, done


@pytest.mark.slow
def test_a_folder_deeper_than_python_can_go_is_removed(executor, system):
    """What a program has built to be hard to remove is removed."""
    code = "import os\nfor i in range(900):\n    os.mkdir('d')\n    os.chdir('d')"
    executor.execute(code, "python", tier=system)
    assert not folders()


def test_many_runs_leave_nothing(executor, tier):
    """After run upon run there is no process, no open file and no folder more than before."""
    executor.execute("1", "python", tier=tier)
    files = len(list(Path("/proc/self/fd").iterdir()))
    for number in range(5):
        assert executor.execute(f"{number} + 1", "python", tier=tier).value == number + 1
    assert len(list(Path("/proc/self/fd").iterdir())) == files
    assert not folders()
    assert not processes_at_work()
    assert not [child for child in psutil.Process().children() if child.status() == psutil.STATUS_ZOMBIE]

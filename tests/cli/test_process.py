from __future__ import annotations

import subprocess
import sys

import pytest
from loguru import logger

from companion_async.cli.process import loop_name, run, set_up_log
from companion_async.errors import InvalidArgumentError
from tests.cli.patience import PATIENCE

pytestmark = pytest.mark.feature("CB-29")


def python(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=PATIENCE, check=False)


def test_a_stuck_thread_does_not_hold_up_the_end():
    """After the grace period the process ends with its code and its output, and says which thread it left behind."""
    done = python(
        "import threading\n"
        "from companion_async.cli.process import leave\n"
        "threading.Thread(target=threading.Event().wait, name='stuck-one').start()\n"
        "print('the result')\n"
        "leave(1, grace=0.05)\n"
    )
    assert (done.returncode, done.stdout) == (1, "the result\n")
    assert done.stderr == (
        "companion: 1 thread is still running after 0.05 s (stuck-one); ending the process without waiting.\n"
    )


def test_threads_that_end_in_time_are_waited_for():
    """A thread that ends within the grace does end, and the interpreter exits as usual."""
    done = python(
        "import atexit, threading\n"
        "from companion_async.cli.process import leave\n"
        "gate = threading.Event()\n"
        "threading.Thread(target=lambda: gate.wait() and print('done')).start()\n"
        "threading.Timer(0.05, gate.set).start()\n"
        "atexit.register(print, 'as usual')\n"
        "leave(0)\n"
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "done\nas usual\n", "")


def test_an_end_into_closed_pipes_is_an_end():
    """With nobody reading and a thread stuck the process still ends with its code."""
    done = python(
        "import os, sys, threading\n"
        "from companion_async.cli.process import leave\n"
        "threading.Thread(target=threading.Event().wait).start()\n"
        "sys.stdout.close(); sys.stderr.close()\n"
        "leave(3, grace=0.01)\n"
    )
    assert done.returncode == 3


@pytest.mark.feature("U-6")
def test_commands_run_under_uvloop_where_it_is():
    """Our commands run on the loop that they say they run on."""

    async def loop_class():
        import asyncio

        return type(asyncio.get_running_loop()).__module__

    assert run(loop_class()).split(".")[0] == loop_name()


@pytest.mark.feature("U-5")
def test_the_log_is_silent_until_asked_for(capsys):
    """Without a level nothing is logged; with one the library's lines go to standard error."""
    logger.disable("companion_async")
    set_up_log(None)
    _log_from_the_library()
    set_up_log("info")
    _log_from_the_library()
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("a line of the library") == 1
    assert "INFO" in err


@pytest.mark.parametrize(("level", "said"), [(None, ""), ("ERROR", "EOF marker not found\n")])
def test_libraries_below_are_as_silent(level, said):
    """What a reader of PDF has to say of some file is no line of ours, unless the log is asked for."""
    done = python(
        "import logging\n"
        "from companion_async.cli.process import set_up_log\n"
        f"set_up_log({level!r})\n"
        "logging.getLogger('pypdf').warning('EOF marker not found')\n"
    )
    assert (done.returncode, done.stderr) == (0, said)


@pytest.mark.feature("U-5")
def test_tracebacks_hold_no_values(capsys):
    """A logged error shows where it was raised, and nothing of what the variables held there."""
    key = "hunter" + str(2)  # so that the line of source, which is shown, does not hold it
    set_up_log("error")
    try:
        raise ValueError(len(key))
    except ValueError:
        logger.exception("it failed")
    err = capsys.readouterr().err
    assert "ValueError: 7" in err
    assert "hunter2" not in err


@pytest.mark.feature("U-5")
def test_an_unknown_level_is_refused():
    """A level that does not exist is refused with the list of those that do."""
    with pytest.raises(InvalidArgumentError, match="COMPANION_LOG_LEVEL must be one of TRACE, DEBUG, INFO"):
        set_up_log("loud")


def _log_from_the_library():
    # loguru goes by the name of the module that logs.
    exec("logger.info('a line of the library')", {"__name__": "companion_async.fake", "logger": logger})

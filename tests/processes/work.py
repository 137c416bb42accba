"""Work for processes: it must be importable there, so it stands here by itself."""

from __future__ import annotations

import asyncio
import contextvars
import ctypes
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

from loguru import logger

from companion_async import BaseModule, current_task

COLOUR: contextvars.ContextVar[str] = contextvars.ContextVar("colour", default="none")
_NEVER = threading.Event()
_MOST_OPEN = 4_096  # descriptors: as many as whoever started the process may have had


def pid(*_: Any) -> int:
    return os.getpid()


def double(value: int, *, plus: int = 0) -> int:
    return 2 * value + plus


async def double_later(value: int) -> int:
    await asyncio.sleep(0)
    return 2 * value


def burn(seconds: float) -> int:
    """Compute for so much processor time."""
    until = time.process_time() + seconds
    turns = 0
    while time.process_time() < until:
        turns += 1
    return turns


def spin(_: Any = None) -> None:
    """Compute for ever, deaf to everything that can be refused."""
    for name in ("SIGTERM", "SIGINT", "SIGHUP"):
        signal.signal(getattr(signal, name), signal.SIG_IGN)
    while True:
        pass


def touch_and_spin(path: Path) -> None:
    path.write_text(str(os.getpid()))
    spin()


def heed(path: Path) -> str:
    """Go on until the task is cancelled, then leave a note."""
    path.write_text("begun")
    while True:
        try:
            current_task().check_cancelled()
        except Exception as error:
            path.write_text(f"{type(error).__name__} in {os.getpid()}")
            raise
        _NEVER.wait(0.001)


async def sleep_for_ever(path: Path) -> None:
    note = path.write_text  # a process has no other work that this would hold up
    note("begun")
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        note("cancelled")
        raise


def say(fraction: float, message: str) -> tuple[str, str, int, bool, bool]:
    task = current_task()
    task.progress(fraction, message)
    return task.id, task.module, task.attempt, task.cancelled, task.deadline is not None


def say_what_comes(folder: Path, count: int) -> int:
    """Report each of the files 0, 1, ... when it is there, and end with the one after the last."""
    for number in range(count + 1):
        while not (folder / str(number)).exists():
            _NEVER.wait(0.001)
        if number < count:
            current_task().progress((number + 1) / count)
    return count


def submit_more() -> None:
    current_task().submit("m", "run")


def wait_for(task: Any) -> None:
    current_task().wait(task)


def colour() -> str:
    return COLOUR.get()


def size_of(data: bytes) -> int:
    return len(data)


def bytes_of(size: int) -> bytes:
    return bytes(size)


def fail(text: str) -> None:
    raise ValueError(text)


def fail_until(path: Path, attempt: int) -> int:
    """Fail in every attempt before that one."""
    if current_task().attempt < attempt:
        raise OSError(f"attempt {current_task().attempt}")
    return current_task().attempt


class Stubborn(Exception):
    """Pickles, and cannot be made again."""

    def __init__(self, one: int, two: int) -> None:
        super().__init__(f"{one} and {two}")


class Locked(Exception):
    """Cannot be pickled."""

    def __init__(self) -> None:
        super().__init__("it holds a socket")
        self.socket = socket.socket
        self.secret = lambda: None


def fail_stubborn() -> None:
    raise Stubborn(1, 2)


def fail_locked() -> None:
    raise Locked


def leave() -> None:
    sys.exit(4)


def unpicklable() -> Any:
    return lambda: None


def hard_exit(code: int) -> None:
    os._exit(code)


def kill_own(number: int) -> None:
    os.kill(os.getpid(), number)


def segfault() -> None:
    ctypes.string_at(0)


def kill_own_unless(good: bool) -> str:
    if not good:
        os.kill(os.getpid(), signal.SIGSEGV)
    return "good"


def hoard(size: int) -> int:
    return len(bytearray(size))


def babble() -> str:
    """Write into every connection that this process has."""
    for number in range(3, _MOST_OPEN):
        try:
            os.write(number, b"x" * 64)
        except OSError:
            continue
    _NEVER.wait(60)
    return "survived"


def hang_up(path: Path) -> None:
    """Close everything, and go on."""
    path.write_text(str(os.getpid()))
    os.closerange(0, _MOST_OPEN)
    _NEVER.wait()


def close_standard() -> str:
    sys.stdin.close()
    os.close(1)
    return "closed"


def have_child(path: Path) -> None:
    """Start a process that outlives this one, with all of its connections, and crash."""
    child = os.fork()
    if child == 0:
        while True:
            _NEVER.wait(1)
    path.write_text(str(child))
    os._exit(9)


def start_program(path: Path) -> None:
    child = subprocess.Popen([sys.executable, "-c", "import threading; threading.Event().wait(600)"])
    path.write_text(str(child.pid))
    spin()


def count_to(number: int) -> Iterator[int]:
    yield from range(number)


def count_and_note(number: int, path: Path) -> Iterator[int]:
    """Note how far it has come before each item."""
    for count in range(number):
        path.write_text(str(count))
        yield count


async def count_later(number: int) -> AsyncIterator[int]:
    for count in range(number):
        await asyncio.sleep(0)
        yield count


def break_off(number: int) -> Iterator[int]:
    yield from range(number)
    raise ValueError("broke off")


def log_a_line() -> None:
    logger.bind(colour="red").warning("a warning of loguru {}", "{with braces}")
    logging.getLogger("tests.processes").error("an error of %s", "logging")


class Counter(BaseModule):
    """Counts its runs, and notes its life in a file."""

    def __init__(self) -> None:
        self.count = 0

    async def start(self) -> None:
        self.count = 100

    def stop(self) -> None:
        note = os.environ.get("TEST_NOTES")
        if note:
            with Path(note).open("a") as file:
                file.write(f"stopped {os.getpid()} at {self.count}\n")

    def run(self) -> tuple[int, int]:
        self.count += 1
        return self.count, os.getpid()

    def ask_brain(self) -> Any:
        return self.brain.status()


class Picky(BaseModule):
    """Starts only if a file is there, is well only if it says so."""

    def start(self) -> None:
        if not Path(os.environ["TEST_PICKY"]).exists():
            raise OSError("no file")

    def health(self) -> None:
        text = Path(os.environ["TEST_PICKY"]).read_text()
        if text != "well":
            raise RuntimeError(text)

    def run(self) -> str:
        return "ran"


class Rated:
    """Made by a factory."""

    def __init__(self, rate: int) -> None:
        self.rate = rate

    def run(self, value: int) -> int:
        return value * self.rate


def rated() -> Rated:
    return Rated(3)


def multiply(folder: Path) -> None:
    """Become eight, none of which ends."""
    for _ in range(3):
        os.fork()
    (folder / str(os.getpid())).touch()
    _NEVER.wait()

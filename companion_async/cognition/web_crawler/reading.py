"""Reads pages in a child process, which is replaced when a page is too much for it."""

from __future__ import annotations

import contextlib
import json
import os
import select
import subprocess
import sys
import threading
import time
from pathlib import Path

import msgspec

_CHILD = Path(__file__).with_name("reading_child.py")
_SECONDS = 15.0  # for one page; the first one comes with the import of the libraries
_CHUNK = 65536


class UnreadableError(Exception):
    """The page was too much: it took too long, or more memory than it may."""


class Reading(msgspec.Struct, frozen=True):
    """What was read in a page. Links and images as they stand there."""

    charset: str = ""
    text: str = ""
    title: str = ""
    author: str = ""
    date: str = ""
    description: str = ""
    language: str = ""
    base: str = ""
    links: tuple[str, ...] = ()
    images: tuple[str, ...] = ()
    failed: str = ""


class PageReader:
    """One child process, started with the first page. Blocks: for worker threads, any of them."""

    def __init__(self, seconds: float = _SECONDS) -> None:
        self._seconds = seconds
        self._lock = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None

    def read(self, content: bytes, charset: str, is_html: bool) -> Reading:
        """Read a page; `UnreadableError`, and a new child for the next one, where that takes too long."""
        options = json.dumps({"charset": charset, "html": is_html}).encode()
        message = len(options).to_bytes(4, "big") + len(content).to_bytes(4, "big") + options + content
        with self._lock:
            child = self._running()
            try:
                answer = _exchange(child, message, time.monotonic() + self._seconds)
                reading = msgspec.json.decode(answer, type=Reading)
            except (OSError, msgspec.MsgspecError, UnreadableError):
                self._end()
                raise UnreadableError from None
        if reading.failed:
            raise UnreadableError
        return reading

    def close(self) -> None:
        """End the child."""
        with self._lock:
            self._end()

    def _running(self) -> subprocess.Popen[bytes]:
        if self._child is None or self._child.poll() is not None:
            self._end()
            self._child = subprocess.Popen(
                [sys.executable, "-I", str(_CHILD)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={"LC_CTYPE": "C.UTF-8"},
                start_new_session=True,
                bufsize=0,
            )
        return self._child

    def _end(self) -> None:
        child, self._child = self._child, None
        if child is not None:
            child.kill()
            with child:
                pass


def _exchange(child: subprocess.Popen[bytes], message: bytes, until: float) -> bytes:
    if child.stdin is None or child.stdout is None:
        raise AssertionError("both were asked for")
    into, out = child.stdin.fileno(), child.stdout.fileno()
    os.set_blocking(into, False)
    answer, unsent = bytearray(), memoryview(message)
    while len(answer) < 4 or len(answer) < 4 + int.from_bytes(answer[:4], "big"):
        left = until - time.monotonic()
        readable, writable, _ = select.select([out], [into] if unsent else [], [], max(0.0, left))
        if not readable and not writable:
            raise UnreadableError
        if writable:
            with contextlib.suppress(BlockingIOError):
                unsent = unsent[os.write(into, unsent[:_CHUNK]) :]
        if readable:
            chunk = os.read(out, _CHUNK)
            if not chunk:
                raise UnreadableError
            answer += chunk
    return bytes(answer[4:])

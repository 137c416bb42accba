"""A terminal that a test types in and reads from."""

from __future__ import annotations

import os
import select
import subprocess
import time

import pytest

from tests.cli.patience import PATIENCE

pty = pytest.importorskip("pty", reason="terminals of this kind are not known here")


class Terminal:
    """A command in a terminal of its own."""

    def __init__(self, command, **env):
        self._master, slave = pty.openpty()
        self.process = subprocess.Popen(
            command,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            preexec_fn=lambda: own_terminal(slave),
            env={**os.environ, "TERM": "xterm", "COLUMNS": "80", **env},
        )
        os.close(slave)
        self._unseen = ""

    def type(self, text):
        os.write(self._master, text.encode())

    def see(self, text, seconds=PATIENCE):
        """Wait until ``text`` comes on the page, behind what was seen before; all that came until then."""
        end = time.monotonic() + seconds
        while text not in self._unseen:
            ready, _, _ = select.select([self._master], [], [], max(0.0, end - time.monotonic()))
            assert ready, f"{text!r} did not come; there is {self._unseen!r}"
            self._unseen += os.read(self._master, 65536).decode(errors="replace")
        seen, _, self._unseen = self._unseen.partition(text)
        return seen + text

    def interrupt(self, answer):
        """Press Ctrl-C until ``answer()`` comes. Python's `input` overlooks one that falls into the instant before it
        begins to listen, and takes it in with the next.
        """
        for _ in range(5):
            self.type("\x03")
            try:
                return answer()
            except (AssertionError, subprocess.TimeoutExpired):
                continue
        raise AssertionError(f"Ctrl-C has no effect; there is {self._unseen!r}")

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self._master)


def own_terminal(slave):
    """Make it the terminal of the process that calls, as its first act."""
    import fcntl
    import termios

    fcntl.ioctl(slave, termios.TIOCSCTTY, 0)

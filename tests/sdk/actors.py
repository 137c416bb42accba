"""Modules and gates that the tests of the facades play with."""

from __future__ import annotations

import threading

from companion_async.modules.module import BaseModule

PATIENCE = 30.0  # real seconds; a test that needs them has failed


class Gate:
    """Work that stays where it is until the test lets it go."""

    def __init__(self):
        self._entered = threading.Semaphore(0)
        self._open = threading.Event()

    def __call__(self, value=None):
        self._entered.release()
        assert self._open.wait(PATIENCE), "the test never opened the gate"
        return value

    def wait_for(self, count=1):
        """Return when ``count`` more runs stand in the gate."""
        for _ in range(count):
            assert self._entered.acquire(timeout=PATIENCE), "the work never came to the gate"

    def open(self):
        self._open.set()


class Actor(BaseModule):
    """Returns what it is given, fails, or stands in its gate."""

    def __init__(self, agent_state=None):
        super().__init__(agent_state)
        self.gate = Gate()
        self.lives = []

    def start(self):
        self.lives.append("started")

    def stop(self):
        self.lives.append("stopped")

    def run(self, value=None, *, again=1):
        return [value] * again if again > 1 else value

    def fail(self, text="no"):
        raise ValueError(text)

    def hold(self, value=None):
        return self.gate(value)

    async def answer(self, value):
        return value

    def count(self, to):
        yield from range(to)

    def _secret(self):
        return "never"

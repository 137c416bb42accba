"""Modules that tell what happens to them, and how they are made live; `conftest` hands them to each test afresh."""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar

from companion_async.modules.module import BaseModule

GRACE = 5.0
START_TIMEOUT = 60.0
BRAIN = object()


class Trace:
    """What happened: steps of instances in ``log``, moves of states in ``moves``. ``fails`` makes steps raise."""

    def __init__(self) -> None:
        self.log: list[str] = []
        self.moves: list[str] = []
        self.fails: dict[str, BaseException] = {}

    def on_change(self, module: Any, old: str, new: str) -> None:
        assert module.state is new
        self.moves.append(f"{old}>{new}")


class Traced(BaseModule):
    """Each step is logged, and raises if the trace says so."""

    trace: ClassVar[Trace]

    def __init__(self) -> None:
        self.number = self.trace.log.count("made") + 1
        self.step("made")

    def step(self, name: str) -> None:
        self.trace.log.append(name)
        if name in self.trace.fails:
            raise self.trace.fails[name]

    def start(self) -> None:
        self.step("start")

    async def stop(self) -> None:
        self.step("stop")

    async def health(self) -> None:
        self.step("health")

    def run(self) -> int:
        return self.number


class Stuck(BaseModule):
    """The hook named ``at`` waits for ever, or, if it is ``stubborn``, until ``release``, heedless of cancellation."""

    trace: ClassVar[Trace]
    at: ClassVar[str]
    stubborn: ClassVar[bool] = False
    release: ClassVar[asyncio.Event]

    async def start(self) -> None:
        await self.perhaps("start")

    async def stop(self) -> None:
        await self.perhaps("stop")

    async def health(self) -> None:
        await self.perhaps("health")

    async def perhaps(self, hook: str) -> None:
        self.trace.log.append(hook)
        while hook == self.at:
            try:
                await self.release.wait()
                return
            except asyncio.CancelledError:
                if not self.stubborn:
                    raise

"""What is there when the fragment of docs/processes.md begins: a brain, a module that computes, and a file for it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from companion_async import BaseModule, Brain
from tests.documents.staging import Stage


class Thumbnails(BaseModule):
    def run(self, path: Path) -> bytes:
        return path.read_bytes()[:16]


def picture() -> Path:
    path = Path("picture").absolute()
    path.write_bytes(b"a picture" * 100)
    return path


@asynccontextmanager
async def stage() -> AsyncIterator[Stage]:
    async with Brain() as brain:
        yield Stage(names={"brain": brain, "Thumbnails": Thumbnails, "path": picture()})

"""The companion behind our commands: from flags, file and environment to one that has read its documents."""

from __future__ import annotations

import platform
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from companion_async.cli.process import GRACE
from companion_async.companion.companion import CompanionBrain
from companion_async.companion.config import CompanionConfig


@asynccontextmanager
async def running(config: CompanionConfig) -> AsyncIterator[CompanionBrain]:
    """A companion for the length of a command.

    At its end nothing is left that anybody waits for, so work that still goes on, as after Ctrl-C, gets the grace of
    a moment and not the time that a service would give it.
    """
    companion = CompanionBrain(config)
    await companion.start()
    try:
        yield companion
    finally:
        await companion.shutdown(timeout=GRACE)


def load_config(docs: Iterable[Path], path: Path | None) -> CompanionConfig:
    """The config of the file and the environment, with the documents of the command line in place of theirs."""
    config = CompanionConfig.load(path)
    documents = tuple(map(str, docs))
    if not documents:
        return config
    knowledge = msgspec.structs.replace(config.knowledge, documents=documents)
    return msgspec.structs.replace(config, knowledge=knowledge)


def what_is_read(config: CompanionConfig) -> str:
    """What the companion will read, in a few words."""
    documents = config.knowledge.documents
    if not documents:
        return f"Reading the documentation of Python {platform.python_version()}"
    return f"Reading {documents[0]}" + (f" and {len(documents) - 1} more" if len(documents) > 1 else "")

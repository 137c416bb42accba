"""The companion behind our commands: from flags, file and environment to one that has read its documents."""

from __future__ import annotations

import platform
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from companion_async.cli.console import complain
from companion_async.cli.process import GRACE
from companion_async.companion.answer import Learned, Progress
from companion_async.companion.companion import CompanionBrain
from companion_async.companion.config import CompanionConfig
from companion_async.errors import InvalidArgumentError


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


def load_config(docs: Sequence[str] | None, path: Path | None) -> CompanionConfig:
    """The config of the file and the environment, with the documents of the command line in place of theirs."""
    config = CompanionConfig.load(path)
    if docs is None:
        return config
    if not docs or not all(each.strip() for each in docs):
        raise InvalidArgumentError("--docs needs the path of a file or folder, and an empty one is none.")
    knowledge = msgspec.structs.replace(config.knowledge, documents=tuple(docs))
    return msgspec.structs.replace(config, knowledge=knowledge)


async def read(companion: CompanionBrain, on_progress: Callable[[Progress], object]) -> Learned:
    """Have the companion read what it is to read. If that was named and there is nothing to be read, it is misuse."""
    learned = await companion.learn(on_progress=on_progress)
    named = companion.config.knowledge.documents
    if named and not (learned.documents or learned.unchanged):
        raise InvalidArgumentError("; ".join(learned.notes[:3]) or f"there is no text in {', '.join(named[:3])}.")
    return learned


def tell(learned: Learned, config: CompanionConfig) -> None:
    """Say what was left out of documents that were named."""
    for note in learned.notes if config.knowledge.documents else ():
        complain(note)


def what_is_read(config: CompanionConfig) -> str:
    """What the companion will read, in a few words."""
    documents = config.knowledge.documents
    if not documents:
        return f"Reading the documentation of Python {platform.python_version()}"
    return f"Reading {documents[0]}" + (f" and {len(documents) - 1} more" if len(documents) > 1 else "")

"""The companion behind our commands: from flags, file and environment to one that has read its documents."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import msgspec

from companion_async.companion.config import CompanionConfig


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
    import platform

    documents = config.knowledge.documents
    if not documents:
        return f"Reading the documentation of Python {platform.python_version()}"
    return f"Reading {documents[0]}" + (f" and {len(documents) - 1} more" if len(documents) > 1 else "")

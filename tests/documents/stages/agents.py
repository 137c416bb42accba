"""What is there when a fragment of docs/agents.md begins: an agent's modules, each alone, in one brain."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from companion_async import CompanionBrain, CompanionConfig
from tests.documents.staging import Stage


@asynccontextmanager
async def stage() -> AsyncIterator[Stage]:
    async with CompanionBrain(CompanionConfig(plugins=False)) as brain:
        yield Stage(names={"brain": brain})

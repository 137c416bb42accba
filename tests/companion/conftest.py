from __future__ import annotations

import pytest

from companion_async.companion.companion import CompanionBrain
from companion_async.companion.config import CompanionConfig, KnowledgeSettings

TEA = """# Tea

## Brewing green tea
Green tea is brewed with water of 70 degrees for two minutes. Hotter water makes it bitter.

## Brewing black tea
Black tea is brewed with boiling water for four minutes.
"""
COFFEE = """# Coffee

## Espresso
An espresso is pressed through the machine at nine bar within 25 seconds.

## Cold brew
Cold brew coffee steeps in cold water for sixteen hours in the fridge.
"""


@pytest.fixture
def documents(tmp_path):
    """A folder with two small documents."""
    folder = tmp_path / "documents"
    folder.mkdir()
    (folder / "tea.md").write_text(TEA, encoding="utf-8")
    (folder / "coffee.md").write_text(COFFEE, encoding="utf-8")
    return folder


@pytest.fixture
async def companion(documents):
    """A companion whose configured documents are that folder."""
    config = CompanionConfig(knowledge=KnowledgeSettings(documents=(str(documents),)), default_timeout=200)
    async with CompanionBrain(config) as companion:
        yield companion

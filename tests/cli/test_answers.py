"""What stands under an answer in the terminal."""

from __future__ import annotations

import importlib.util

import pytest
from rich.console import Console

from companion_async.cli.answers import answer_page
from companion_async.companion.companion import CompanionBrain
from companion_async.companion.config import AnsweringSettings, CompanionConfig, KnowledgeSettings


def shown(answer):
    out = Console(width=200)
    with out.capture() as capture:
        out.print(answer_page(answer))
    return capture.get()


@pytest.fixture
def config(tmp_path):
    (tmp_path / "tea.md").write_text("# Tea\n\nGreen tea is brewed with water of 70 degrees.", encoding="utf-8")
    return CompanionConfig(knowledge=KnowledgeSettings(documents=(str(tmp_path),)))


async def test_what_would_have_helped_is_told_with_the_line_that_brings_it(config, monkeypatch):
    """A sum that nobody here can work out: the module that could, and the command."""
    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *more: None if name == "sympy" else real(name, *more))
    async with CompanionBrain(config) as brain:
        page = shown(await brain.ask("What is 15% of 80?"))
    assert "advanced_reasoning is made for such questions, and is not installed" in page
    assert "pip install 'companion-async[reason]'" in page


async def test_what_was_left_out_on_purpose_is_not_advertised(config):
    """Who has it installed and does not want it used gets no command."""
    left_out = AnsweringSettings(left_out=("advanced_reasoning",))
    async with CompanionBrain(CompanionConfig(knowledge=config.knowledge, answering=left_out)) as brain:
        answer = await brain.ask("What is 15% of 80?")
    assert answer.decision.off == ("advanced_reasoning",)
    assert "pip install" not in shown(answer)

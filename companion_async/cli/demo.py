"""``companion demo``: the main job, from an empty index to answers, with everything that can be watched on the way."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
from rich.console import Console
from rich.rule import Rule
from rich.text import Text

from companion_async.cli.answers import answer_page
from companion_async.cli.companion import load_config, what_is_read
from companion_async.cli.console import console
from companion_async.cli.process import OK, loop_name
from companion_async.cli.reading import ReadingDisplay
from companion_async.cli.tables import decisions_table, seconds, threads_table
from companion_async.companion.answer import Learned, Progress
from companion_async.companion.companion import CompanionBrain
from companion_async.companion.config import CompanionConfig

QUESTIONS = (
    "How do I read the members of a zip file?",
    "How do I run a function in another thread from asyncio?",
    "How do I parse command line arguments?",
    "How can I delete a folder with everything in it?",
    "How do I find the differences between two texts?",
    "What is the fastest way to keep a list sorted?",
)

# A demonstration lasts seconds: with the usual ten between its looks the decision loop would sleep through it.
_DECISION_INTERVAL = 1.0
_HEALTH_INTERVAL = 0.5


async def demonstrate(docs: Sequence[Path], config_path: Path | None) -> int:
    """Read, ask, show the threads and the decisions. Ends by itself."""
    out = console()
    began = time.monotonic()
    config = _attentive(load_config(docs, config_path))
    async with CompanionBrain(config) as companion:
        out.print(Text(_setting(config), style="dim"))
        out.print()
        busiest: dict[str, int] = {}
        learned = await _read(companion, config, out, busiest)
        out.print(_read_line(learned, busiest))
        for number, question in enumerate(QUESTIONS, 1):
            out.print()
            out.print(Text.assemble((f"{number}  ", "dim"), (question, "bold")))
            out.print(answer_page(await companion.ask(question, limit=3)))
        out.print()
        _show_runtime(companion, out)
    out.print(Text(f"Everything took {seconds(time.monotonic() - began)}.", style="dim"))
    return OK


def _attentive(config: CompanionConfig) -> CompanionConfig:
    return msgspec.structs.replace(
        config,
        decision_interval=min(config.decision_interval, _DECISION_INTERVAL),
        health_interval=min(config.health_interval, _HEALTH_INTERVAL),
    )


def _setting(config: CompanionConfig) -> str:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    models = ", ".join(endpoint.name for endpoint in config.models.endpoints) or "none, answers are quoted"
    return (
        f"Python {platform.python_version()} on {loop_name()}, {cores} {'core' if cores == 1 else 'cores'}; "
        f"at most {config.max_threads} threads; models: {models}"
    )


async def _read(companion: CompanionBrain, config: CompanionConfig, out: Console, busiest: dict[str, int]) -> Learned:
    with ReadingDisplay(out, what_is_read(config)) as display:

        def show(progress: Progress) -> None:
            busy = {name: category.active for name, category in companion.status().categories.items()}
            busiest.update({name: active for name, active in busy.items() if active > busiest.get(name, 0)})
            display(progress)

        return await companion.learn(on_progress=show)


def _read_line(learned: Learned, busiest: Mapping[str, int]) -> Text:
    busy = ", ".join(f"{name} {active}" for name, active in busiest.items() if active)
    return Text.assemble(
        (f"Read {learned.documents:,} passages", "bold"),
        f" in {seconds(learned.seconds)}, {learned.shares} shares in parallel",
        (f" (threads busy at once: {busy})" if busy else "", "dim"),
    )


def _show_runtime(companion: CompanionBrain, out: Console) -> None:
    status = companion.status()
    modules = {name: companion.module_status(name).to_dict() for name in status.module_threads}
    out.print(Rule("threads", style="dim"))
    out.print(threads_table(status.to_dict(), modules))
    out.print()
    decisions = companion.decisions(limit=20)
    out.print(Rule("decisions", style="dim"))
    if decisions:
        out.print(decisions_table([decision.to_dict() for decision in decisions]))
    else:
        out.print(f"None were needed; the brain looked every {seconds(companion.config.decision_interval)}.")

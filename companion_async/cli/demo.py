"""``companion demo``: the main job, from an empty index to answers, with everything that can be watched on the way."""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console
from rich.rule import Rule
from rich.text import Text

from companion_async.cli.answers import answer_page
from companion_async.cli.companion import load_config, read, running, tell, what_is_read
from companion_async.cli.console import console, prose
from companion_async.cli.process import OK, loop_name
from companion_async.cli.reading import ReadingDisplay
from companion_async.cli.tables import decisions_table, seconds, threads_table
from companion_async.companion.answer import Learned
from companion_async.companion.companion import CompanionBrain
from companion_async.companion.config import CompanionConfig
from companion_async.scheduling.task import Task

QUESTIONS = (
    "How do I read the members of a zip file?",
    "Can it be encrypted with a password?",
    "How do I run a function in another thread from asyncio?",
    "How do I parse command line arguments?",
    "How can I delete a folder with everything in it?",
    "What is the best way to keep a list sorted?",
)
"""The second one is only understood in the light of the first."""

_CONVERSATION = "demo"
_SOURCES = 3
_VERBS = ("open", "read", "write", "copy", "compress", "parse", "sort", "compare", "encode", "lock")
_NOUNS = ("file", "folder", "text", "number", "date", "list", "socket", "process", "thread", "table")

# A demonstration lasts seconds: with the usual ten between its looks the decision loop would sleep through it.
_DECISION_INTERVAL = 1.0
_HEALTH_INTERVAL = 0.5


async def demonstrate(docs: Sequence[str] | None, config_path: Path | None) -> int:
    """Read, ask, let the urgent overtake the many, show the threads and the decisions. Ends by itself."""
    out = console()
    began = time.monotonic()
    config = _attentive(load_config(docs, config_path))
    async with running(config) as companion:
        out.print(Text(_setting(config), style="dim"))
        out.print()
        with ReadingDisplay(out, what_is_read(config), companion.status) as display:
            learned = await read(companion, display)
        tell(learned, config)
        out.print(prose(_read_line(learned, display.busiest)))
        for number, question in enumerate(QUESTIONS, 1):
            out.print()
            out.print(Text.assemble((f"{number} ", "dim"), (question, "bold")))
            answer = await companion.chat(question, conversation=_CONVERSATION, limit=_SOURCES)
            out.print(answer_page(answer))
        out.print()
        out.print(prose(await _rush(companion)))
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
    models = ", ".join(endpoint.name for endpoint in config.models.endpoints) or "none (answers are quoted)"
    return (
        f"Python {platform.python_version()}, {loop_name()}, {cores} {'core' if cores == 1 else 'cores'}, "
        f"at most {config.max_threads} threads, models: {models}"
    )


def _read_line(learned: Learned, busiest: Mapping[str, int]) -> Text:
    busy = ", ".join(f"{count} of {name}" for name, count in busiest.items() if count)
    passages = "1 passage" if learned.documents == 1 else f"{learned.documents:,} passages"
    shares = "1 share" if learned.shares == 1 else f"{learned.shares} shares"
    return Text.assemble(
        (f"Read {passages}", "bold"),
        f" in {seconds(learned.seconds)}, in {shares}",
        (f" (threads busy at once: {busy})" if busy else "", "dim"),
    )


async def _rush(companion: CompanionBrain) -> Text:
    """A hundred searches that can wait, and behind them a few that cannot."""
    queries = [f"{verb} {noun}" for verb, noun in product(_VERBS, _NOUNS)]
    began = time.monotonic()
    patient = [companion.submit("search_engine", "search", query, 5, priority="low") for query in queries]
    urgent = [companion.submit("search_engine", "search", query, 5, priority="critical") for query in QUESTIONS]
    for task in (*patient, *urgent):
        await task
    took = time.monotonic() - began
    return Text.assemble(
        (f"{len(patient)} searches at low priority and, behind them, {len(urgent)} critical ones", "bold"),
        f": all found in {seconds(took)}. In the middle the low ones waited {seconds(_waited(patient))} for a thread, "
        f"the critical ones {seconds(_waited(urgent))}.",
    )


def _waited(tasks: Sequence[Task[Any]]) -> float:
    spans = [task.started_at - task.submitted_at for task in tasks if task.started_at is not None]
    return statistics.median(span.total_seconds() for span in spans)


def _show_runtime(companion: CompanionBrain, out: Console) -> None:
    status = companion.status()
    modules = {name: companion.module_status(name).to_dict() for name in status.module_threads}
    out.print(prose(Rule("threads", style="dim")))
    out.print(threads_table(status.to_dict(), modules))
    out.print()
    decisions = companion.decisions(limit=20)
    out.print(prose(Rule("decisions", style="dim")))
    if decisions:
        out.print(decisions_table([decision.to_dict() for decision in decisions]))
    else:
        out.print(f"None were needed; the brain looked every {seconds(companion.config.decision_interval)}.")
    out.print()

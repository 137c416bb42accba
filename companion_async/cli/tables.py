"""Status pictures as tables. They are given as plain JSON, so a brain at hand and a server far away look the same."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

Plain = Mapping[str, Any]

_STATE_STYLES = {"running": "green", "paused": "yellow", "error": "red", "stopped": "red", "quarantined": "red"}
_QUIET = "dim"


def threads_table(status: Plain, modules: Mapping[str, Plain]) -> RenderableType:
    """The categories that have modules or threads, each with its modules under it, and a line for the whole house."""
    table = _table("threads")
    for heading in ("busy", "idle", "limit", "queued", "tasks", "p50", "p95"):
        table.add_column(heading, justify="right", no_wrap=True)
    unused = 0
    for name, category in status["categories"].items():
        inside = [module for module in modules.values() if module["category"] == name]
        if not inside and not category["total"]:
            unused += 1
            continue
        _add_category(table, name, category, inside)
    table.add_section()
    stats = status["stats"]
    # What runs on the loop is busy and has no thread, so that there may be more busy than there are threads.
    idle = max(0, status["total_threads"] - status["active_threads"] - status["abandoned_threads"])
    done = _count(stats["total_tasks_completed"] + stats["total_tasks_failed"])
    figures = (str(status["active_threads"]), str(idle), str(status["max_threads"]), str(status["pending_tasks"]))
    table.add_row("all", *figures, done, style="bold")
    return Group(table, Text(_house_line(status, unused), style=_QUIET))


def _add_category(table: Table, name: str, category: Plain, inside: Sequence[Plain]) -> None:
    heading = Text(name, style="bold")
    if category["abandoned"]:
        heading.append(f" ({category['abandoned']} abandoned)", style="yellow")
    idle = str(max(0, category["total"] - category["active"]))
    tasks = sum(module["tasks_completed"] + module["tasks_failed"] for module in inside)
    table.add_row(heading, str(category["active"]), idle, str(category["max"]), str(category["queued"]), _count(tasks))
    for module in inside:
        done = _count(module["tasks_completed"] + module["tasks_failed"])
        spans = module.get("run_seconds") or {}
        span = (seconds(spans.get("p50")), seconds(spans.get("p95")))
        table.add_row(f"  {module['name']}", "", "", "", "", done, *span, style=_QUIET)


def _house_line(status: Plain, unused: int) -> str:
    parts = [f"up {seconds(status['uptime'])}"]
    if status.get("loop_lag_p99") is not None:
        parts.append(f"loop late by {seconds(status['loop_lag_p99'])} at p99")
    if status.get("memory_bytes"):
        parts.append(f"{status['memory_bytes'] / 2**20:,.0f} MiB")
    stats = status["stats"]
    parts.append(
        f"{_count(stats['total_threads_created'])} threads started, {_count(stats['threads_restarted'])} replaced"
    )
    if unused:
        parts.append(f"{unused} {'category' if unused == 1 else 'categories'} without threads")
    return " · ".join(parts)


def modules_table(modules: Iterable[Plain]) -> RenderableType:
    """How each module is doing."""
    table = _table("module", "state", "category")
    for heading in ("queued", "done", "failed", "success"):
        table.add_column(heading, justify="right", no_wrap=True)
    for module in modules:
        state = Text(module["state"], style=_STATE_STYLES.get(module["state"], "yellow"))
        failed = Text(_count(module["tasks_failed"]), style="red" if module["tasks_failed"] else "")
        table.add_row(
            Text(module["name"], style="bold"),
            state,
            module["category"],
            _count(module["queue_size"]),
            _count(module["tasks_completed"]),
            failed,
            _share(module["success_rate"]),
        )
    return table


def decisions_table(decisions: Sequence[Plain]) -> RenderableType:
    """Each decision with its reason and what came of it."""
    table = _table("at", "decision", "about")
    table.add_column("why, and what came of it", ratio=1)
    for decision in decisions:
        style = "" if decision["applied"] else _QUIET
        about = Text(decision["context"], style=style)
        table.add_row(clock(decision["timestamp"]), Text(decision["type"], style=style), about, _reason(decision))
    return table


def _reason(decision: Plain) -> Text:
    text = Text(decision["reason"])
    if not decision["applied"]:
        text.append(f" (not applied{': ' + decision['error'] if decision.get('error') else ''})", style="yellow")
    outcome = decision.get("outcome")
    if outcome:
        verdict = {True: "as expected", False: "not as expected", None: "could not be measured"}[outcome["met"]]
        figures = f"{outcome['metric']} {_figure(outcome['before'])} -> {_figure(outcome['after'])}"
        style = "green" if outcome["met"] else "yellow"
        text.append(f"\n{figures} after {seconds(outcome['seconds'])}: {verdict}", style=style)
    return text


def seconds(value: float | None) -> str:
    """A duration with a unit that suits it; a dash for none."""
    if value is None:
        return "-"
    if value < 0.001:
        return f"{value * 1e6:.0f} us"
    if value < 1:
        return f"{value * 1e3:.1f} ms" if value < 0.01 else f"{value * 1e3:.0f} ms"
    if value < 120:
        return f"{value:.1f} s"
    return f"{value / 60:.0f} min" if value < 7200 else f"{value / 3600:.1f} h"


def clock(timestamp: str) -> str:
    """The time of day in a UTC timestamp, to the second."""
    return timestamp[11:19] or timestamp


def _figure(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _share(value: float) -> str:
    # 0.995 rounded to 100 % would hide the failures.
    return "100%" if value == 1 else f"{min(value, 0.999):.1%}"


def _count(value: int) -> str:
    return f"{value:,}"


def _table(*headings: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, header_style="bold", padding=(0, 1, 0, 0), show_edge=False)
    for heading in headings:
        table.add_column(heading, no_wrap=True)
    return table

"""An answer for people: the text, the sources under it, and how long each step took."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from companion_async.cli.console import prose
from companion_async.cli.tables import seconds
from companion_async.companion.answer import Answer, Source
from companion_async.companion.built_in import lacking

_QUIET = "dim"


def answer_page(answer: Answer) -> RenderableType:
    """The answer, indented under its question."""
    return Padding(Group(prose(Text(answer.text)), Text(), answer_foot(answer)), (0, 0, 0, 2), expand=False)


def answer_foot(answer: Answer) -> RenderableType:
    """What stands under the text of an answer: sources, remarks, timings."""
    parts: list[RenderableType] = []
    if answer.sources:
        parts.append(_sources(answer.sources))
    elif answer.origin:
        parts.append(prose(Text(answer.origin, style=_QUIET if answer.steps else "yellow")))
    if answer.note:
        parts.append(prose(Text(answer.note, style="yellow")))
    for name, command in lacking(answer.decision.off).items():
        parts.append(
            prose(Text(f"{name} is made for such questions, and is not installed:\n{command}", style="yellow"))
        )
    parts.append(Text(_timing(answer), style=_QUIET))
    return Group(*parts)


def _sources(sources: tuple[Source, ...]) -> RenderableType:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True, style=_QUIET)
    table.add_column(overflow="fold", style="cyan")
    table.add_column(overflow="fold", style=_QUIET)
    for number, source in enumerate(sources, 1):
        table.add_row(Text(f"[{number}]"), Text(source.title), Text(source.location))
    return table


def _timing(answer: Answer) -> str:
    steps = ", ".join(f"{step} {seconds(span)}" for step, span in answer.timings.items())
    return f"{answer.responder} in {seconds(answer.seconds)}" + (f" ({steps})" if steps else "")

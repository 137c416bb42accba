"""How far a reading is: a live bar over the threads at work on a terminal, a few plain lines anywhere else."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Self

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, ProgressColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar
from rich.table import Column
from rich.text import Text

from companion_async.companion.answer import Progress
from companion_async.status.system import SystemStatus

_LOOK_EVERY = 0.05  # seconds; a look at all threads costs more than a step of the bar


class ReadingDisplay:
    """Shows each `Progress` it is called with, until the block ends. On a terminal nothing of it stays behind.

    ``status`` is asked for the threads at work; ``busiest`` holds the most that were seen busy at once, by category.
    Without a terminal there is a line at every quarter, or nothing where ``plain`` is false.
    """

    def __init__(self, console: Console, what: str, status: Callable[[], SystemStatus], *, plain: bool = True) -> None:
        self.busiest: dict[str, int] = {}
        self._console = console
        self._what = what
        self._status = status
        self._plain = plain and not console.is_terminal
        self._quarters = 0
        self._looked = 0.0
        columns: tuple[ProgressColumn, ...] = (
            BarColumn(bar_width=None, table_column=Column(ratio=1)),
            MofNCompleteColumn(),
            TextColumn("{task.fields[documents]:,} passages"),
            TimeElapsedColumn(),
        )
        self._bar = Bar(*columns, console=console, expand=True)
        self._task = self._bar.add_task("", total=None, documents=0)
        self._live: Live | None = None

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live = Live(self._page(Text()), console=self._console, transient=True, refresh_per_second=12)
            self._live.start()
        elif self._plain:
            self._console.print(f"{self._what} ...")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def __call__(self, progress: Progress) -> None:
        """Show ``progress``. On the brain's loop."""
        if progress.done == progress.total or time.monotonic() - self._looked >= _LOOK_EVERY:
            self._looked = time.monotonic()
            self._look()
        if self._live is not None:
            self._bar.update(self._task, completed=progress.done, total=progress.total, documents=progress.documents)
        elif self._plain and (quarters := 4 * progress.done // max(progress.total, 1)) > self._quarters:
            self._quarters = quarters
            self._console.print(
                f"  {25 * quarters} %: {progress.done} of {progress.total}, {progress.documents:,} passages"
            )

    def _look(self) -> None:
        categories = self._status().categories
        for name, category in categories.items():
            if category.active > self.busiest.get(name, 0):
                self.busiest[name] = category.active
        if self._live is not None:
            threads = {name: (category.active, category.total) for name, category in categories.items()}
            self._live.update(self._page(_threads_line(threads, ascii_only=self._console.options.ascii_only)))

    def _page(self, threads: Text) -> Group:
        return Group(Text(self._what), self._bar, threads)


def _threads_line(threads: Mapping[str, tuple[int, int]], *, ascii_only: bool) -> Text:
    """A mark for each thread, filled while it is busy."""
    busy_mark, idle_mark = ("#", ".") if ascii_only else ("■", "□")
    line = Text("threads", style="dim")
    for name, (active, total) in threads.items():
        if total:
            line.append(f"  {name} ", style="dim")
            line.append(busy_mark * active, style="green")
            line.append(idle_mark * (total - active), style="dim")
    return line

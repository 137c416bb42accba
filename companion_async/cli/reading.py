"""How far a reading is: a live bar on a terminal, a few plain lines anywhere else."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, ProgressColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar
from rich.table import Column

from companion_async.companion.answer import Progress


class ReadingDisplay:
    """Shows each `Progress` it is called with, until the block ends. On a terminal nothing of it stays behind.

    ``plain`` false: where there is no terminal, it shows nothing.
    """

    def __init__(self, console: Console, what: str, *, plain: bool = True) -> None:
        self._console = console
        self._what = what
        self._plain = plain
        self._quarters = 0
        self._bar: Bar | None = None

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            columns: tuple[ProgressColumn, ...] = (
                SpinnerColumn(),
                TextColumn("{task.description}"),
                BarColumn(bar_width=None, table_column=Column(ratio=1)),
                MofNCompleteColumn(),
                TextColumn("{task.fields[documents]:,} passages"),
                TimeElapsedColumn(),
            )
            self._bar = Bar(*columns, console=self._console, transient=True, expand=True)
            self._bar.add_task(self._what, total=None, documents=0)
            self._bar.start()
        elif self._plain:
            self._console.print(f"{self._what} ...")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def __call__(self, progress: Progress) -> None:
        """Show ``progress``."""
        if self._bar is not None:
            self._bar.update(
                self._bar.task_ids[0], completed=progress.done, total=progress.total, documents=progress.documents
            )
        elif self._plain and progress.total:
            quarters = 4 * progress.done // progress.total
            if quarters > self._quarters:
                self._quarters = quarters
                self._console.print(
                    f"  {25 * quarters} %: {progress.done} of {progress.total}, {progress.documents:,} passages"
                )

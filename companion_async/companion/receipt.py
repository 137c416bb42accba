"""What a database is filled from, on record beside it: only a reading that came to its end counts as done."""

from __future__ import annotations

import json
import platform
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from companion_async.cognition.corpus.document import EDITION
from companion_async.errors import StorageError


class Receipt:
    """The receipt of ``database`` for a reading of ``documents``. Does file operations: for worker threads."""

    def __init__(self, database: str, documents: Sequence[str]) -> None:
        self._path = Path(f"{database}.read.json")
        self._source: dict[str, Any] = {
            "documents": [str(Path(each).absolute()) for each in documents],
            # Without documents it is this Python's own documentation that is read.
            "python": None if documents else platform.python_version(),
            "edition": EDITION,
        }

    def holds(self) -> bool:
        """Whether the same was read to its end before."""
        return self._written() == {**self._source, "complete": True}

    def begin(self) -> bool:
        """Record that the reading begins; whether the database holds the same documents, or none that are known of."""
        before = self._written()
        self._write(complete=False)
        return not before or {**before, "complete": None} == {**self._source, "complete": None}

    def end(self) -> None:
        """Record that the reading has come to its end."""
        self._write(complete=True)

    def _write(self, *, complete: bool) -> None:
        try:
            self._path.write_text(json.dumps({**self._source, "complete": complete}), encoding="utf-8")
        except OSError as error:
            raise StorageError(f"{self._path} cannot be written: {error.strerror or error}.") from error

    def _written(self) -> dict[str, Any]:
        try:
            written = json.loads(self._path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            # Torn or unreadable it proves nothing, and the documents are read again.
            return {}
        return written if isinstance(written, dict) else {}

"""`Numbering`: which ids the memories of a moment get."""

from __future__ import annotations

from companion_async.memory.file import MemoryFile

_RUN, _MOST_RUNS = 64, 100_000  # ids in a row


class Numbering:
    """Ids for what is about to be remembered: the microsecond at which it was, or the first free one after it. One
    transaction at a time, begun by `begin`.

    Of a moment that very much is of, it is known how far its ids go: to look at each again would take the square of
    their number.
    """

    def __init__(self, file: MemoryFile) -> None:
        self._file = file
        self._last = 0
        self._taken: dict[int, int] = {}  # by this transaction: an id, and one beyond it
        self._runs: dict[int, int] = {}

    def begin(self) -> None:
        """Begin with what the file has now; other processes remember too."""
        self._last = self._file.value("SELECT max(id) FROM event") or 0
        self._taken = {}

    def free(self, wanted: int) -> int:
        """The first free id from there on; it is taken then."""
        passed = []
        while (beyond := self._taken.get(wanted) or self._runs.get(wanted)) or self._is_there(wanted):
            passed.append(wanted)
            wanted = beyond or wanted + 1
        self._taken |= dict.fromkeys((*passed, wanted), wanted + 1)
        if len(passed) > _RUN:
            if len(self._runs) > _MOST_RUNS:
                self._runs.clear()
            self._runs |= dict.fromkeys(passed, wanted + 1)
        return wanted

    def _is_there(self, number: int) -> bool:
        if number > self._last:
            return False
        return self._file.value("SELECT 1 FROM event WHERE id = ?", (number,)) is not None

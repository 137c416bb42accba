"""The write-ahead log of a database file that several processes may open at its first moment."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import apsw

# A try fails only where others took the file in between, and one of all who try changes it for everybody.
_TRIES = 20
_CHANGE = "PRAGMA journal_mode=WAL"


def write_ahead(connection: apsw.Connection) -> None:
    """Have a database written ahead, so that readers and its writer do not wait for each other.

    Waits for others who have it just now, for each as long as the connection's busy timeout says; ``apsw.BusyError``
    where that was not long enough. Not in a transaction.
    """
    import apsw

    for _ in range(_TRIES):
        try:
            connection.execute(_CHANGE)
        except apsw.BusyError:
            # Where another writes SQLite does not wait to change the log, but it does to begin a transaction.
            connection.execute("BEGIN EXCLUSIVE; ROLLBACK")
        else:
            return
    connection.execute(_CHANGE)

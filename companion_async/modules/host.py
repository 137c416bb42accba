"""Where a module lives that does not live here."""

from __future__ import annotations

from typing import Protocol


class Host(Protocol):
    """Has the instances somewhere else; their lifecycle is the same. Each may raise what the module's code did."""

    async def start(self) -> None:
        """Take work from here on."""

    async def stop(self) -> None:
        """Stop the module wherever it has an instance."""

    async def health(self) -> None:
        """Ask it how it is."""

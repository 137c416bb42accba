"""Generators in processes stream with the same bounds as elsewhere."""

from __future__ import annotations

import pytest

from companion_async.testing.clock import settle, until
from tests.processes import work
from tests.processes.settlement import PATIENCE, living, settled


@pytest.mark.feature("X-04", "X-08")
async def test_items_come_as_they_are_made():
    """Read one by one or awaited as a list, of plain and asynchronous generators; an error comes after the last."""
    async with settled() as brain:
        assert await brain.submit("m", work.count_to, 200) == list(range(200))
        assert [item async for item in brain.submit("m", work.count_later, 200)] == list(range(200))
        read = []
        with pytest.raises(ValueError, match="broke off"):
            async for item in brain.submit("m", work.break_off, 3):
                read.append(item)  # noqa: PERF401 - what came before the error is the point
        assert read == [0, 1, 2]


@pytest.mark.asyncio(loop_factories=["asyncio"])
async def test_the_process_waits_while_nobody_reads(tmp_path):
    """No more items are made than may be unread on both sides of the border, and cancelling ends the generator."""
    async with settled(stream_buffer=4, options={"max_concurrency": 1}) as brain:
        path = tmp_path / "count"
        task = brain.submit("m", work.count_and_note, 1_000_000, path)
        items = task.items()
        assert await anext(items) == 0
        await until(lambda: path.exists() and int(path.read_text() or 0) >= 8, PATIENCE)
        await settle()
        assert int(path.read_text() or 0) <= 10
        assert [await anext(items) for _ in range(20)] == list(range(1, 21))
        (pid,) = living(brain)
        await items.aclose()
        task.cancel()
        await until(lambda: not brain.status().categories["core"].active, PATIENCE)
        assert await brain.submit("m", "run") == pid

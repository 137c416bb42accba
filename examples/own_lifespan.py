"""A brain in an app that was there before: its lifespan, its database and its routes stay as they are.

Run it with:   python examples/own_lifespan.py
Serve it with: uvicorn examples.own_lifespan:app      (then open http://127.0.0.1:8000/companion/)
"""

from __future__ import annotations

import asyncio
import sqlite3
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

from fastapi import FastAPI, HTTPException

from companion_async import Brain, BrainConfig
from companion_async.integrations.fastapi import BrainDep, companion_lifespan, companion_router


class Orders:
    """The app's own database layer, as plain and as blocking as it was. One connection, one thread at a time."""

    def __init__(self, path: Path) -> None:
        self._database = sqlite3.connect(path, check_same_thread=False)
        self._database.execute("create table if not exists orders (id integer primary key, dish text)")

    def add(self, dish: str) -> int:
        with self._database:
            return int(self._database.execute("insert into orders (dish) values (?)", (dish,)).lastrowid or 0)

    def find(self, number: int) -> str | None:
        row = self._database.execute("select dish from orders where id = ?", (number,)).fetchone()
        return str(row[0]) if row else None

    def count(self) -> int:
        return int(self._database.execute("select count(*) from orders").fetchone()[0])

    def close(self) -> None:
        self._database.close()


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[dict[str, Any]]:
    """The app's own, and the outermost: what work in the brain needs is open before it, and closed after it."""
    folder = await asyncio.to_thread(tempfile.mkdtemp)
    with closing(Orders(Path(folder) / "orders.db")) as orders:
        print("open:     the database")
        brain = Brain(BrainConfig(categories={"database": 2}))
        async with companion_lifespan(brain)(app) as state:
            print(f"open:     the brain, {brain.phase}")
            # The object itself is the module. With max_concurrency=1 no two threads are in it at once.
            await brain.register("orders", orders, category="database", max_concurrency=1)
            yield {**state, "opened": "before the brain"}
        print(f"close:    the brain, {brain.phase}")
        print(f"close:    the database, with {orders.count()} orders")


app = FastAPI(title="Kitchen", lifespan=lifespan)
app.include_router(companion_router(), prefix="/companion")


@app.get("/")
async def home() -> dict[str, str]:
    """A route that was there before."""
    return {"kitchen": "open"}


@app.post("/orders", status_code=201)
async def order(dish: str, brain: BrainDep) -> int:
    number: int = await brain.submit("orders", "add", dish, timeout=5)
    return number


@app.post("/orders/later", status_code=202)
async def order_later(dish: str, brain: BrainDep) -> str:
    """Accepted: nobody waits for it, and the brain does not go down before it is done."""
    return brain.submit("orders", "add", dish, timeout=5).id


@app.get("/orders/{number}")
async def find(number: int, brain: BrainDep) -> str:
    dish: str | None = await brain.submit("orders", "find", number, priority="high", timeout=5)
    if dish is None:
        raise HTTPException(404, "no such order")
    return dish


async def show() -> None:
    """What a client of this app sees."""
    import httpx2

    transport = httpx2.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=transport, base_url="http://localhost") as client,
    ):
        print("home:    ", (await client.get("/")).json())
        number = (await client.post("/orders", params={"dish": "soup"})).json()
        print("order:   ", number, (await client.get(f"/orders/{number}")).json())
        print("unknown: ", (await client.get("/orders/99")).json())
        print("brain:   ", (await client.get("/companion/readyz")).json()["data"])
        for dish in ("bread", "salad", "cake"):
            await client.post("/orders/later", params={"dish": dish})
        print("later:    3 accepted, and the app goes down")


if __name__ == "__main__":
    asyncio.run(show())

"""Two modules want the last seat: a transaction is all or nothing, and whoever lost is told what had changed.

Run it with:  python examples/transactions.py
"""

from __future__ import annotations

import asyncio

from companion_async import Brain, ConflictError, Transaction


async def main() -> None:
    async with Brain() as brain:
        state = brain.state
        async with state.transaction("office") as tx:
            tx.set("seats", {"free": 1, "taken_by": []})

        print("1. Both look, both see a free seat, both take it: one of them cannot be right")
        both_have_looked = asyncio.Barrier(2)

        async def take_seat(name: str) -> str:
            try:
                async with state.transaction(name) as tx:
                    seats = tx.get("seats")
                    await both_have_looked.wait()
                    tx.set("seats", {"free": seats["free"] - 1, "taken_by": [*seats["taken_by"], name]})
            except ConflictError as error:
                return f"{name}: {error}"
            return f"{name} has it"

        for line in await asyncio.gather(take_seat("planner"), take_seat("reader")):
            print(f"   {line}")
        print(f"   the state: {state.get('seats')}\n")

        print("2. Run again until it commits: the second look sees what is so by then")

        async def wish(tx: Transaction) -> str:
            free = tx.get("seats.free")
            await asyncio.sleep(0)  # somebody else's turn, in the middle of it
            if not free:
                return "waits"
            tx.set("seats.free", free - 1)
            return "sits"

        await state.propose_change("office", "seats.free", 2)
        print(f"   {await asyncio.gather(*(state.run_transaction(wish) for _ in range(4)))}\n")

        print("3. An error in the block leaves nothing behind")
        try:
            async with state.transaction("mover") as tx:
                tx.delete("seats")
                tx.set("floor", int("upstairs"))
        except ValueError as error:
            print(f"   {error}; the seats: {state.get('seats')}\n")

        print("4. In worker threads it is a plain with, or transact(): a hundred additions by ten tasks")

        def add() -> None:
            for _ in range(10):
                state.transact(lambda tx: tx.set("visits", tx.get("visits", 0) + 1), attempts=100)

        await brain.register("door", add)
        await asyncio.gather(*(brain.submit("door") for _ in range(10)))
        print(f"   visits: {state.get('visits')}")


if __name__ == "__main__":
    asyncio.run(main())

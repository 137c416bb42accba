"""A module in processes of its own: it computes on every core, and what goes wrong there stays there.

Run it with:  python examples/processes.py
"""

from __future__ import annotations

import asyncio
import os

from companion_async import BaseModule, Brain, TaskCrashedError, TaskTimeoutError, current_task


class Numbers(BaseModule):
    """Each process makes its own instance, starts it, and keeps it from run to run."""

    def start(self) -> None:
        self.answered = 0

    def run(self, below: int) -> tuple[int, int]:
        """How many primes there are below a number, and which process counted them."""
        sieve = bytearray([1]) * below
        sieve[:2] = b"\0\0"
        for number in range(2, int(below**0.5) + 1):
            if sieve[number]:
                sieve[number * number :: number] = bytes(len(range(number * number, below, number)))
            current_task().progress(number * number / below)
        self.answered += 1
        return sum(sieve), os.getpid()

    def spin(self) -> None:
        """A loop without an end: no thread could be freed of it."""
        while True:
            pass

    def crash(self) -> None:
        """What a fault in native code does to the process that it happens in."""
        os._exit(3)


async def main() -> None:
    async with Brain() as brain:
        await brain.register("numbers", Numbers, category="advanced", max_concurrency=2, offload="process")

        print("1. Two processes count primes, and neither is this one")
        found = [one async for one in brain.map("numbers", "run", [100_000, 200_000, 300_000, 400_000], ordered=True)]
        print(f"   {[primes for primes, _ in found]}")
        print(f"   in this process: {os.getpid() in {process for _, process in found}}\n")

        print("2. A run that never ends is killed at its limit")
        try:
            await brain.submit("numbers", "spin", timeout=0.2)
        except TaskTimeoutError as error:
            print(f"   {type(error).__name__}: its {error.span} limit of {error.limit} s\n")

        print("3. A crash is one failed task")
        try:
            await brain.submit("numbers", "crash")
        except TaskCrashedError as error:
            print(f"   {type(error).__name__}: {error.exit}")
        primes, _ = await brain.submit("numbers", "run", 1000)
        print(f"   and the module goes on: {primes} primes below 1000\n")

        print("4. What cannot cross the border is refused at once")
        try:
            await brain.submit("numbers", lambda: 1)
        except ValueError as error:
            print(f"   {str(error).partition(':')[0]}")


if __name__ == "__main__":  # processes import this file: only what stands here is not run there
    asyncio.run(main())

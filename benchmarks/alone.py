"""The process of one suite on one loop: progress, a number a line, then the report, all as JSON on standard output."""

from __future__ import annotations

import os
import sys

import msgspec

from benchmarks.registry import measure


def main(name: str, loop: str, *flags: str) -> None:
    """Measure and write. What anybody prints goes to standard error, and no child holds on to what we write to."""
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as stream:
        os.dup2(2, 1)

        def write(message: object) -> None:
            stream.write(msgspec.json.encode(message).decode() + "\n")
            stream.flush()

        write(measure(name, loop, quick="--quick" in flags, progress=write))


if __name__ == "__main__":
    main(*sys.argv[1:])

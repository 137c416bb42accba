"""The process of one suite on one loop: progress, a number a line, then the report, all as JSON on standard output."""

from __future__ import annotations

import sys

import msgspec

from benchmarks.suites import measure


def main(name: str, loop: str, *flags: str) -> None:
    """Measure and write."""
    report = measure(name, loop, quick="--quick" in flags, progress=_write)
    _write(report)


def _write(message: object) -> None:
    sys.stdout.write(msgspec.json.encode(message).decode() + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])

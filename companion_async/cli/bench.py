"""``companion bench``: the benchmarks of the checkout that this package is run from."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from companion_async.cli.process import FAILED
from companion_async.errors import InvalidArgumentError

CHECKOUT = Path(__file__).parents[2]


def bench(arguments: Sequence[str]) -> int:
    """Run ``python -m benchmarks`` with these arguments, and end as it ended."""
    if not (CHECKOUT / "benchmarks" / "__main__.py").is_file():
        raise InvalidArgumentError(
            "bench runs the benchmarks of a source checkout, and an installed package does not have them: unpack the "
            "source distribution (pip download --no-deps --no-binary companion-async companion-async), and in it run: "
            "make bench"
        )
    # The folder that one stands in may have a `benchmarks` of its own: -P keeps it out.
    path = os.pathsep.join(filter(None, (str(CHECKOUT), os.environ.get("PYTHONPATH"))))
    command = [sys.executable, "-P", "-m", "benchmarks", *arguments]
    with subprocess.Popen(command, env={**os.environ, "PYTHONPATH": path}) as harness:
        while True:
            try:
                code = harness.wait()
            except KeyboardInterrupt:
                continue  # the terminal has told the harness too, which writes down what it has and ends by itself
            return code if code >= 0 else FAILED

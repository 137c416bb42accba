"""The machine and the versions that figures were measured with: without them a figure says nothing."""

from __future__ import annotations

import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import msgspec
import psutil

_PACKAGES = (
    *("companion-async", "anyio", "uvloop", "msgspec", "apsw", "numpy"),
    *(
        "aiomisc",
        "aiojobs",
        "apscheduler",
        "distributed",
        "ray",
        "aiorwlock",
        "blinker",
        "fastapi",
        "opentelemetry-sdk",
    ),
)

_BUSY = 0.5


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """``cores`` are those this process may use. ``load`` is the system's average over the minute before the start."""

    python: str
    platform: str
    processor: str
    cores: int
    memory_bytes: int
    switch_interval: float
    interpreter_lock: bool
    load: float | None
    packages: dict[str, str]

    @property
    def busy(self) -> bool:
        """Whether it had so much else to do that times say little; ratios suffer too, though less."""
        return self.load is not None and self.load > _BUSY * self.cores


def describe() -> Machine:
    """This machine, now."""
    return Machine(
        python=f"{platform.python_implementation()} {platform.python_version()}",
        platform=platform.platform(),
        processor=_processor(),
        cores=usable_cores(),
        memory_bytes=psutil.virtual_memory().total,
        switch_interval=sys.getswitchinterval(),
        interpreter_lock=getattr(sys, "_is_gil_enabled", lambda: True)(),
        load=os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        packages={name: found for name in _PACKAGES if (found := _version(name))},
    )


def usable_cores() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.processor() or platform.machine()


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None

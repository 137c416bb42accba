"""Who is measured, by the name that tables and goals use. Each peer has a file of its own in `benchmarks.peers`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from benchmarks.contender import THREADS, Call, CallOfClient, Contender, Feature, nothing
from benchmarks.loops import available
from benchmarks.peers.aiojobs import AIOJOBS
from benchmarks.peers.aiomisc import AIOMISC
from benchmarks.peers.anyio import ANYIO
from benchmarks.peers.apscheduler import APSCHEDULER
from benchmarks.peers.dask import DASK
from benchmarks.peers.ours import COMPANION, WATCHED
from benchmarks.peers.ray import RAY
from benchmarks.peers.standard import BARE_POOL, TO_THREAD
from benchmarks.report import Absence

__all__ = ["THREADS", "Call", "CallOfClient", "Contender", "nothing"]  # what others import from here

OURS = ("companion", "companion, watched")
KNOWN: dict[str, Contender] = {
    OURS[0]: COMPANION,
    OURS[1]: WATCHED,
    "asyncio.to_thread": TO_THREAD,
    "anyio.to_thread": ANYIO,
    "bare pool": BARE_POOL,
    "aiomisc": AIOMISC,
    "aiojobs": AIOJOBS,
    "APScheduler 4": APSCHEDULER,
    "dask in process": DASK,
    "Ray": RAY,
}


def installed(contenders: Mapping[str, Contender]) -> dict[str, Contender]:
    """Those that can be measured here."""
    return {name: one for name, one in contenders.items() if one.installed}


CONTENDERS = installed(KNOWN)


QUICK = {name: one for name, one in CONTENDERS.items() if one.every == 1}
"""Those that answer and start without delay."""


def taking_part(loop: str) -> dict[str, Contender]:
    """Everyone on the last of the loops, where goals are set; on others who is not slow, for the slow are so on any."""
    return CONTENDERS if loop == available()[-1] else QUICK


def elsewhere(loop: str) -> tuple[Absence, ...]:
    """Those that do not take part on this loop, for `Report.absences`."""
    reason = f"slow on any loop, measured on {available()[-1]} alone"
    return tuple(Absence(name, reason) for name in CONTENDERS if name not in taking_part(loop))


def missing(contenders: Mapping[str, Contender] = KNOWN) -> tuple[Absence, ...]:
    """Those that cannot, each with how to get it: for `Report.absences`."""
    return tuple(
        Absence(name, f"not installed: pip install {one.requirement}")
        for name, one in contenders.items()
        if not one.installed
    )


def lacking(feature: Feature, reason: str, setting: str = "", names: Iterable[str] = KNOWN) -> tuple[Absence, ...]:
    """Those that have no such feature, for `Report.absences`: they are shown, not left out."""
    return tuple(Absence(name, reason, setting) for name in names if feature not in KNOWN[name].has)


def configurations(names: Iterable[str] = CONTENDERS) -> dict[str, str]:
    """How each was set up, for `Report.configurations`."""
    return {name: KNOWN[name].configuration for name in names}

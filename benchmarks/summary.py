"""Pure: a run in Markdown, to be read beside its files where a repository shows them: ratios, goals, and the plots."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from benchmarks.figures import Summary
from benchmarks.headlines import Headline, headlines
from benchmarks.report import Report
from benchmarks.results import Results


def markdown(made: Results, pictures: Mapping[str, Sequence[str]], peers: Sequence[str]) -> str:
    """The whole text. ``pictures`` are the files of the plots by suite and loop, as in ``latency-uvloop``."""
    found = [one for one in headlines(made.reports) if set(one.times) & set(peers)]
    return "\n".join(
        [
            "# The figures of one run",
            "",
            *_origin(made),
            *([*_times(found, peers), ""] if found else []),
            *_says_not(made.reports, found),
            *_goals(made.reports),
            *_failures(made),
            *_suites(made.reports, pictures),
        ]
    )


def _origin(made: Results) -> Iterator[str]:
    machine = made.machine
    yield f"Made {made.made} on commit `{made.commit or 'unknown'}`, in {made.seconds / 60:.0f} minutes."
    for holds, warning in (
        (made.quick, "A quick look, not a measurement."),
        (made.dirty, "Files of the checkout were changed and not committed: nobody can repeat exactly this."),
        (made.interrupted, "The run was interrupted: this is what was measured until then."),
    ):
        if holds:
            yield f"**{warning}**"
    yield ""
    lock = "with" if machine.interpreter_lock else "without"
    load = "" if machine.load is None else f", load {machine.load:.1f} before the start"
    yield f"{machine.python} {lock} the interpreter lock, {machine.cores} cores of {machine.processor}, "
    yield f"{machine.platform}{load}{' (**busy: times say little**)' if machine.busy else ''}."
    yield "Beside it: " + ", ".join(f"{name} {version}" for name, version in machine.packages.items()) + "."
    yield ""
    yield "[report.html](report.html) is the page to read, [results.json](results.json) has every round."
    yield ""


def _times(found: Sequence[Headline], peers: Sequence[str]) -> Iterator[str]:
    columns = [peer for peer in peers if any(peer in (*one.times, *one.reasons) for one in found)]
    yield "## How many times better"
    yield ""
    yield "One setting stands for each suite; above 1 ours is better, below 1 the peer is."
    yield ""
    yield "| suite | setting | " + " | ".join(columns) + " |"
    yield "| --- " * (len(columns) + 2) + "|"
    for one in found:
        cells = [_cell(one, peer) for peer in columns]
        yield f"| {one.suite} on {one.loop} | {one.setting} | " + " | ".join(cells) + " |"


def _cell(one: Headline, peer: str) -> str:
    if peer in one.times:
        return f"{_short(one.times[peer])}"
    reason = one.reasons.get(peer, "")
    return "not installed" if reason.startswith("not installed") else "has none" if reason else ""


def _short(times: Summary) -> str:
    digits = 0 if times.median >= 100 else 1 if times.median >= 10 else 2
    return f"{times.median:,.{digits}f}"


def _says_not(reports: Iterable[Report], found: Iterable[Headline]) -> Iterator[str]:
    shown = {(one.suite, one.loop) for one in found}
    lines = [f"- {one.suite}: {one.says_not}" for one in reports if one.says_not and (one.suite, one.loop) in shown]
    if lines:
        yield "What these ratios do not say:"
        yield ""
        yield from lines
        yield ""


def _goals(reports: Iterable[Report]) -> Iterator[str]:
    verdicts = [(one, verdict) for one in reports for verdict in one.verdicts]
    if not verdicts:
        return
    reached = sum(verdict.reached for _, verdict in verdicts)
    yield f"## Goals: {reached} of {len(verdicts)} reached"
    yield ""
    yield "| goal | on | ours | measured | |"
    yield "| --- | --- | --- | --- | --- |"
    for one, verdict in verdicts:
        said = ("reached" if verdict.reached else "**not reached**") + ("" if verdict.sure else ", narrowly")
        yield f"| {verdict.goal} | {one.loop} | {verdict.ours} | {verdict.measured} | {said} |"
    yield ""


def _failures(made: Results) -> Iterator[str]:
    for one in made.failures:
        yield f"**{one.suite} on {one.loop} failed:** {one.message}"
        yield ""


def _suites(reports: Iterable[Report], pictures: Mapping[str, Sequence[str]]) -> Iterator[str]:
    for one in reports:
        yield f"## {one.suite.capitalize()} on {one.loop}"
        yield ""
        for text in (one.asks, one.says_not):
            if text:
                yield text
                yield ""
        for path in pictures.get(f"{one.suite}-{one.loop}", ()):
            yield f"![{one.suite} on {one.loop}]({path})"
            yield ""

"""Logic and constraints: answer sets of a program, by clingo (Gebser et al. 2019) in a process of its own."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from typing import Any

import msgspec
import psutil

from companion_async.cognition.advanced_reasoning.calculation import EXTRA
from companion_async.errors import InvalidArgumentError, MissingExtraError
from companion_async.security import check_text

_LONGEST = 20_000
_MEMORY = 1 << 30
# What runs code of the program's author, or reads files.
_FORBIDDEN = re.compile(r"#\s*(?:script|include|external|program)|@\s*[a-z_]", re.IGNORECASE)
# A percent sign in a string begins no comment.
_COMMENT = re.compile(r'("(?:[^"\\\n]|\\.)*")|%\*.*?\*%|(?:%|#!)[^\n]*', re.DOTALL)
_BEST = re.compile(r"#minimi[sz]e|#maximi[sz]e|:~")
_MESSAGE = re.compile(r"^-:\S+: error: (.*)$", re.MULTILINE)


class Solved(msgspec.Struct, frozen=True):
    """Each model is the atoms that are true in it, sorted. ``satisfiable`` is None where the time or the memory ran out
    before that was known; ``complete`` says that there are no more models than these, or that the cost of the one given
    is proved the least.
    """

    satisfiable: bool | None
    models: tuple[tuple[str, ...], ...] = ()
    cost: tuple[int, ...] = ()
    complete: bool = False


def solve(program: str, limit: int, seconds: float) -> Solved:
    """At most ``limit`` answer sets of a program (0: all), or the best one where it has ``#minimize``, ``#maximize`` or
    weak constraints.

    Its process is killed after ``seconds``, and has at most 1 GiB where the system can limit that. Programs with
    scripts, external functions or includes are refused: they would run code or read files here.
    """
    # What is looked at is what is run: without comments, so that nothing can hide in what two parsers take for one.
    text = _COMMENT.sub(lambda match: match[1] or " ", check_text(program, "program", longest=_LONGEST))
    if _FORBIDDEN.search(text):
        raise InvalidArgumentError("Programs with #script, #include, #program, #external or @functions are not run.")
    if importlib.util.find_spec("clingo") is None:
        raise MissingExtraError(EXTRA, "Logic and constraints")
    # Told a number, it ends at so many models, whether or not a better one is left.
    models = 0 if _BEST.search(text) else limit
    command = [sys.executable, "-m", "clingo", "--outf=2", "--warn=none", f"--models={models}", "-"]
    pipe = subprocess.PIPE
    # It cuts what it quotes of a program in the midst of letters, which are replaced.
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, encoding="utf-8", errors="replace") as process:
        _bound(process.pid)
        try:
            found, complaint = process.communicate(text, timeout=seconds)
        except subprocess.TimeoutExpired:
            return Solved(None)
        finally:
            process.kill()  # which does nothing to one that has ended
    understood = _MESSAGE.search(complaint)
    if understood:
        raise InvalidArgumentError(f"The program is not understood: {understood[1]:.300}")
    try:
        return _read(msgspec.json.decode(found), limit)
    except msgspec.DecodeError:
        return Solved(None)  # it ended before it could say anything: out of memory


def _read(answer: Any, limit: int) -> Solved:
    witnesses = [each for call in answer["Call"] for each in call.get("Witnesses", ())]
    models = tuple(tuple(sorted(each.get("Value", ()))) for each in witnesses)
    result = answer["Result"]
    satisfiable = {"UNSATISFIABLE": False, "UNKNOWN": None}.get(result, True)
    cost = tuple(witnesses[-1]["Costs"]) if witnesses and "Costs" in witnesses[-1] else ()
    if cost:
        return Solved(satisfiable, models[-1:], cost, result == "OPTIMUM FOUND")
    # There are more than were asked for where a wish says nothing of any model.
    every = satisfiable is not None and answer["Models"]["More"] == "no" and not 0 < limit < len(models)
    return Solved(satisfiable, models[: limit or None], (), every)


def _bound(process: int) -> None:
    try:
        psutil.Process(process).rlimit(psutil.RLIMIT_AS, (_MEMORY, _MEMORY))  # type: ignore[attr-defined, unused-ignore]
    except (AttributeError, psutil.Error, OSError):
        return  # no such limit on this system; the one on time holds

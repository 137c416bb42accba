"""Logic programs, in a process of their own."""

from __future__ import annotations

import re
import signal
import subprocess
import sys

import pytest

from companion_async.cognition.advanced_reasoning import constraints
from companion_async.cognition.advanced_reasoning.constraints import solve
from companion_async.errors import InvalidArgumentError

pytest.importorskip("clingo", reason="the extra reason is not installed")

QUEENS = """
1 { queen(I, 1..6) } 1 :- I = 1..6.  % one in each column
:- queen(I, J), queen(K, J), I < K.
:- queen(I, J), queen(K, L), I < K, |I - K| == |J - L|.
"""


@pytest.mark.feature("CB-47")
def test_a_puzzle_is_solved_and_all_of_its_solutions_found():
    """Six queens stand in four ways; one is enough where one is asked for."""
    every = solve(QUEENS, 0, 20)
    assert (every.satisfiable, len(every.models), every.complete) == (True, 4, True)
    one = solve(QUEENS, 1, 20)
    assert (len(one.models), one.complete) == (1, False)
    assert solve("a. :- a.", 1, 20).satisfiable is False


KNAPSACK = "w(a,3). w(b,2). w(c,4). {in(X)} :- w(X,_). :- #sum{W,X : in(X), w(X,W)} < 5. #show in/1. "


@pytest.mark.feature("CB-47")
@pytest.mark.parametrize("limit", [0, 1, 2])
@pytest.mark.parametrize(
    "wish", ["#minimize{W,X : in(X), w(X,W)}.", "#maximise{-W,X : in(X), w(X,W)}.", ":~ in(X), w(X,W). [W,X]"]
)
def test_the_best_is_found_and_proved(wish, limit):
    """A knapsack: what to leave out so that the least is lost, however few answers are asked for."""
    best = solve(KNAPSACK + wish, limit, 30)
    assert (best.models, best.cost, best.complete) == ((("in(a)", "in(b)"),), (5,), True)


@pytest.mark.feature("CB-47")
def test_a_wish_that_says_nothing_brings_no_more_than_was_asked_for():
    """What can never be true costs nothing: all models are as good, and not all of them are given."""
    found = solve("{a; b}. :~ c. [1]", 2, 30)
    assert (found.satisfiable, len(found.models), found.cost, found.complete) == (True, 2, (), False)
    every = solve("{a; b}. :~ c. [1]", 0, 30)
    assert (len(every.models), every.complete) == (4, True)


@pytest.mark.feature("CB-47")
def test_the_best_so_far_is_told_as_not_proved(monkeypatch):
    """Where the search ends at its first model, that is no optimum, and not called one."""
    monkeypatch.setattr(constraints, "_BEST", re.compile("(?!)"))
    found = solve("1 {x(1..9)} 1. #maximize{X : x(X)}.", 1, 30)
    assert (found.satisfiable, len(found.models), len(found.cost), found.complete) == (True, 1, 1, False)


@pytest.mark.feature("CB-47")
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux bounds the memory of another process")
def test_the_memory_of_a_program_is_bounded(monkeypatch):
    """A million atoms need more than 128 MiB: its process ends by itself, and nothing is claimed."""
    grid = "a(1..1000). b(X,Y) :- a(X), a(Y). #show."
    monkeypatch.setattr(constraints, "_MEMORY", 128 << 20)
    assert solve(grid, 1, 30).satisfiable is None
    assert solve("a.", 1, 30).models == (("a",),)


@pytest.mark.feature("CB-47")
@pytest.mark.skipif(sys.platform == "win32", reason="what was killed is told by its signal")
def test_a_program_that_takes_too_long_is_killed(monkeypatch):
    """Its time is over before it can answer: nothing is claimed, and its process does not work on."""
    started = []

    class Kept(subprocess.Popen[str]):
        def __init__(self, *args, **facts):
            super().__init__(*args, **facts)
            started.append(self)

    monkeypatch.setattr(subprocess, "Popen", Kept)
    assert solve("a.", 1, 1e-6).satisfiable is None
    assert [process.returncode for process in started] == [-signal.SIGKILL]


@pytest.mark.feature("CB-47")
def test_comments_are_nothing_and_strings_stay_whole():
    """What is commented out is neither run nor refused, and a percent sign in a string is no comment."""
    assert solve("a. % b. #script\n%* c. @f() *% d.", 0, 30).models == (("a", "d"),)
    assert solve(r'a("50%"). b. c("%* \" *%"). % "d', 0, 30).models == (('a("50%")', "b", r'c("%* \" *%")'),)


@pytest.mark.feature("CB-47")
def test_what_is_taken_for_a_comment_is_not_run(monkeypatch, tmp_path):
    """Should clingo see a script where we see a comment, it would not be given it."""
    monkeypatch.setattr(constraints, "_COMMENT", re.compile("(z)|#script.*#end[.]", re.DOTALL))
    witness = tmp_path / "witness"
    program = f"#script (python)\nopen({str(witness)!r}, 'w').close()\n#end. a."
    assert solve(program, 1, 30).models == (("a",),)
    assert not witness.exists()


@pytest.mark.parametrize(
    ("program", "why"),
    [
        ("a :- b", "syntax error"),
        ("a(X) :- b(Y).", "unsafe"),
        ("#script (python) import os #end. a(@f()).", "are not run"),
        ('#include "/etc/passwd".', "are not run"),
        ("%*x*% #script(lua) #end.", "are not run"),
        ("a(@getenv()).", "are not run"),
        ('a("%*"). #script (lua) #end. b("*%").', "are not run"),
        ('a("\\"%*"). b(@f()). c("*%").', "are not run"),
        ("#! %*\n#script (lua) #end.\n%* *%", "are not run"),
        ("%* %* *% #script (lua) #end. *%", "are not run"),
        ("a." * 20_000, "at most"),
    ],
)
def test_what_is_wrong_or_would_run_code_is_refused(program, why):
    """With clingo's own words, or ours."""
    with pytest.raises(InvalidArgumentError, match=why):
        solve(program, 1, 20)

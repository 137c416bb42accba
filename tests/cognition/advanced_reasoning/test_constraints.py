"""Logic programs, in a process of their own."""

from __future__ import annotations

import pytest

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


@pytest.mark.feature("CB-47")
def test_the_best_is_found_and_proved():
    """A knapsack: what to leave out so that the least is lost."""
    best = solve(
        "w(a,3). w(b,2). w(c,4). {in(X)} :- w(X,_). :- #sum{W,X : in(X), w(X,W)} < 5. "
        "#minimize{W,X : in(X), w(X,W)}. #show in/1.",
        0,
        20,
    )
    assert (best.models, best.cost, best.complete) == ((("in(a)", "in(b)"),), (5,), True)


@pytest.mark.feature("CB-47")
def test_a_program_that_explodes_is_ended():
    """A billion atoms to ground: its process is killed, and nothing is claimed."""
    assert solve("a(1..1000). b(X,Y,Z) :- a(X), a(Y), a(Z).", 1, 1.0).satisfiable is None


@pytest.mark.parametrize(
    ("program", "why"),
    [
        ("a :- b", "syntax error"),
        ("a(X) :- b(Y).", "unsafe"),
        ("#script (python) import os #end. a(@f()).", "are not run"),
        ('#include "/etc/passwd".', "are not run"),
        ("%*x*% #script(lua) #end.", "are not run"),
        ("a(@getenv()).", "are not run"),
        ("a." * 20_000, "at most"),
    ],
)
def test_what_is_wrong_or_would_run_code_is_refused(program, why):
    """With clingo's own words, or ours."""
    with pytest.raises(InvalidArgumentError, match=why):
        solve(program, 1, 20)

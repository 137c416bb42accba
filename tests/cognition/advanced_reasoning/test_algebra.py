"""Sums and equations out of text, and worked out."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from companion_async.cognition.advanced_reasoning.algebra import exercise
from companion_async.cognition.advanced_reasoning.calculation import work_out
from companion_async.errors import InvalidArgumentError

pytest.importorskip("sympy", reason="the extra reason is not installed")


def worked_out(text):
    found = exercise(text)
    assert found is not None
    return work_out(found)


@pytest.mark.feature("CB-47")
@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("What is 17 * 23?", "391"),
        ("what is 15% of 80", "12"),
        ("How much is 2^64 - 1?", "18446744073709551615"),
        ("what is 1,234 + 1", "1235"),
        ("what is 1/3 + 1/3", "2/3 (about 0.666666666667)"),
        ("What is 0.1 + 0.2?", "0.3"),
        ("5! + 3", "123"),
        ("What is the square root of 2?", "sqrt(2) (about 1.41421356237)"),
        ("What is 10 divided by 4?", "2.5"),
        ("what is 7 mod 3", "1"),
        ("7 % 3", "1"),
        ("15% of (80 + 20)", "15"),
        ("what is 1/0?", "undefined (division by zero)"),
        ("solve x^2 - 5x + 6 = 0", "x = 2 or x = 3"),
        ("Solve for y: 3y + 2 = 11", "y = 3"),
        ("2x + y = 7 and x - y = -1", "x = 2, y = 3"),
        ("x + y = 1 and x + y = 2", "no solution"),
        ("2 + 2 = 5", "false"),
        ("derivative of x^3 + 2x", "3*x^2 + 2"),
        ("integrate 3x^2", "x^3 + C"),
        ("factor x^2 - 9", "(x - 3)*(x + 3)"),
        ("factorize 360", "2^3 * 3^2 * 5"),
        ("factor 2^127 - 1", "170141183460469231731687303715884105727"),
        ("factor 30!/29!", "2 * 3 * 5"),
        ("expand (x+1)^3", "x^3 + 3*x^2 + 3*x + 1"),
        ("What is sin(pi/6)?", "0.5"),
        ("What is 2sin(pi/6)?", "1"),
        ("5 - 3 sqrt(4)", "-1"),
        ("2 * 0.5sqrt(16)", "4"),
        ("derivative of 2sin(x) + 3 exp(x)", "3*exp(x) + 2*cos(x)"),
        ("solve 3x = 2 sqrt(9)", "x = 2"),
        ("solve for y: a*y = 2*a", "y = 2"),
        ("solve x^2 - 2x + 1 = 0", "x = 1"),
        ("derivative of x*y^2 with respect to y", "2*x*y"),
        ("what is 0/0 + 1", "undefined (division by zero)"),
        ("7 % 0", "undefined (division by zero)"),
        ("log(100)", "2"),
        ("log(8, 2)", "3"),
        ("ln(e)", "1"),
        ("0.1234567890123456789 * 10^19", "1234567890123456789"),
        ("0.0e9 + 1", "1"),
    ],
)
def test_what_is_asked_is_worked_out(text, answer):
    """Exactly, with a decimal where that tells more, and with its steps."""
    found = worked_out(text)
    assert (found.answer, found.exact, found.confidence) == (answer, True, 1.0)
    assert found.steps[0].kind == "parse"


@pytest.mark.feature("CB-47")
@pytest.mark.parametrize(
    "text",
    [
        "How do I read a zip file?",
        "1/2sin(pi)",
        "1 / -2 sin(pi)",
        "2^3sin(pi)",
        "2 ** 3 sqrt(4)",
        "7 mod 2sqrt(4)",
        "max(1,000sin(pi), 2)",
        "2e3sin(pi)",
        "3 4sqrt(4)",
        "what is python 3",
        "Explain a = b in Python",
        "what is the difference between a and b",
        "",
        "x" * 600,
        f"max({'1, ' * 200}1)",
        "-" * 60 + "1 + 1",
        "foo + 1",
        "a + b + c + d",
        "simplify x = 1",
        "__import__('os').system('true') + 1",
        "(lambda: 1)() + 1",
        "[1, 2][0] + 1",
        "x.y + 1",
        "f(2) + 1",
        "1 if 1 else 2",
        "(" * 200 + "1" + ")" * 200,
        "1 = 2 = 3",
    ],
)
def test_what_is_no_exercise_is_none(text):
    """Questions, code, and whatever Python's grammar has beyond sums."""
    assert exercise(text) is None


@pytest.mark.parametrize(
    "text",
    [
        *("9**9**9", "factorial(99999)", "x**1000 + 1", "2**(10**10)", "(2**999)**999 + 1"),
        *("binomial(1000000, 500000)", "expand (a+b+c+d+e+f)^30", "expand (x+y)^40*(z+1)^40"),
    ],
)
def test_what_is_too_large_is_refused_before_it_is_begun(text):
    """It says what the limit is, at once."""
    with pytest.raises(InvalidArgumentError, match="too large"):
        exercise(text)


@pytest.mark.feature("CB-47")
def test_what_has_no_exact_answer_is_told_so():
    """Beyond polynomials and linear systems nothing is guessed."""
    for text, why in (
        ("solve sin(x) = x", "between polynomials"),
        ("x*y = 1 and x + y = 3", "only linear"),
        ("integrate sin(x)", "only polynomials"),
        ("solve a*x^5 - x + 1 = 0 for x", "no closed form"),
        ("x^9 = 1", "at most 8"),
        ("a + b + c + d + f + g + h = 1", "7 unknowns"),
        ("solve for x: y = 2", "there is no x in it"),
        (f"factor {(10**30 + 57) * (10**31 + 33)}", "more than 32 digits"),
    ):
        found = worked_out(text)
        assert (found.found, found.exact) == (False, False)
        assert why in found.answer


def test_a_function_of_other_arguments_is_refused():
    """It says how many it was given."""
    with pytest.raises(InvalidArgumentError, match="sqrt takes other arguments than 3"):
        worked_out("sqrt(1, 2, 3)")


@pytest.mark.parametrize("text", ["1e400 + 1", "1e-400 + 1", "1 - 0.5e-99999999999"])
def test_a_decimal_beyond_all_measure_is_refused(text):
    """It is not taken for nothing, nor for something without end."""
    with pytest.raises(InvalidArgumentError, match="is no number between"):
        exercise(text)


def test_roots_without_a_closed_form_are_approximated():
    """And called so."""
    found = worked_out("x^5 - x + 1 = 0")
    assert (found.answer.count("about"), found.exact, found.steps[-1].kind) == (5, False, "approximate")


sums = st.recursive(
    st.integers(0, 999).map(str),
    lambda inner: st.tuples(inner, st.sampled_from("+-*"), inner).map(lambda each: f"({each[0]} {each[1]} {each[2]})"),
    max_leaves=12,
)


@given(sums)
def test_a_sum_is_what_python_makes_of_it(text):
    """For any sum of whole numbers, as deep as one likes."""
    found = exercise(text)
    if found is not None:  # a lone number is none
        assert work_out(found).answer == str(eval(text))


@given(st.text(max_size=80))
def test_any_text_is_looked_at_without_harm(text):
    """It is an exercise, none, or refused; nothing else comes of it."""
    with contextlib.suppress(InvalidArgumentError):
        exercise(text)


@pytest.mark.feature("CB-47")
@pytest.mark.parametrize(
    ("text", "body"),
    [
        ("What is 10! / 8!?", "factorial(10) / factorial(8)"),
        ("5!", "factorial(5)"),
        ("Compute x + 1, please!", None),
        ("Solve 2x = y !", "2*x = y"),
    ],
)
def test_an_exclamation_mark_after_a_number_is_a_factorial(text, body):
    """Elsewhere at the end it is only loud."""
    found = exercise(text)
    assert (found and found.text) == body

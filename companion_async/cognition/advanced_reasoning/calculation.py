"""Arithmetic and algebra, worked out exactly by sympy from trees that were checked."""

from __future__ import annotations

from typing import Any

from companion_async.cognition.advanced_reasoning.algebra import Exercise, Tree, shown, symbols
from companion_async.cognition.advanced_reasoning.step import Reasoned, Step
from companion_async.errors import InvalidArgumentError, MissingExtraError

EXTRA = "reason"
PACKAGES = ("sympy", "clingo")
RESPONDER = "sympy"
_HIGHEST_DEGREE = 8
_MOST_UNKNOWNS = 6
_DIGITS = 12
_APPROXIMATE = "approximate"
"""The kind of step that gives what is not exact."""
_TRIED = 100_000
_FACTORED = 10**32  # for half a second


def work_out(exercise: Exercise) -> Reasoned:
    """The answer and how it was come by. What has no exact answer here is told as not found, with the reason."""
    try:
        import sympy  # 0.3 s, for whom it is used
    except ImportError as error:
        raise MissingExtraError(EXTRA, "Exact arithmetic and algebra") from error
    steps = [Step("parse", exercise.text, exercise.task)]
    try:
        answer = _solved(sympy, exercise, steps) if exercise.task == "solve" else _value(sympy, exercise, steps)
    except _Beyond as reason:
        steps.append(Step("solve", "given up", str(reason)))
        return Reasoned(f"This cannot be worked out exactly here: {reason}.", "exact", tuple(steps), found=False)
    except ZeroDivisionError:
        answer = "undefined (division by zero)"
    exact = not any(step.kind == _APPROXIMATE for step in steps)
    return Reasoned(answer, "exact", tuple(steps), exact=exact, confidence=1.0, responder=RESPONDER)


class _Beyond(Exception):
    """Why there is no exact answer."""


def _value(sympy: Any, exercise: Exercise, steps: list[Step]) -> str:
    tree = exercise.sides[0][0]
    built = _built(sympy, tree)
    if built.has(sympy.zoo, sympy.nan):
        return "undefined (division by zero)"
    by = sympy.Symbol(exercise.by or min(symbols(tree), default="x"))
    match exercise.task:
        case "derivative":
            result = sympy.diff(built, by)
            steps.append(Step("rewrite", f"d/d{by} of {shown(built)}", shown(result)))
        case "integral":
            if not built.is_polynomial(by):
                raise _Beyond("only polynomials are integrated")
            result = sympy.integrate(built, by)
            steps.append(Step("rewrite", f"integral of {shown(built)} d{by}", shown(result)))
            return f"{shown(result)} + C"
        case "factor":
            result = _primes(sympy, built) if built.is_Integer else sympy.factor(built)
            if isinstance(result, dict):
                text = " * ".join(f"{prime}^{power}" if power > 1 else str(prime) for prime, power in result.items())
                steps.append(Step("rewrite", f"prime factors of {built}", text))
                return text
            steps.append(Step("rewrite", f"factors of {shown(built)}", shown(result)))
        case "expand":
            result = sympy.expand(built)
            steps.append(Step("rewrite", f"{shown(built)} multiplied out", shown(result)))
        case _:
            result = sympy.nsimplify(built, rational=True) if built.is_Float else sympy.simplify(built)
            steps.append(Step("rewrite", shown(built), shown(result)))
    return _number(sympy, result)


def _primes(sympy: Any, number: Any) -> Any:
    """Its prime factors, how often each. What is left once the small ones are out takes the longer the longer it is."""
    left = [each for each in sympy.factorint(number, limit=_TRIED) if each > _FACTORED and not sympy.isprime(each)]
    if left:
        raise _Beyond("beside its small prime factors there is a number of more than 32 digits that is not prime")
    return sympy.factorint(number)


def _number(sympy: Any, result: Any) -> str:
    """A result as it is, and as a decimal where that tells more."""
    if not result.is_number or result.is_Integer:
        return shown(result)
    decimal = sympy.N(result, _DIGITS)
    if result.is_Rational:
        short = sympy.Rational(str(float(result))) == result
        return f"{float(result):.12g}" if short else f"{result} (about {decimal})"
    return f"{shown(result)} (about {decimal})"


def _solved(sympy: Any, exercise: Exercise, steps: list[Step]) -> str:
    zero = [_built(sympy, each[0]) - (_built(sympy, each[1]) if len(each) == 2 else 0) for each in exercise.sides]
    unknowns = sorted(set().union(*(symbols(tree) for each in exercise.sides for tree in each)))
    if exercise.by:
        if unknowns and exercise.by not in unknowns:
            raise _Beyond(f"there is no {exercise.by} in it")
        unknowns = [exercise.by]
    if len(unknowns) > _MOST_UNKNOWNS:
        raise _Beyond(f"{len(unknowns)} unknowns")
    names = [sympy.Symbol(name) for name in unknowns]
    for each in zero:
        if each.is_number:
            true = sympy.simplify(each) == 0
            steps.append(Step("solve", f"{shown(each)} = 0", str(true).lower()))
            return "true" if true else "false"
        if not each.is_polynomial(*names):
            raise _Beyond("only equations between polynomials are solved")
        steps.append(Step("rewrite", "bring to one side", f"{shown(sympy.expand(each))} = 0"))
    if len(zero) == 1 and len(names) == 1:
        return _roots(sympy, zero[0], names[0], steps)
    if all(sympy.Poly(each, *names).total_degree() <= 1 for each in zero):
        found = list(sympy.linsolve(zero, *names))
        steps.append(Step("solve", f"linear system in {', '.join(unknowns)}", shown(found)))
        if not found:
            return "no solution"
        return ", ".join(f"{name} = {shown(value)}" for name, value in zip(unknowns, found[0], strict=True))
    raise _Beyond("of several equations only linear ones are solved")


def _roots(sympy: Any, zero: Any, name: Any, steps: list[Step]) -> str:
    polynomial = sympy.Poly(zero, name)
    degree = polynomial.degree()
    if degree > _HIGHEST_DEGREE:
        raise _Beyond(f"degree {degree}, at most {_HIGHEST_DEGREE} is solved")
    steps.append(Step("rewrite", "factors", shown(sympy.factor(zero))))
    roots = sympy.roots(polynomial)
    if sum(roots.values()) < degree:
        if polynomial.free_symbols_in_domain:
            raise _Beyond("its roots have no closed form")
        values = [sympy.N(root, _DIGITS) for root in polynomial.nroots()]
        steps.append(Step(_APPROXIMATE, f"{degree} roots without a closed form", shown(values)))
        return " or ".join(f"{name} = about {shown(value)}" for value in values)
    ordered = sorted(roots, key=sympy.default_sort_key)
    steps.append(Step("solve", f"roots in {name}", ", ".join(map(shown, ordered))))
    return " or ".join(f"{name} = {_number(sympy, root)}" for root in ordered) or "no solution"


def _built(sympy: Any, tree: Tree) -> Any:
    parts = [_built(sympy, part) for part in tree.parts]
    match tree.head:
        case "number":
            # A decimal is meant as it is written.
            return sympy.Rational(tree.leaf)
        case "symbol":
            return {"pi": sympy.pi, "e": sympy.E, "i": sympy.I}.get(tree.leaf, sympy.Symbol(tree.leaf))
        case "neg":
            return -parts[0]
        case "+":
            return parts[0] + parts[1]
        case "-":
            return parts[0] - parts[1]
        case "*":
            return parts[0] * parts[1]
        case "/":
            return parts[0] / parts[1]
        case "**":
            return parts[0] ** parts[1]
        case "%":
            return sympy.Mod(*parts)
        case "ln":
            return sympy.log(parts[0])
        case "log":
            return sympy.log(parts[0], parts[1] if len(parts) > 1 else 10)
        case "abs" | "min" | "max":
            return getattr(sympy, tree.head.capitalize())(*parts)
        case name:
            try:
                return getattr(sympy, name)(*parts)
            except TypeError as error:
                raise InvalidArgumentError(f"{name} takes other arguments than {len(parts)}.") from error

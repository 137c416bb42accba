"""Pure: from text to a sum or an equation, by a grammar of our own over Python's parser; nothing is ever evaluated.

sympy's own parser ends in ``eval``, so it is never given text; it gets trees that were looked at node by node.
"""

from __future__ import annotations

import ast
import math
import re
import string
from typing import Any

import msgspec

from companion_async.cognition.advanced_reasoning.wording import in_signs
from companion_async.errors import InvalidArgumentError

LONGEST = 500
_DEEPEST = 40
_MOST_DIGITS = 5_000
_LARGEST_FACTORIAL = 1_000
_HIGHEST_DEGREE = 64
_MOST_TERMS = 1_000

FUNCTIONS = (
    *("sqrt", "cbrt", "exp", "log", "ln", "sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh"),
    *("factorial", "gcd", "lcm", "binomial", "floor", "ceiling", "abs", "min", "max"),
)
CONSTANTS = ("pi", "e", "i")

_LEAD = re.compile(
    r"^\s*(?:please\s+)?(?:what(?:'s| is| are)|how much is|calculate|compute|evaluate|work out|find"
    r"|solve(?: for \w+)?:?)\s+",
    re.IGNORECASE,
)
_TASKS = (
    (
        "derivative",
        re.compile(r"\b(?:derivative of|differentiate)\s+(?P<body>.+?)(?:\s+(?:with respect to|by)\s+(?P<by>[a-z]))?$"),
    ),
    (
        "integral",
        re.compile(r"\b(?:integral of|integrate)\s+(?P<body>.+?)(?:\s+(?:with respect to|by|d)\s*(?P<by>[a-z]))?$"),
    ),
    ("factor", re.compile(r"\b(?:factori[sz]e|factor)\s+(?P<body>.+)$")),
    ("expand", re.compile(r"\b(?:expand|multiply out)\s+(?P<body>.+)$")),
    ("simplify", re.compile(r"\bsimplify\s+(?P<body>.+)$")),
)
# An exclamation mark after a number or a bracket is a factorial.
_END = re.compile(r"(?:[?.\s]|(?<![\d)!])!)+\Z")
_FOR = re.compile(r"\s+for\s+(?P<by>[a-z])\s*$")
_SOLVED = re.compile(r"^\s*solve\s+for\s+(?P<by>[a-z])\b", re.IGNORECASE)
_WORDS = (
    (re.compile(r"(\d+(?:\.\d+)?)\s*(?:%|percent)\s+of\s+"), r"(\1/100)*"),
    (re.compile(r"(\d+(?:\.\d+)?)\s*(?:%(?!\s*[\d(])|percent\b)"), r"(\1/100)"),
    (re.compile(r"\bthe square root of\s+(\w+|\([^()]*\))|\bsquare root of\s+(\w+|\([^()]*\))"), r"sqrt(\1\2)"),
    (re.compile(r"\b(?:divided by|over)\b"), "/"),
    (re.compile(r"\b(?:multiplied by|times)\b"), "*"),
    (re.compile(r"\bplus\b"), "+"),
    (re.compile(r"\bminus\b"), "-"),
    (re.compile(r"\bsquared\b"), "**2"),
    (re.compile(r"\bcubed\b"), "**3"),
    (re.compile(r"\bto the power of\b"), "**"),
    (re.compile(r"\bmod(?:ulo)?\b"), "%"),
    (re.compile(r"\bequals\b|\bis equal to\b"), "="),
    (re.compile(r"(\d+)!"), r"factorial(\1)"),
    (re.compile(r"(?<=\d),(?=\d{3}\b)"), ""),
    (re.compile(r"\^"), "**"),
    (re.compile("[\u00d7\u22c5\u00b7]"), "*"),
    (re.compile("\u00f7"), "/"),
    (re.compile("[\u2212\u2013]"), "-"),
    (re.compile(r"\)\s*\("), ")*("),
    (re.compile(r"(?<=\d)(?=[a-z(](?![a-z]*\())(?!e[+-]?\d)"), "*"),
)
# A number before a function is its factor.
_FACTOR = re.compile(rf"(?<![\w.])(\d+(?:\.\d+)?)\s*(?=(?:{'|'.join(FUNCTIONS)})\s*\()")
_OPERATORS = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.Pow: "**", ast.Mod: "%"}


class Exercise(msgspec.Struct, frozen=True):
    """What is to be done (``value``, ``solve``, ``derivative``, ``integral``, ``factor``, ``expand``, ``simplify``) and
    with which trees: one of a value, the two sides of each equation. ``by`` is the unknown, if it was named.
    """

    task: str
    sides: tuple[tuple[Tree, ...], ...]
    text: str
    by: str = ""


class Tree(msgspec.Struct, frozen=True):
    """``head`` is an operator, a function, ``neg``, ``symbol`` or ``number``; ``leaf`` is the text of the last two."""

    head: str
    parts: tuple[Tree, ...] = ()
    leaf: str = ""


def exercise(text: str) -> Exercise | None:
    """The exercise that ``text`` sets, or None where it is no arithmetic or algebra.

    What is one but is too large to be worked out (a number of more than 5,000 digits, say) is an
    `InvalidArgumentError`.
    """
    said = _END.sub("", text.strip())
    if len(said) > LONGEST:
        return None
    body = in_signs(said.lower())
    if not re.search(r"\d|\b[a-z]\b", body):
        return None
    named = _SOLVED.match(said)
    task, by = "", named["by"].lower() if named else ""
    for name, pattern in _TASKS:
        match = pattern.search(body)
        if match:
            task, body = name, match["body"]
            by = match.groupdict().get("by") or by
            break
    solving = bool(re.match(r"\s*(?:please\s+)?solve\b", body))
    body = _LEAD.sub("", body)
    match = _FOR.search(body)
    if match:
        by, body = match["by"], body[: match.start()]
    for pattern, instead in _WORDS:
        body = pattern.sub(instead, body)
    body = _FACTOR.sub(_factor, body)
    equations = [part for part in re.split(r"\s*(?:,|;|\band\b)\s*", body) if part] if "=" in body else [body]
    sides = []
    for equation in equations:
        parts = re.split(r"(?<![<>=!])=(?!=)", equation)
        trees = [_tree(part) for part in parts]
        if len(trees) > 2 or any(tree is None for tree in trees):
            return None
        known = tuple(tree for tree in trees if tree is not None)
        _check_size(max(map(_terms, known)), _MOST_TERMS, "terms when multiplied out:")
        sides.append(known)
    if not task:
        task = "solve" if any(len(each) == 2 for each in sides) or solving else "value"
    if task == "value" and not _computes(sides[0][0]):
        return None
    if task != "solve" and any(len(each) == 2 for each in sides):
        return None
    return Exercise(task, tuple(sides), body.strip(), by)


def symbols(tree: Tree) -> set[str]:
    """The unknowns in a tree."""
    if tree.head == "symbol":
        return set() if tree.leaf in CONSTANTS else {tree.leaf}
    return set().union(*(symbols(part) for part in tree.parts))


def _computes(tree: Tree) -> bool:
    """Whether there is anything to do: a lone number or letter is no exercise, nor are words between operators."""
    return tree.head not in ("number", "symbol", "neg") and len(symbols(tree)) <= 3


def _factor(match: re.Match[str]) -> str:
    """With its sign of multiplication; as it was, and then no exercise, where it may belong to what is before it, as in
    ``1/2sin(x)``, ``2^3sin(x)`` or ``1,000sin(x)``.
    """
    before = match.string[: match.start()].rstrip(f"+-{string.whitespace}")
    return match[0] if before.endswith(("/", "%", "**", ",")) else f"{match[1]}*"


def _tree(text: str) -> Tree | None:
    try:
        parsed = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return None
    return _checked(parsed, text.strip(), _DEEPEST)


def _checked(node: ast.AST, text: str, depth: int) -> Tree | None:
    if depth == 0:
        return None
    match node:
        case ast.Constant(value=bool()) | ast.Constant(value=complex()):
            return None
        case ast.Constant(value=int() as value):
            return Tree("number", leaf=repr(value))
        case ast.Constant(value=float() as value):
            return Tree("number", leaf=_decimal(ast.get_source_segment(text, node) or repr(value), value))
        case ast.Name(id=name) if name in CONSTANTS or len(name) == 1:
            return Tree("symbol", leaf=name)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            inner = _checked(operand, text, depth - 1)
            return None if inner is None else Tree("neg", (inner,))
        case ast.UnaryOp(op=ast.UAdd(), operand=operand):
            return _checked(operand, text, depth - 1)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
            one, other = _checked(left, text, depth - 1), _checked(right, text, depth - 1)
            if one is None or other is None:
                return None
            head = _OPERATORS[type(op)]
            if head == "**":
                _check_power(one, other)
            return Tree(head, (one, other))
        case ast.Call(func=ast.Name(id=name), args=args, keywords=[]) if name in FUNCTIONS and args:
            parts = [_checked(arg, text, depth - 1) for arg in args]
            if any(part is None for part in parts):
                return None
            known = tuple(part for part in parts if part is not None)
            if name == "factorial":
                _check_size(_magnitude(known[0]), _LARGEST_FACTORIAL, "a factorial of")
            if name == "binomial" and len(known) == 2:
                of, chosen = map(_magnitude, known)
                digits = min(of * math.log10(2), chosen * math.log10(max(of, 2.0)))
                _check_size(digits, _MOST_DIGITS, "a number of digits:")
            return Tree(name, known)
    return None


def _decimal(written: str, value: float) -> str:
    """A decimal with all the digits that it was written with, of which ``value`` has seventeen."""
    if not math.isfinite(value) or (not value and re.search(r"[1-9]", written.partition("e")[0])):
        raise InvalidArgumentError(f"{written:.80} is no number between 1e-323 and 1e308, which is as far as is done.")
    return written.replace("_", "")


def _check_power(base: Tree, exponent: Tree) -> None:
    power = _magnitude(exponent)
    if symbols(base):
        _check_size(power, _HIGHEST_DEGREE, "a power of")
        return
    digits = len(str(int(min(_magnitude(base), 1e300)))) * power
    _check_size(digits, _MOST_DIGITS, "a number of digits:")


def _check_size(value: float, most: float, what: str) -> None:
    if value > most:
        raise InvalidArgumentError(
            f"That is too large to be worked out here: {what} {value:.3g}, at most {most} is done."
        )


def _terms(tree: Tree) -> float:
    """How many terms it has at most when it is multiplied out."""
    if not symbols(tree):
        return 1.0
    counts = [_terms(part) for part in tree.parts]
    match tree.head:
        case "+" | "-":
            return counts[0] + counts[1]
        case "*" | "/":
            return counts[0] * counts[1]
        case "**":
            power = int(_magnitude(tree.parts[1]))
            return float(math.comb(power + int(min(counts[0], 2 * _MOST_TERMS)) - 1, power))
    return max([1.0, *counts])


def _magnitude(tree: Tree) -> float:
    """An upper bound of its absolute value; unknowns count as 1."""
    numbers: list[float] = [_magnitude(part) for part in tree.parts]
    try:
        match tree.head:
            case "number":
                return abs(float(tree.leaf))
            case "symbol":
                return 4.0
            case "+" | "-":
                return numbers[0] + numbers[1]
            case "*" | "/" | "%":
                return max(numbers[0], 1.0) * max(numbers[1], 1.0)
            case "**":
                return float(max(numbers[0], 1.0) ** numbers[1])
            case "factorial":
                return float(10.0 ** min(300.0, 3 * numbers[0]))
            case "exp":
                return float(3.0 ** numbers[0])
    except OverflowError:
        return 1e308
    return max([1.0, *numbers])


def shown(value: Any) -> str:
    """A result of sympy as people write it."""
    return str(value).replace("**", "^")

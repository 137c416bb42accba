"""Pure: sums that are said in words, in signs: "seven times eight", "the average of 4 and 8", "a quarter of 260"."""

from __future__ import annotations

import re

_UNITS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
)
_SMALL = {word: value for value, word in enumerate(_UNITS.split())}
_ROUND = "twenty thirty forty fifty sixty seventy eighty ninety"
_TENS = {word: 10 * ten for ten, word in enumerate(_ROUND.split(), 2)}
_LARGE = {"hundred": 100, "thousand": 1_000, "million": 1_000_000, "billion": 1_000_000_000}
_SHARES = {"half": 2, "third": 3, "quarter": 4, "fifth": 5, "sixth": 6, "eighth": 8, "tenth": 10}

_NAME = "|".join([*_SMALL, *_TENS, *_LARGE])
# "and" belongs to a number behind a hundred or a thousand only: "two and three" are two numbers.
_SPELT = re.compile(rf"\b(?:a )?(?:{_NAME})(?:(?:[ -]|(?<=hundred) and |(?<=thousand) and )(?:{_NAME}))*\b")
_NUMBER = r"\d+(?:\.\d+)?"
_LIST = rf"{_NUMBER}(?:(?:, and |, ?| and ){_NUMBER})*"
_SEPARATOR = re.compile(r", and |, ?| and ")
_RULES = (
    (re.compile(rf"\b(?:the )?sum of ({_LIST})"), "+"),
    (re.compile(rf"\b(?:the )?product of ({_LIST})"), "*"),
    (re.compile(rf"\b(?:the )?quotient of ({_LIST})"), "/"),
    (re.compile(rf"\b(?:the )?(?:average|mean) of ({_LIST})"), "average"),
    (re.compile(rf"\b(?:the )?(?:greatest common (?:divisor|factor)|highest common factor) of ({_LIST})"), "gcd"),
    (re.compile(rf"\b(?:the )?(?:least|lowest) common multiple of ({_LIST})"), "lcm"),
    (re.compile(rf"\b(?:the )?(?:larger|largest|greatest|maximum) of ({_LIST})"), "max"),
    (re.compile(rf"\b(?:the )?(?:smaller|smallest|least|minimum) of ({_LIST})"), "min"),
)
_TURNS = (
    (re.compile(rf"\b(?:the )?difference (?:between|of) ({_NUMBER}) and ({_NUMBER})"), r"abs(\1 - \2)"),
    (re.compile(rf"\badd ({_NUMBER}) (?:to|and) ({_NUMBER})"), r"\2 + \1"),
    (re.compile(rf"\bsubtract ({_NUMBER}) from ({_NUMBER})"), r"\2 - \1"),
    (re.compile(rf"\bmultiply ({_NUMBER}) (?:by|and|with) ({_NUMBER})"), r"\1 * \2"),
    (re.compile(rf"\bdivide ({_NUMBER}) by ({_NUMBER})"), r"\1 / \2"),
    (re.compile(rf"\b(?:double|twice) ({_NUMBER})"), r"2 * \1"),
    (re.compile(rf"\btriple ({_NUMBER})"), r"3 * \1"),
    (re.compile(rf"\bincreas(?:e|ing) ({_NUMBER}) by ({_NUMBER}) ?(?:%|percent)"), r"\1 * (1 + \2/100)"),
    (
        re.compile(rf"\b(?:decreas|reduc)(?:e|ing) ({_NUMBER}) by ({_NUMBER}) ?(?:%|percent)"),
        r"\1 * (1 - \2/100)",
    ),
    (re.compile(rf"\b({_NUMBER}) (?:increased|raised) by ({_NUMBER}) ?(?:%|percent)"), r"\1 * (1 + \2/100)"),
    (re.compile(rf"\b({_NUMBER}) (?:decreased|reduced) by ({_NUMBER}) ?(?:%|percent)"), r"\1 * (1 - \2/100)"),
)
_SHARE = re.compile(rf"\b(?:(?:a|one|the) |(?P<many>\d+) )?(?P<share>{'|'.join(_SHARES)})s? of (?=[\d(])")
_ASIDE = re.compile(r"^if (?:i|you|we) (?P<done>.+?), what (?:do|will|would) (?:i|you|we) (?:get|have)$")


def in_signs(text: str) -> str:
    """``text``, in small letters, with what it says of numbers in signs; the rest of it is as it was."""
    aside = _ASIDE.match(text)
    said = aside["done"] if aside else text
    said = _SPELT.sub(lambda match: _figure(match[0]), said)
    for pattern, operation in _RULES:
        said = pattern.sub(lambda match, sign=operation: _joined(_SEPARATOR.split(match[1]), sign), said)  # type: ignore[misc]
    for pattern, instead in _TURNS:
        said = pattern.sub(instead, said)
    return _SHARE.sub(lambda match: f"({match['many'] or 1}/{_SHARES[match['share']]})*", said)


def _figure(spelt: str) -> str:
    """A number that is written out, in figures: twelve hundred, three hundred and fifty."""
    total = part = 0
    for word in re.split(r"[ -]", spelt):
        if word in ("a", "and"):
            continue
        if word in _LARGE and _LARGE[word] > 100:
            total, part = total + (part or 1) * _LARGE[word], 0
        elif word in _LARGE:
            part = (part or 1) * 100
        else:
            part += _SMALL.get(word, _TENS.get(word, 0))
    return str(total + part)


def _joined(numbers: list[str], sign: str) -> str:
    listed = ", ".join(numbers)
    if sign == "average":
        return f"(({' + '.join(numbers)}) / {len(numbers)})"
    return f"({f' {sign} '.join(numbers)})" if sign in "+*/" else f"{sign}({listed})"

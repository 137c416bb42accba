"""Pure: from one unit to another, exactly: lengths, areas, volumes, masses, times, speeds, data, temperatures.

The factors are those that the units are defined by: the international yard and pound of 1959, the litre as a cubic
decimetre, the gallon of the United States as 231 cubic inches.
"""

from __future__ import annotations

import re
from decimal import Decimal
from fractions import Fraction

import msgspec

from companion_async.cognition.advanced_reasoning.step import Reasoned, Step
from companion_async.cognition.advanced_reasoning.wording import in_signs

RESPONDER = "units"
_LONGEST = 200  # characters; whoever converts says so in a few words
_DIGITS = 10

# Each unit with its names, and how much it is of the first of its kind.
_TABLES = {
    "length": "metre meter m 1, kilometre kilometer km 1000, centimetre centimeter cm 1/100, millimetre millimeter mm "
    "1/1000, mile mi 1609.344, yard yd 0.9144, foot feet ft 0.3048, inch 0.0254, nautical_mile sea_mile nmi 1852",
    "mass": "kilogram kilogramme kilo kg 1, gram gramme g 1/1000, milligram mg 1/1000000, tonne 1000, "
    "pound lb 0.45359237, ounce oz 0.028349523125, stone 6.35029318",
    "time": "second sec s 1, minute min 60, hour h 3600, day 86400, week 604800, fortnight 1209600, "
    "millisecond ms 1/1000, microsecond 1/1000000",
    "volume": "litre liter l 1, millilitre milliliter ml 1/1000, cubic_metre cubic_meter 1000, gallon 3.785411784, "
    "pint 0.473176473",
    "area": "square_metre square_meter 1, hectare ha 10000, square_kilometre square_kilometer 1000000, "
    "acre 4046.8564224, square_foot square_feet 0.09290304, square_mile 2589988.110336",
    "data": "byte b 1, bit 1/8, kilobyte kb 1000, megabyte mb 1000000, gigabyte gb 1000000000, "
    "terabyte tb 1000000000000, kibibyte kib 1024, mebibyte mib 1048576, gibibyte gib 1073741824, "
    "tebibyte tib 1099511627776",
    "speed": "metre_per_second meter_per_second m/s 1, kilometre_per_hour kilometer_per_hour km/h kph 5/18, "
    "mile_per_hour mph 0.44704, knot 463/900",
}


class _Unit(msgspec.Struct, frozen=True):
    """So many of the first unit of its kind as ``factor`` says, counted from ``zero``, which only degrees have."""

    kind: str
    factor: Fraction
    zero: Fraction = Fraction(0)


def _units() -> dict[str, _Unit]:
    found = {"kelvin": _Unit("temperature", Fraction(1))}
    for name in ("celsius", "centigrade", "c"):
        found[name] = _Unit("temperature", Fraction(1), Fraction("273.15"))
    for name in ("fahrenheit", "f"):
        found[name] = _Unit("temperature", Fraction(5, 9), Fraction("459.67") * Fraction(5, 9))
    for kind, table in _TABLES.items():
        for entry in table.split(", "):
            *names, factor = entry.split()
            found |= {name.replace("_", " "): _Unit(kind, Fraction(factor)) for name in names}
    return found


_UNITS = _units()
_NAME = r"(?:degrees? |°)?[a-z/]+(?: [a-z]+){0,2}"
_AMOUNT = r"(?P<amount>-?\d[\d,]*(?:\.\d+)?|an?|one)"
_ASKED = (
    re.compile(
        rf"^how many (?P<to>{_NAME}?) (?:are there in|are in|is in|are|is|in|make|go into) {_AMOUNT} ?(?P<of>{_NAME})$"
    ),
    re.compile(
        rf"^(?:convert|change|turn|express|how much is|how much are|how far is|how long is|what is|what's|what are)? ?"
        rf"{_AMOUNT} ?(?P<of>{_NAME}?) (?:to|in|into|as|expressed in) (?P<to>{_NAME})$"
    ),
)


class Conversion(msgspec.Struct, frozen=True):
    """An ``amount`` of one unit, that is to be told in another; both as they were called."""

    amount: Fraction
    of: str
    to: str


def conversion(text: str) -> Conversion | None:
    """What ``text`` asks to be converted; None where it asks for nothing of the kind."""
    if len(text) > _LONGEST:
        return None
    said = in_signs(text.strip().rstrip("?.! ").lower())
    for pattern in _ASKED:
        asked = pattern.match(said)
        if asked is None:
            continue
        of, to = _unit(asked["of"]), _unit(asked["to"])
        if of is not None and to is not None and of.kind == to.kind:
            amount = (
                Fraction(1) if asked["amount"] in ("a", "an", "one") else Fraction(asked["amount"].replace(",", ""))
            )
            return Conversion(amount, asked["of"].strip(), asked["to"].strip())
    return None


def converted(asked: Conversion) -> Reasoned:
    """The amount in the other unit, exact where its decimals end, and otherwise said to be about so much."""
    of, to = _unit(asked.of), _unit(asked.to)
    if of is None or to is None:
        raise AssertionError("a conversion is between units that are known")
    value = (asked.amount * of.factor + of.zero - to.zero) / to.factor
    shown = _decimal(value)
    steps = (
        Step("parse", f"{_decimal(asked.amount)} {asked.of} in {asked.to}", of.kind),
        Step("rewrite", f"one of them is {_decimal(of.factor / to.factor)} {asked.to}", shown)
        if not (of.zero or to.zero)
        else Step("rewrite", f"{asked.of} and {asked.to} begin to count elsewhere", shown),
    )
    exact = not shown.startswith("about")
    name = asked.to.removeprefix("degrees ").removeprefix("degree ")
    answer = f"{shown} {name.upper() if name.startswith('°') else name}"
    return Reasoned(answer, "exact", steps, exact=exact, confidence=1.0, responder=RESPONDER)


def _unit(name: str) -> _Unit | None:
    plain = re.sub(r"^(?:degrees? |°)", "", name.strip())
    head, per, rest = plain.partition(" per ")
    singular = f"{head.removesuffix('s')}{per}{rest}"
    candidates = (plain, singular, plain.removesuffix("es"))
    return next((_UNITS[each] for each in candidates if each in _UNITS), None)


def _decimal(value: Fraction) -> str:
    """``value`` as a decimal number; one that does not end in time is rounded, and says so."""
    scaled = value * 10**_DIGITS
    if scaled.denominator > 1:
        return f"about {float(value):.{_DIGITS}g}"
    return f"{Decimal(scaled.numerator).scaleb(-_DIGITS).normalize():f}"

"""Pure: what is asked of the calendar: the days between two dates, the date so long after one, weekdays, leap years.

The calendar is the Gregorian one, also before it was used anywhere. Nothing here knows what day it is today.
"""

from __future__ import annotations

import calendar
import re
from datetime import date, timedelta

import msgspec

from companion_async.cognition.advanced_reasoning.step import Reasoned, Step
from companion_async.cognition.advanced_reasoning.wording import in_signs

RESPONDER = "calendar"
_LONGEST = 200  # characters

_MONTHS = {name.lower(): number for number, name in enumerate(calendar.month_name) if name}
_MONTHS |= {name.lower(): number for number, name in enumerate(calendar.month_abbr) if name} | {"sept": 9}
_MONTH = "|".join(sorted(_MONTHS, key=len, reverse=True))
_DAY = r"\d{1,2}(?:st|nd|rd|th)?"
_DATE = re.compile(
    r"\b(?P<iso>\d{4}-\d{2}-\d{2})\b"
    rf"|\b(?:the )?(?P<day>{_DAY}) (?:of )?(?P<month>{_MONTH})\.?,? (?P<year>\d{{4}})\b"
    rf"|\b(?P<month_first>{_MONTH})\.? (?P<day_after>{_DAY}),? (?P<year_after>\d{{4}})\b"
)
_BETWEEN = re.compile(r"\bhow (?P<unit>many (?:days|weeks)|long)\b.*\b(?:between|from|until|till|passed|to)\b")
_SHIFT = re.compile(
    r"\b(?P<count>\d+) (?P<unit>day|week|month|year)s? (?P<way>after|before|from|later than|earlier than)\b"
)
_WEEKDAY = re.compile(r"\b(?:weekday|day of the week|what day|which day|on which day)\b")
_LEAP = re.compile(r"^(?:is|was|will) (?:the year )?(?P<year>\d{1,4}) (?:be )?a leap year$")
_EARLIER = ("before", "earlier than")


class Reckoning(msgspec.Struct, frozen=True):
    """What is to be told of some ``dates``: the ``days`` or ``weeks`` between two, the ``weekday`` of one, the date
    ``count`` days, weeks, months or years after one (``shift``), or whether its year is a ``leap`` year.
    """

    task: str
    dates: tuple[date, ...]
    count: int = 0
    unit: str = ""


def reckoning(text: str) -> Reckoning | None:
    """What ``text`` asks of the calendar; None where it asks nothing of it, or names no date that there is."""
    if len(text) > _LONGEST:
        return None
    said = text.strip().rstrip("?.! ").lower()
    leap = _LEAP.match(said)
    if leap:
        return Reckoning("leap", (date(int(leap["year"]), 1, 1),)) if int(leap["year"]) else None
    dates = tuple(filter(None, map(_date, _DATE.finditer(said))))
    shift = _SHIFT.search(in_signs(_DATE.sub("", said)))
    if len(dates) == 2 and _BETWEEN.search(said):
        return Reckoning("weeks" if "many weeks" in said else "days", dates)
    if len(dates) == 1 and shift:
        count = int(shift["count"]) * (-1 if shift["way"] in _EARLIER else 1)
        return Reckoning("shift", dates, count, shift["unit"])
    if len(dates) == 1 and _WEEKDAY.search(said):
        return Reckoning("weekday", dates)
    return None


def reckoned(asked: Reckoning) -> Reasoned:
    """The answer, exactly. A date that the calendar has not (beyond the year 9999, say) is told as not found."""
    first = asked.dates[0]
    match asked.task:
        case "leap":
            leap = calendar.isleap(first.year)
            answer = f"{'yes' if leap else 'no'}, {first.year} {'is' if leap else 'is not'} a leap year"
            step = Step("rewrite", f"{first.year} by 4, by 100 and by 400", answer)
        case "days" | "weeks":
            days = abs((asked.dates[1] - first).days)
            weeks, rest = divmod(days, 7)
            answer = (
                f"{days} days" if asked.task == "days" else f"{weeks} weeks" + (f" and {rest} days" if rest else "")
            )
            step = Step("rewrite", f"{asked.dates[1]} - {first}", f"{days} days")
        case "weekday":
            answer = f"{calendar.day_name[first.weekday()]}"
            step = Step("rewrite", f"the weekday of {first}", answer)
        case _:
            try:
                found = _shifted(first, asked.count, asked.unit)
            except (ValueError, OverflowError):
                return Reasoned("The calendar has no such date.", "exact", (), found=False)
            answer = f"{found} (a {calendar.day_name[found.weekday()]})"
            step = Step("rewrite", f"{first} {asked.count:+d} {asked.unit}s", answer)
    told = " and ".join(map(str, asked.dates))
    steps = (Step("parse", told, asked.task), step)
    return Reasoned(answer, "exact", steps, exact=True, confidence=1.0, responder=RESPONDER)


def _date(match: re.Match[str]) -> date | None:
    try:
        if match["iso"]:
            return date.fromisoformat(match["iso"])
        day = match["day"] or match["day_after"]
        month, year = match["month"] or match["month_first"], match["year"] or match["year_after"]
        return date(int(year), _MONTHS[month], int(re.sub(r"\D", "", day)))
    except ValueError:
        return None


def _shifted(start: date, count: int, unit: str) -> date:
    """``start`` so many units on; the last day of a month that has no such day."""
    if unit in ("day", "week"):
        return start + timedelta(days=count * (7 if unit == "week" else 1))
    year, month = divmod(start.year * 12 + start.month - 1 + count * (12 if unit == "year" else 1), 12)
    return date(year, month + 1, min(start.day, calendar.monthrange(year, month + 1)[1]))

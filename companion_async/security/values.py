"""Pure: which values are plain data of bounded size, and what is refused about the others."""

from __future__ import annotations

import dataclasses
import datetime
import decimal
import enum
import math
import uuid
from typing import Any

import msgspec

from companion_async.errors import InvalidArgumentError, SecurityError
from companion_async.security.arguments import check_count

DEEPEST = 200
"""No limit on depth may be set beyond this: the check itself descends, and the interpreter's stack is finite."""

_SCALARS = (
    bytes,
    bytearray,
    datetime.date,
    datetime.time,
    datetime.timedelta,
    uuid.UUID,
)


class SecuritySettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Limits on data that comes in from outside.

    A memory's text may have ``max_content`` characters. A value may be ``max_depth`` deep and have ``max_items``
    members in all; its texts and bytes together may be ``max_size`` long. Whole numbers have at most ``max_int_bits``:
    what JSON readers, SQLite and msgpack take for a number has 64. A call takes ``max_arguments``.

    What a task is called with is shown to operators where ``expose_errors`` is on: of the modules named in
    ``hidden_arguments`` to nobody; after its end of those whose run did not complete, and with ``keep_arguments`` of
    those that completed too. What is kept is a short text, made on the loop, for some 25 microseconds a task.
    """

    max_content: int = 10_000
    max_depth: int = 32
    max_items: int = 10_000
    max_size: int = 1_048_576
    max_int_bits: int = 64
    max_arguments: int = 64
    hidden_arguments: tuple[str, ...] = ()
    keep_arguments: bool = False

    def __post_init__(self) -> None:
        given: Any = self.hidden_arguments
        if not isinstance(given, (tuple, list)) or not all(isinstance(each, str) for each in given):
            raise InvalidArgumentError(f"security.hidden_arguments must be names of modules; {given!r:.80} is not.")
        msgspec.structs.force_setattr(self, "hidden_arguments", tuple(given))
        if not isinstance(self.keep_arguments, bool):
            raise InvalidArgumentError(
                f"security.keep_arguments must be True or False, not {self.keep_arguments!r:.80}."
            )
        for key in (each for each in self.__struct_fields__ if each.startswith("max_")):
            check_count(getattr(self, key), f"security.{key}", maximum=DEEPEST if key == "max_depth" else None)


USUAL = SecuritySettings()


class UnknownTypeError(SecurityError):
    """The value is no plain data: a function, an open file, an object of a class of one's own."""


def check_value(value: Any, what: str = "value", limits: SecuritySettings = USUAL) -> None:
    """`SecurityError` unless ``value`` is plain data within the limits; ``what`` names it in the message.

    Plain data is None, booleans, numbers, text, bytes, dates, `Decimal`, `UUID`, enums, and lists, tuples, sets, dicts,
    dataclasses and msgspec structs of plain data: what can be copied, compared and stored. Numbers are finite, since
    NaN equals nothing, not even itself, and JSON knows neither NaN nor infinities. Text has no lone surrogates, which
    no encoding takes. Keys are text or numbers, and none begins with ``__``: written to an object's attributes it would
    reach its class. What contains itself is refused for its depth.
    """
    Inspection(limits).look(value, what)


class Inspection:
    """Looks at values that share one budget of members and size. Unless ``encodable``, lone surrogates pass."""

    def __init__(self, limits: SecuritySettings, *, encodable: bool = True) -> None:
        self._limits = limits
        self._encodable = encodable
        self._what = "value"
        self._items = 0
        self._size = 0
        self._trail: list[str] = []

    def look(self, value: Any, what: str) -> None:
        """`SecurityError` unless ``value`` is plain data within what is left of the budget."""
        self._what = what
        self._trail.clear()
        self._look(value, 0)

    def _look(self, value: Any, depth: int) -> None:
        if value is None or isinstance(value, bool):
            return
        if isinstance(value, enum.Enum):
            self._look(value.value, depth)
        elif isinstance(value, str):
            self._text(value)
        elif isinstance(value, int):
            if value.bit_length() > self._limits.max_int_bits:
                self._refuse(f"is a whole number of more than {self._limits.max_int_bits} bits; send it as text")
        elif isinstance(value, float):
            if not math.isfinite(value):
                self._refuse(f"is {value}, which is no number to compare or to store; use None")
        elif isinstance(value, decimal.Decimal):
            if not value.is_finite():
                self._refuse(f"is {value}, which is no number to compare or to store; use None")
        elif isinstance(value, _SCALARS):
            if isinstance(value, (bytes, bytearray)):
                self._grow(len(value))
        else:
            self._members(value, depth + 1)

    def _members(self, value: Any, depth: int) -> None:
        if depth > self._limits.max_depth:
            self._refuse(f"is more than {self._limits.max_depth} levels deep, or contains itself")
        if isinstance(value, dict):
            self._count(len(value))
            for key, member in value.items():
                self._key(key, depth)
                self._step(f"[{key!r:.40}]", member, depth)
        elif isinstance(value, (list, tuple, set, frozenset)):
            self._count(len(value))
            for index, member in enumerate(value):
                self._step(f"[{index}]", member, depth)
        elif isinstance(value, msgspec.Struct):
            self._fields(value, value.__struct_fields__, depth)
        elif dataclasses.is_dataclass(value) and not isinstance(value, type):
            self._fields(value, tuple(field.name for field in dataclasses.fields(value)), depth)
        else:
            kind = type(value)
            raise UnknownTypeError(
                f"{self._where()} is a {kind.__module__}.{kind.__qualname__}, which is no plain data. Send numbers, "
                "text, bytes, dates, and lists, dicts, dataclasses or msgspec structs of them."
            )

    def _fields(self, value: Any, names: tuple[str, ...], depth: int) -> None:
        self._count(len(names))
        for name in names:
            self._step(f".{name}", getattr(value, name, None), depth)

    def _step(self, step: str, member: Any, depth: int) -> None:
        self._trail.append(step)
        self._look(member, depth)
        self._trail.pop()

    def _key(self, key: Any, depth: int) -> None:
        if isinstance(key, bool) or not isinstance(key, (str, int, float, datetime.date, uuid.UUID, enum.Enum)):
            self._refuse(f"has a key of type {type(key).__name__}; keys are text or numbers")
        if isinstance(key, str) and key.startswith("__"):
            self._refuse(f"has the key {key[:40]!r}; keys must not begin with '__'")
        self._look(key, depth)

    def _text(self, value: str) -> None:
        self._grow(len(value))
        if self._encodable and not value.isascii():
            try:
                value.encode()
            except UnicodeEncodeError:
                self._refuse("has half of a surrogate pair in its text, which cannot be encoded")

    def _count(self, members: int) -> None:
        self._items += members
        if self._items > self._limits.max_items:
            self._refuse(f"has more than {self._limits.max_items} members")

    def _grow(self, length: int) -> None:
        self._size += length
        if self._size > self._limits.max_size:
            self._refuse(f"holds more than {self._limits.max_size} characters and bytes")

    def _refuse(self, why: str) -> None:
        raise SecurityError(f"{self._where()} {why}.")

    def _where(self) -> str:
        shown = self._trail if len(self._trail) <= 6 else [*self._trail[:3], "...", *self._trail[-2:]]
        return self._what + "".join(shown)

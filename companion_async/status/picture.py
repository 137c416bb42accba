"""What every status picture is: frozen through and through, safe to keep, plain JSON on request."""

from __future__ import annotations

from typing import Any, NoReturn, TypeVar

import msgspec

V = TypeVar("V")


class Picture(msgspec.Struct, frozen=True, kw_only=True):
    """Root of the status structs. Durations are seconds, sizes bytes, moments aware UTC datetimes."""

    def to_dict(self) -> dict[str, Any]:
        """The same as plain JSON types: moments as ISO-8601 strings, tuples as lists, a number that is none as None."""
        plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(self))
        return plain


class FrozenMap(dict[str, V]):
    """A dict made once. Changing it raises `TypeError`; it compares, encodes, copies and pickles as a dict does."""

    __slots__ = ()

    def _refuse(self, *args: object, **kwargs: object) -> NoReturn:
        raise TypeError("This mapping cannot be changed. Copy it with dict(...) first.")

    __setitem__ = __delitem__ = __ior__ = _refuse
    clear = pop = popitem = setdefault = update = _refuse

    def __reduce__(self) -> tuple[type[FrozenMap[V]], tuple[dict[str, V]]]:
        return FrozenMap, (dict(self),)

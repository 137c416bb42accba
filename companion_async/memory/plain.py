"""Plain data back into what it was made from, or refused."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, TypeVar

import msgspec

from companion_async.errors import StorageError

T = TypeVar("T")
Share = Annotated[float, msgspec.Meta(ge=0.0, le=1.0)]
Local = Annotated[datetime, msgspec.Meta(tz=False)]
"""A moment without a time zone."""


def of_plain(data: Any, kind: type[T]) -> T:
    """``data``, as JSON has it, as a ``kind``; `StorageError` where it is no such thing."""
    try:
        return msgspec.convert(data, kind)
    except msgspec.ValidationError as error:
        raise StorageError(f"This is nothing that was saved by to_dict(): {error}") from error

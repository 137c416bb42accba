"""One thing that can be asked for: what every framework's routes are made from."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from companion_async.brain.brain import Brain
from companion_async.http.access import Role
from companion_async.http.answer import JSON

if TYPE_CHECKING:
    from companion_async.http.api import Api
    from companion_async.http.request import Request


class Call(msgspec.Struct, frozen=True, eq=False):
    """An operation that was let in: who asks, and what for, decoded and checked."""

    api: Api
    request: Request
    role: Role
    query: Any
    body: Any

    @property
    def brain(self) -> Brain:
        """The brain that is asked."""
        return self.api.brain

    @property
    def params(self) -> Mapping[str, str]:
        """The variable parts of the path."""
        return self.request.params

    @property
    def exposes(self) -> bool:
        """Whether whoever asks may read the texts of errors."""
        return self.role is Role.OPERATOR and self.brain.config.expose_errors


Handler = Callable[[Call], Any | Awaitable[Any]]


class Operation(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """What is asked with ``method`` at ``path`` (variable parts in braces, ``{name:path}`` may hold slashes).

    ``handler`` gives the data of the answer, or an `Answer` of its own. ``role`` is the least that may ask. ``query``
    and ``body`` are the structs that they are decoded to; a body of which every field has a default may be left out.
    ``data`` is the type of the data, for the description; ``media`` what is answered, JSON in our envelope or not.
    ``shared``: a picture of the moment, which those who ask too often share (`Allowance`); its handler does not wait.
    ``anytime``: also while the brain starts and ends. ``refuses`` are the statuses beside those that all have.
    """

    name: str
    method: str
    path: str
    summary: str
    handler: Handler
    role: Role = Role.READER
    query: type[msgspec.Struct] | None = None
    body: type[msgspec.Struct] | None = None
    data: Any = None
    status: int = 200
    media: str = JSON
    streams: bool = False
    shared: bool = False
    anytime: bool = False
    refuses: tuple[int, ...] = ()

    @property
    def changes(self) -> bool:
        """Whether it changes anything."""
        return self.method not in ("GET", "HEAD")

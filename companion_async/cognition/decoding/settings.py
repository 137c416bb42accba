"""Where and within which limits files are decoded."""

from __future__ import annotations

from typing import Any

import msgspec

from companion_async.errors import InvalidArgumentError
from companion_async.security import check_count, check_seconds


class DecodingSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``isolate``: pictures, sounds and PDF files are decoded in processes of their own, and not in threads of this
    one, where a crash of a decoder's C code ends the program and one that hangs cannot be stopped. There each may take
    ``seconds``, and allocate ``memory_limit`` bytes, which Linux keeps and other systems do not.
    """

    isolate: bool = True
    seconds: float = 60.0
    memory_limit: int = 2 * 1024**3

    def __post_init__(self) -> None:
        isolate: Any = self.isolate
        if not isinstance(isolate, bool):
            raise InvalidArgumentError(f"isolate must be true or false; {isolate!r:.80} is neither.")
        msgspec.structs.force_setattr(self, "seconds", check_seconds(self.seconds, "seconds"))
        check_count(self.memory_limit, "memory_limit", minimum=2**28, maximum=2**50)

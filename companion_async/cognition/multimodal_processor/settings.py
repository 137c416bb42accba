"""How much of a picture, a sound or a text is looked at."""

from __future__ import annotations

import msgspec

from companion_async.security import check_count, check_seconds


class MediaSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``max_bytes``: of a file. ``max_pixels``: of a picture, as it says before it is unpacked. ``max_seconds``: of a
    sound. ``thumbnail``: the longer side of the small picture. ``colours``: of the palette.
    """

    max_bytes: int = 50 * 1024 * 1024
    max_pixels: int = 40_000_000
    max_seconds: float = 3600.0
    thumbnail: int = 256
    colours: int = 6

    def __post_init__(self) -> None:
        for name, most in (("max_bytes", None), ("max_pixels", None), ("thumbnail", 4096), ("colours", 256)):
            if most is None:
                check_count(getattr(self, name), name)
            else:
                check_count(getattr(self, name), name, maximum=most)
        msgspec.structs.force_setattr(self, "max_seconds", check_seconds(self.max_seconds, "max_seconds"))

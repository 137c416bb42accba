"""Pure: the body of a response, unpacked no further than it may be."""

from __future__ import annotations

import zlib

_PACKED = frozenset({"gzip", "x-gzip", "deflate"})
ACCEPTED = "gzip, deflate"
"""What is asked for: what can be unpacked bit by bit."""


class UnknownEncodingError(Exception):
    """The body is packed in a way that was not asked for."""


class TooLargeError(Exception):
    """The body is longer than it may be."""


class BrokenBodyError(Exception):
    """The body is not what its encoding says."""


class Body:
    """Takes a body as it comes; never holds more than ``most`` bytes of it and what was just received."""

    def __init__(self, encoding: str, most: int) -> None:
        name = encoding.strip().lower()
        if name not in ("", "identity", *_PACKED):
            raise UnknownEncodingError
        # 32 and more: gzip or zlib, whichever its first bytes say.
        self._unpacker = zlib.decompressobj(zlib.MAX_WBITS | 32) if name in _PACKED else None
        self._bare = name == "deflate"  # some servers send it without the frame that it should have
        self._most = most
        self._taken = bytearray()

    def take(self, chunk: bytes) -> None:
        """Add what was received. `TooLargeError` as soon as it is too much, `BrokenBodyError` where it is damaged."""
        if self._unpacker is None:
            self._taken += chunk
        else:
            self._taken += self._unpacked(chunk)
        if len(self._taken) > self._most:
            raise TooLargeError

    def beginning(self) -> bytes:
        """As much as may be of what was taken."""
        return bytes(self._taken[: self._most])

    def whole(self) -> bytes:
        """All that was taken. `BrokenBodyError` where the end of it is missing."""
        if self._unpacker is not None and self._taken and not self._unpacker.eof:
            raise BrokenBodyError
        return bytes(self._taken)

    def _unpacked(self, chunk: bytes) -> bytes:
        if self._unpacker is None:
            raise AssertionError("asked only where there is something to unpack")
        room = self._most + 1 - len(self._taken)
        try:
            return self._unpacker.decompress(chunk, room)
        except zlib.error:
            if not self._bare or self._taken:
                raise BrokenBodyError from None
            self._bare, self._unpacker = False, zlib.decompressobj(-zlib.MAX_WBITS)
            return self._unpacked(chunk)

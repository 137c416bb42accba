"""Pure: what was learned of words and passages, as bytes that can be kept and are looked at before they are believed.

Nothing in them is run when they are read, and a seal over all of it finds what was damaged, cut short or changed. It is
no secret: whoever can write to the index can make one, and can as well change the passages themselves.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import msgspec

_SEAL = 32


class Learned(msgspec.Struct, frozen=True):
    """A vector for each of ``words``, and one for each of the first ``count`` passages, in ``dimensions`` numbers.

    ``recipe`` says how it was learned, ``passages`` is the fingerprint of those it was learned from. Vectors stand one
    after the other as little-endian floats of four bytes.
    """

    recipe: str
    passages: bytes
    count: int
    dimensions: int
    words: tuple[str, ...]
    directions: memoryview
    vectors: memoryview

    @property
    def fits(self) -> bool:
        """Whether there are as many numbers as there should be."""
        row = 4 * self.dimensions
        return (
            (self.dimensions > 0) == bool(self.words)
            and len(set(self.words)) == len(self.words)
            and self.directions.nbytes == row * len(self.words)
            and self.vectors.nbytes == row * self.count
        )


def sealed(learned: Learned) -> bytes:
    """``learned`` as bytes."""
    packed = msgspec.msgpack.encode(learned)
    return _seal(packed) + packed


def unsealed(data: bytes) -> Learned | None:
    """What `sealed` made these bytes of; None if they are anything else."""
    packed = memoryview(data)[_SEAL:]
    if data[:_SEAL] != _seal(packed):
        return None
    try:
        learned = msgspec.msgpack.decode(packed, type=Learned)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):  # the last two come of bytes that somebody made up
        return None
    return learned if learned.fits else None


def fingerprint(passages: Iterable[tuple[int, str]]) -> bytes:
    """A fingerprint of passages with their numbers, in this order."""
    mark = hashlib.blake2b(digest_size=_SEAL)
    for number, text in passages:
        encoded = text.encode()
        mark.update(b"%d %d " % (number, len(encoded)))
        mark.update(encoded)
    return mark.digest()


def _seal(packed: bytes | memoryview) -> bytes:
    return hashlib.blake2b(packed, digest_size=_SEAL).digest()

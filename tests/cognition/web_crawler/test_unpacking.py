from __future__ import annotations

import gzip
import zlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from companion_async.cognition.web_crawler.unpacking import (
    Body,
    BrokenBodyError,
    TooLargeError,
    UnknownEncodingError,
)

pytestmark = pytest.mark.feature("CB-44")


def bare(content):
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(content) + packer.flush()


PACKERS: dict[str, Any] = {"": bytes, "gzip": gzip.compress, "deflate": zlib.compress, "DEFLATE": bare}


@given(st.binary(max_size=3000), st.sampled_from(sorted(PACKERS)), st.integers(1, 100))
def test_what_was_packed_comes_out_again(content, encoding, size):
    """A body is the same in pieces of any size, however it was packed."""
    packed = PACKERS[encoding](content)
    body = Body(encoding, 3000)
    for start in range(0, len(packed), size):
        body.take(packed[start : start + size])
    assert body.whole() == content


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_a_bomb_is_not_unpacked(encoding):
    """What would unpack to a thousand times its size is given up at the limit, at the first piece."""
    body = Body(encoding, 1000)
    with pytest.raises(TooLargeError):
        body.take(PACKERS[encoding](bytes(50_000_000)))
    assert len(body._taken) <= 1001


def test_what_is_damaged_or_cut_short_is_told():
    """Half a body is none."""
    packed = gzip.compress(b"some text that is long enough to be cut")
    with pytest.raises(BrokenBodyError):
        Body("gzip", 1000).take(b"this was never packed")
    half = Body("gzip", 1000)
    half.take(packed[:-12])
    with pytest.raises(BrokenBodyError):
        half.whole()


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, gzip", "compress"])
def test_what_was_not_asked_for_is_not_unpacked(encoding):
    """Encodings that were not offered, and those that are stacked, are refused."""
    with pytest.raises(UnknownEncodingError):
        Body(encoding, 1000)

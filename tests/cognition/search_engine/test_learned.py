"""What was learned, as bytes: the same comes out, or nothing."""

from __future__ import annotations

import hashlib
import pickle

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from companion_async.cognition.search_engine.learned import Learned, fingerprint, sealed, unsealed

pytestmark = pytest.mark.feature("CB-43")

LEARNED = Learned(
    "one way", fingerprint([(1, "zip")]), 1, 2, ("zip", "tar"), memoryview(bytes(16)), memoryview(bytes(8))
)
DATA = sealed(LEARNED)


def test_what_was_sealed_comes_back():
    """Every field is as it was."""
    assert unsealed(DATA) == LEARNED


@given(st.integers(0, len(DATA) - 1), st.integers(1, 255))
def test_a_byte_that_was_changed_is_found(place, change):
    """Wherever it is, in the seal too."""
    assert unsealed(DATA[:place] + bytes([DATA[place] ^ change]) + DATA[place + 1 :]) is None


@given(st.integers(0, len(DATA) - 1))
def test_what_was_cut_is_found(length):
    """At whatever place, and at the beginning."""
    assert unsealed(DATA[:length]) is None
    assert unsealed(DATA[len(DATA) - length :]) is None


@given(st.binary())
@example(b"\x81\xa1x" + b"\x91" * 300_000 + b"\xc0")  # nested without end
@example(b"\x81\xa6recipe\xa2\xff\xfe")  # no UTF-8
def test_anything_else_is_nothing(data):
    """Bytes of another origin are refused and raise nothing, under a right seal too."""
    assert unsealed(data) is None
    assert unsealed(resealed(data)) is None


def test_nothing_in_it_is_run():
    """An object that would run something when it is unpickled stays bytes, under a right seal too."""

    class Trap:
        def __reduce__(self):
            return (pytest.fail, ("it was run",))

    trap = pickle.dumps(Trap())
    assert unsealed(trap) is None
    assert unsealed(resealed(trap)) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"count": 2},
        {"count": -1},
        {"dimensions": 3},
        {"dimensions": 0},
        {"dimensions": -2},
        {"words": ("zip",)},
        {"words": ("zip", "zip")},
        {"words": ()},
        {"directions": memoryview(b"")},
        {"vectors": memoryview(bytes(9))},
    ],
    ids="-".join,
)
def test_numbers_that_do_not_fit_are_refused(changes):
    """Under a right seal too, so that no vector is taken for that of another word."""
    assert unsealed(sealed(msgspec.structs.replace(LEARNED, **changes))) is None


def test_fields_of_another_kind_are_refused():
    """Under a right seal too."""
    assert unsealed(resealed(msgspec.msgpack.encode({**msgspec.structs.asdict(LEARNED), "words": [1, 2]}))) is None
    assert unsealed(resealed(msgspec.msgpack.encode({"recipe": "one way"}))) is None


def test_nothing_learned_is_kept_as_well():
    """Of a single passage nothing can be learned, and that need not be tried again."""
    nothing = Learned("one way", fingerprint([(1, "zip")]), 1, 0, (), memoryview(b""), memoryview(b""))
    assert unsealed(sealed(nothing)) == nothing


@pytest.mark.parametrize(
    "others",
    [
        [],
        [(1, "zip")],
        [(2, "tar"), (1, "zip")],
        [(1, "tar"), (2, "zip")],
        [(1, "zipt"), (2, "ar")],
        [(1, "zip"), (3, "tar")],
        [(1, "zip"), (2, "tar"), (3, "")],
    ],
)
def test_other_passages_have_another_fingerprint(others):
    """Texts, numbers, their order and where one ends and the next begins all count."""
    assert fingerprint(others) != fingerprint([(1, "zip"), (2, "tar")])
    assert fingerprint(others) == fingerprint(iter(others))


def resealed(packed):
    """The bytes under the seal that they should have."""
    return hashlib.blake2b(packed, digest_size=32).digest() + packed

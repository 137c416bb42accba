"""What is plain data, and what is refused."""

from __future__ import annotations

import dataclasses
import datetime
import decimal
import enum
import itertools
import uuid
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from companion_async import BrainConfig, InvalidArgumentError, SecurityError, SecuritySettings
from companion_async.security import check_count, check_value


class Mood(enum.Enum):
    CALM = "calm"


@dataclasses.dataclass
class Place:
    name: str
    at: tuple[int, int]


class Memory(msgspec.Struct):
    text: str
    weight: float


PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]))
    | st.binary()
    | st.datetimes()
    | st.uuids(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(codec="ascii", categories=["L"])), inner),
    max_leaves=20,
)


@pytest.mark.feature("PX-02")
@given(PLAIN)
def test_plain_data_is_taken_and_can_be_stored(value: Any) -> None:
    """Whatever is not refused can be encoded as JSON."""
    check_value(value)
    msgspec.json.encode(value)


@pytest.mark.parametrize(
    "value",
    [
        Mood.CALM,
        Place("hall", (1, 2)),
        Memory("rain", 0.5),
        {"when": datetime.date(2026, 1, 1), "how long": datetime.timedelta(1)},
        {Mood.CALM: {1, 2}, uuid.UUID(int=1): frozenset("ab"), 0.5: decimal.Decimal("0.1"), 3: b"x"},
        "<script>alert(1)</script> & \x1b[31m \x00",
        {"_id": 1},
    ],
)
def test_structs_enums_dates_and_any_text_are_plain_data(value: object) -> None:
    """Text in the state is nobody's business: control characters and markup are text."""
    check_value(value)


def nested(depth: int) -> Any:
    """A list in a list in a list."""
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


def cycle() -> Any:
    """A dict and a list that hold each other, twice."""
    value: dict[str, Any] = {}
    value["again"] = [value, value]
    return value


@pytest.mark.feature("PX-02")
@pytest.mark.parametrize(
    ("value", "why"),
    [
        (float("nan"), "value is nan"),
        ([1, {"a": float("inf")}], r"value\[1\]\['a'\] is inf"),
        (decimal.Decimal("NaN"), "is NaN"),
        (2**64, "more than 64 bits"),
        (-(10**5000), "more than 64 bits"),
        ("\ud800", "surrogate"),
        ({"\udfff": 1}, "surrogate"),
        ({"__class__": 1}, "must not begin with '__'"),
        ({"a": [{"__proto__": {}}]}, r"value\['a'\]\[0\] has the key '__proto__'"),
        ({(1, 2): 3}, "has a key of type tuple"),
        ({True: 3}, "has a key of type bool"),
        ({None: 3}, "has a key of type NoneType"),
        (nested(33), "more than 32 levels deep"),
        (nested(100_000), "more than 32 levels deep"),
        (cycle(), "contains itself"),
        ([0] * 10_001, "more than 10000 members"),
        ([[0] * 999] * 11, "more than 10000 members"),
        ("x" * 1_048_577, "more than 1048576 characters"),
        ([b"x" * 600_000, "y" * 600_000], r"value\[1\] holds more than 1048576"),
        (print, "builtin_function_or_method, which is no plain data"),
        ([lambda: 0], r"value\[0\] is a builtins.function"),
        (int, "builtins.type"),
        (Place, "builtins.type"),
        (object(), "builtins.object"),
        (iter([]), "list_iterator"),
        (Place("hall", (1, float("nan"))), r"value\.at\[1\] is nan"),  # type: ignore[arg-type]
        (Memory("\ud800", 1), r"value\.text has half"),
    ],
    ids=itertools.count(),
)
def test_what_is_refused_is_named_with_its_place_and_the_reason(value: object, why: str) -> None:
    """Not finite, too big, too deep, cyclic, not storable, or under a name that reaches an object's class."""
    with pytest.raises(SecurityError, match=why):
        check_value(value)


def test_the_check_of_a_hostile_value_is_bounded() -> None:
    """A structure that doubles at each level is refused by its count, long before it has been walked."""
    value: list[Any] = []
    for _ in range(31):
        value = [value, value]
    with pytest.raises(SecurityError, match="members"):
        check_value(value)


def test_the_message_about_a_deep_place_stays_short() -> None:
    """The trail is cut in the middle."""
    value: Any = float("nan")
    for number in range(30):
        value = {f"key-{number}" * 50: value}
    with pytest.raises(SecurityError) as caught:
        check_value(value)
    assert len(str(caught.value)) < 500


@pytest.mark.feature("PX-02")
def test_limits_are_settings() -> None:
    """A brain's own limits stand in its config; what could not be meant is refused there."""
    limits = BrainConfig(security=SecuritySettings(max_depth=2, max_int_bits=8)).security
    check_value([[1]], limits=limits)
    for value in ([[[1]]], 256):
        with pytest.raises(SecurityError):
            check_value(value, limits=limits)
    assert BrainConfig.load(env={"COMPANION_SECURITY__MAX_ITEMS": "5"}).security.max_items == 5
    for wrong in ({"max_depth": 201}, {"max_items": 0}, {"max_size": 1.5}, {"max_content": True}):
        with pytest.raises(InvalidArgumentError, match=r"security\."):
            SecuritySettings(**wrong)
    with pytest.raises(InvalidArgumentError, match="security"):
        BrainConfig(security={"max_items": 5})  # type: ignore[arg-type]


def test_a_message_about_any_value_can_be_made() -> None:
    """Numbers too long to be printed, objects whose text raises, a megabyte of text: a short word for each."""

    class Silent:
        def __repr__(self) -> str:
            raise RuntimeError

    for value in (10**5000, Silent(), "x" * 1_000_000, [[[["x" * 99] * 99] * 99] * 99]):
        with pytest.raises(InvalidArgumentError) as caught:
            check_count(value, "count", maximum=3)
        assert len(str(caught.value)) < 220

"""From bytes that a stranger sent to structs: limited before they are read, checked before they are believed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeVar
from urllib.parse import parse_qsl

import anyio
import msgspec

from companion_async.http.answer import JSON
from companion_async.http.refusal import Refusal
from companion_async.http.request import Request

S = TypeVar("S", bound=msgspec.Struct)

LARGEST = 1_048_576
"""Bytes that a body may have."""
PATIENCE = 10.0
"""Seconds within which a body must have come."""
_STEPS = 10


async def read_body(request: Request, largest: int = LARGEST) -> bytes:
    """The body, or 413 as soon as it is known to be too large, whether its length was announced or not."""
    announced = request.headers.get("content-length", "0")
    if not announced.isdecimal() or not announced.isascii():
        raise Refusal(400, "malformed", "Content-Length must be one whole number.", closing=True)
    if len(announced) > 15 or int(announced) > largest:
        raise _too_large(largest)
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise Refusal(415, "unsupported_media_type", "The body must not be compressed.", closing=True)
    body = bytearray()
    try:
        with _patience(PATIENCE):
            async for chunk in request.chunks():
                body += chunk
                if len(body) > largest:
                    raise _too_large(largest)
    except TimeoutError:
        raise Refusal(408, "slow_body", f"The body did not come within {PATIENCE:g} s.", closing=True) from None
    return bytes(body)


@contextmanager
def _patience(seconds: float) -> Iterator[None]:
    """`anyio.fail_after`, but counted in steps by the loop: where the process stood still, as on a machine that was put
    to sleep, that is one step, and what came meanwhile is still read.
    """
    loop, left = asyncio.get_running_loop(), _STEPS
    timer: asyncio.TimerHandle

    def step() -> None:
        nonlocal left, timer
        left -= 1
        if left:
            timer = loop.call_later(seconds / _STEPS, step)
        else:
            scope.cancel()

    timer = loop.call_later(seconds / _STEPS, step)
    with anyio.CancelScope() as scope:
        try:
            yield
        finally:
            timer.cancel()
    if scope.cancelled_caught:
        raise TimeoutError


def _too_large(largest: int) -> Refusal:
    return Refusal(413, "too_large", f"The body must not be larger than {largest} bytes.", closing=True)


async def read_json(request: Request, wanted: type[S]) -> S:
    """The body as ``wanted``: 415 if it is no JSON by its own word, 400 if it is none, 422 if its fields are not right.

    An empty body is an empty object, so a struct without required fields may be left out.
    """
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    length = request.headers.get("content-length")
    empty = "transfer-encoding" not in request.headers and (length is None or length.strip("0") == "")
    if media != JSON and not (empty and not media):
        raise Refusal(415, "unsupported_media_type", f"Send the body as {JSON}.", closing=True)
    body = await read_body(request)
    try:
        return msgspec.json.decode(body or b"{}", type=wanted)
    except msgspec.ValidationError as error:
        # A number that no float holds is found while checking, but is as little JSON as an infinity.
        if "Number out of range" in str(error):
            raise Refusal(400, "malformed", "A number in the body is out of range.") from None
        raise Refusal(422, "invalid_fields", str(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Refusal(400, "malformed", str(error)[:200]) from None
    except RecursionError:
        raise Refusal(400, "malformed", "The body is nested too deeply.") from None


def read_query(query: str, wanted: type[S] | None) -> S | None:
    """The query as ``wanted``: unknown, doubled and wrong fields are 422. Without a struct nothing is taken."""
    try:
        pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=50, errors="strict")
    except ValueError:
        raise Refusal(422, "invalid_query", "The query is not well formed.") from None
    fields: dict[str, Any] = dict(pairs)
    if len(fields) < len(pairs):
        raise Refusal(422, "invalid_query", "A field of the query is there twice.")
    if wanted is None:
        if fields:
            raise Refusal(422, "invalid_query", "This takes no query.")
        return None
    try:
        return msgspec.convert({key: value for key, value in fields.items() if value != ""}, wanted, strict=False)
    except msgspec.ValidationError as error:
        raise Refusal(422, "invalid_query", str(error)) from None

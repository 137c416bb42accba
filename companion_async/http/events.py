"""Events as they come, for browsers and other readers of ``text/event-stream``."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import msgspec

from companion_async.events.kinds import EVENT_KINDS
from companion_async.http.answer import EVENT_STREAM, Answer
from companion_async.http.operation import Call
from companion_async.http.redaction import encode_event
from companion_async.http.refusal import Refusal
from companion_async.http.replay import Fact, Reader

GATHER = 0.1
"""Seconds between two sendings at least: what happens meanwhile goes together."""
HEARTBEAT = 15.0
"""Seconds of silence after which a sign of life is sent."""
MOST_AT_ONCE = 512
_LONGEST_KINDS = 1000


class EventsQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``kinds``: dotted kinds or families as ``task.*``, separated by commas; all of them unless it is given."""

    kinds: str = "*"


async def events(call: Call) -> Answer:
    """The stream. It begins with what came after ``Last-Event-ID`` if that is still kept, else with what comes next."""
    kinds = _kinds(call.query.kinds)
    after = call.request.headers.get("last-event-id")
    stream = _stream(call, kinds, after)
    await anext(stream)  # so that it is refused here if it is refused, and closed in any case once it is not
    return Answer(200, stream, EVENT_STREAM)


def sse(event: str, data: bytes, event_id: str = "") -> bytes:
    """One event in the framing of the stream; ``data`` is one line."""
    head = f"id: {event_id}\nevent: {event}\ndata: " if event_id else f"event: {event}\ndata: "
    return head.encode() + data + b"\n\n"


async def _stream(call: Call, kinds: frozenset[str], after: str | None) -> AsyncGenerator[bytes, None]:
    replay, clock, exposes = call.api.replay, call.api.clock, call.exposes
    replay.enter()
    try:
        yield b""
        reader = Reader(replay, kinds, after)
        head = f"retry: 1000\nid: {reader.last_id}\n\n".encode()
        if reader.lost_unknown:
            head += sse("dropped", msgspec.json.encode({"count": None}))
        yield head
        told = clock.monotonic()
        while True:
            ending = replay.closed or call.brain.phase != "running"
            lost, facts = reader.take(MOST_AT_ONCE)
            chunk = b"".join(_framed(fact, replay.epoch, exposes) for fact in facts)
            if lost:
                chunk = sse("dropped", msgspec.json.encode({"count": lost})) + chunk
            if not chunk and clock.monotonic() - told >= HEARTBEAT:
                # The id alone moves on the place to come back to, past events of other kinds.
                chunk = f": here\nid: {reader.last_id}\n\n".encode()
            if chunk:
                yield chunk
                told = clock.monotonic()
            if reader.behind:
                continue
            if ending:
                break
            await clock.sleep(GATHER)
            if not reader.behind:
                silence = clock.call_later(HEARTBEAT, replay.wake)
                try:
                    await replay.news()
                finally:
                    silence.cancel()
        yield sse("end", b"{}")
    finally:
        replay.leave()


def _framed(fact: Fact, epoch: str, exposes: bool) -> bytes:
    framed = fact.encoded.get(exposes)
    if framed is None:
        data = encode_event(fact.event, exposes=exposes)
        framed = fact.encoded[exposes] = sse(fact.event.kind, data, f"{epoch}-{fact.number + 1}")
    return framed


def _kinds(given: str) -> frozenset[str]:
    if len(given) > _LONGEST_KINDS:
        raise Refusal(422, "invalid_query", "kinds is too long.")
    found: set[str] = set()
    for pattern in (each.strip() for each in given.split(",")):
        family = pattern.removesuffix("*") if pattern == "*" or pattern.endswith(".*") else None
        matching = {kind for kind in EVENT_KINDS if kind == pattern or (family is not None and kind.startswith(family))}
        if not matching:
            known = ", ".join(EVENT_KINDS)
            raise Refusal(422, "invalid_query", f"kinds: {pattern[:80]!r} is no kind of event. Kinds: {known}.")
        found |= matching
    return frozenset(found)

"""Pure: what a process and its parent say to each other, and how it is cut into frames."""

from __future__ import annotations

import struct
from collections.abc import Iterator

import msgspec

_HEADER = struct.Struct(">4sIQ")
_MAGIC = b"cmp1"


class Message(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """One of these goes before each parcel, which is pickled by one side's user and opened by the other's."""


class Begin(Message, frozen=True):
    """The first word to a new process; the parcel is what its module is made from."""

    module: str
    directory: str
    main: dict[str, str]
    memory_limit: int | None
    log_level: int


class Run(Message, frozen=True):
    """Do this; the parcel holds the target with its arguments. ``seconds`` are left until the deadline. At most
    ``window`` items of a stream may be unread.
    """

    task_id: str
    attempt: int
    seconds: float | None
    streams: bool
    window: int


class Check(Message, frozen=True):
    """Call the module's ``health``."""


class Cancel(Message, frozen=True):
    """Nobody wants what runs any more."""

    reason: str = ""


class Read(Message, frozen=True):
    """An item of the stream was read: there is room for another."""


class Stop(Message, frozen=True):
    """Stop the module and end."""


class Ready(Message, frozen=True):
    """The module is up and takes work."""


class Unfit(Message, frozen=True):
    """The module could not be made or started; the parcel is the error. The process ends."""


class Progress(Message, frozen=True):
    """What the work says of itself."""

    fraction: float
    message: str


class Item(Message, frozen=True):
    """The parcel is an item of a stream."""


class Done(Message, frozen=True):
    """The parcel is the result. ``cpu`` is the processor time that the run took, in seconds."""

    cpu: float


class Failed(Message, frozen=True):
    """The parcel is the error that the run raised."""

    cpu: float


class Logged(Message, frozen=True):
    """A line of the log. ``loguru`` says whose it is: loguru's, or the standard library's."""

    loguru: bool
    level: str
    number: int
    text: str
    name: str
    function: str
    line: int
    extra: dict[str, str]


ToProcess = Begin | Run | Check | Cancel | Read | Stop
ToParent = Ready | Unfit | Progress | Item | Done | Failed | Logged

_ENCODER = msgspec.msgpack.Encoder()


class BrokenWire(Exception):
    """What came in is nothing that the other side's code sends."""


def encode(message: Message, parcel: bytes = b"") -> bytes:
    """The beginning of a frame; the parcel itself follows it."""
    body = _ENCODER.encode(message)
    return _HEADER.pack(_MAGIC, len(body), len(parcel)) + body


HEADER_SIZE = _HEADER.size


def sizes(header: bytes | bytearray | memoryview) -> tuple[int, int]:
    """How long message and parcel are."""
    magic, body, parcel = _HEADER.unpack_from(header)
    if magic != _MAGIC:
        raise BrokenWire("it has written into its connection to the parent")
    return body, parcel


class Frames:
    """Cuts the bytes from a process into messages with their parcels."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._decode = msgspec.msgpack.Decoder(ToParent).decode

    def feed(self, data: bytes) -> Iterator[tuple[ToParent, bytes]]:
        """Take in some bytes: the messages that are whole now. `BrokenWire` if they are none."""
        buffer = self._buffer
        buffer += data
        while len(buffer) >= HEADER_SIZE:
            body, parcel = sizes(buffer)
            end = HEADER_SIZE + body + parcel
            if len(buffer) < end:
                return
            with memoryview(buffer) as view:
                try:
                    message = self._decode(view[HEADER_SIZE : HEADER_SIZE + body])
                except msgspec.MsgspecError as error:
                    raise BrokenWire(f"it has written into its connection to the parent ({error})") from None
                content = bytes(view[HEADER_SIZE + body : end])
            del buffer[:end]
            yield message, content

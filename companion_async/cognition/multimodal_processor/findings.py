"""What is found out about a medium, and what keeps it from being looked at."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from companion_async.errors import CompanionError
from companion_async.status.picture import FrozenMap, Picture

Reason = Literal["too_large", "too_slow", "unreadable", "unknown", "crashed"]


class Colour(Picture, frozen=True, kw_only=True):
    """A colour of a palette, as in CSS, and its share of the picture."""

    colour: str
    share: float


class ImageFindings(Picture, frozen=True, kw_only=True):
    """A picture, upright as its EXIF says.

    ``hash`` is a difference hash (dHash) of 64 bits in hexadecimal: pictures that look alike differ in few of them, see
    `similarity`. ``exif`` leaves out where it was taken; ``has_location`` says whether the file tells. ``brightness``
    and ``contrast`` are the mean and the standard deviation of its grey, from 0 to 1. ``thumbnail`` is a PNG. All that
    is measured; ``caption`` is what the model behind the endpoint ``caption_by`` says that it sees, which may be wrong.
    Where it is None, ``no_caption`` says why.
    """

    format: str
    width: int
    height: int
    mode: str
    frames: int
    palette: tuple[Colour, ...]
    brightness: float
    contrast: float
    hash: str
    exif: Mapping[str, str] = FrozenMap()
    has_location: bool = False
    thumbnail: bytes
    caption: str | None = None
    caption_by: str | None = None
    no_caption: str = "none was asked for"
    kind: Literal["image"] = "image"


class AudioFindings(Picture, frozen=True, kw_only=True):
    """A sound, its channels taken together.

    ``loudness`` and ``peak`` are in dB below full scale: the root mean square and the largest sample; this is not the
    loudness that ears hear (LUFS). ``silence`` is the share of it that stays below -60 dB. ``tempo`` is the pulse that
    repeats most clearly, in beats a minute, None where none does; it may be half of what a listener taps, or twice.
    ``spectrum``: for each octave from ``spectrum_hz`` on, its share of the power. ``centre_hz`` is the spectrum's
    centre of gravity. ``waveform`` is a PNG. All that is measured; ``transcript`` is what the model behind the endpoint
    ``transcript_by`` has heard, which may be wrong, and empty where nothing is said. Where it is None,
    ``no_transcript`` says why.
    """

    format: str
    seconds: float
    sample_rate: int
    channels: int
    loudness: float
    peak: float
    silence: float
    tempo: float | None
    spectrum_hz: tuple[float, ...]
    spectrum: tuple[float, ...]
    centre_hz: float
    tags: Mapping[str, str] = FrozenMap()
    waveform: bytes
    transcript: str | None = None
    transcript_by: str | None = None
    no_transcript: str = "none was asked for"
    kind: Literal["audio"] = "audio"


class TextFindings(Picture, frozen=True, kw_only=True):
    """A text, plain, Markdown, HTML or PDF: its headings in order, and how long it is. Of PDF the headings are those
    pages that have text (``page 3``); ``note`` says what was left out.
    """

    format: str
    title: str
    headings: tuple[str, ...]
    characters: int
    words: int
    lines: int
    text: str
    note: str = ""
    kind: Literal["text"] = "text"


class MediaError(CompanionError, ValueError):
    """A medium was not looked at. ``reason`` is one of ``too_large``, ``too_slow``, ``unreadable``, ``unknown`` and
    ``crashed``: its decoder has crashed, in a process of its own.
    """

    def __init__(self, reason: Reason, detail: str) -> None:
        self.reason, self.detail = reason, detail
        super().__init__(f"The medium was not looked at: {detail}.", reason, detail)

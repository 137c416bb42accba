"""Listens to sounds. Needs the extra ``media``."""

from __future__ import annotations

import io
import itertools
from typing import Any

import numpy
import soundfile
from PIL import Image, ImageDraw
from tinytag import TinyTag

from companion_async.cognition.model_router.prompt import Medium
from companion_async.cognition.multimodal_processor.findings import AudioFindings, MediaError
from companion_async.cognition.multimodal_processor.settings import MediaSettings
from companion_async.status.picture import FrozenMap

_WINDOW = 2048  # samples of which a spectrum is taken
_HOP = _WINDOW // 2
_PART = 2**20  # samples that are worked on at a time
_SILENT = 1e-3  # -60 dB
_FLOOR = 1e-9
_LOWEST = 31.25  # Hz, where the first octave begins
_OCTAVES = 9
_SLOWEST, _FASTEST = 50.0, 200.0  # beats a minute
_CLEAR = 0.3  # how well a pulse must repeat to be called one
_PICTURE = (600, 120)


def listen(content: bytes, settings: MediaSettings, *, heard: bool = False) -> tuple[AudioFindings, Medium | None]:
    """What can be measured of a sound, and, ``heard``, the sound as a model is to hear it: one channel, without what
    the file tells beside it. `MediaError` for one that is too long, damaged, or of no known format.
    """
    try:
        with soundfile.SoundFile(io.BytesIO(content)) as sound:
            mono = _mixed(sound, settings)
            return _measured(mono, sound, content), _recording(mono, sound.samplerate) if heard else None
    except soundfile.LibsndfileError as error:
        raise MediaError("unreadable", f"it is no sound that can be read ({type(error).__name__})") from None


def _mixed(sound: Any, settings: MediaSettings) -> Any:
    """Its channels taken together, a part at a time: whole, an hour of many channels would take gigabytes."""
    longest = int(settings.max_seconds * sound.samplerate)
    parts: list[Any] = []
    count = 0
    # What it says of its length need not be true.
    while count <= longest and sound.frames <= longest:
        part = sound.read(_PART, dtype="float32", always_2d=True)
        if not len(part):
            break
        count += len(part)
        parts.append(part.mean(axis=1))
    else:
        raise MediaError("too_large", f"it is longer than {settings.max_seconds:g} s")
    if not parts:
        raise MediaError("unreadable", "there is no sound in it")
    return numpy.concatenate(parts)


def _recording(mono: Any, rate: int) -> Medium:
    written = io.BytesIO()
    soundfile.write(written, mono, rate, format="FLAC", subtype="PCM_16")
    return Medium("audio/flac", written.getvalue())


def _measured(mono: Any, sound: Any, content: bytes) -> AudioFindings:
    power, changes = _spectra(mono)
    frequencies = numpy.fft.rfftfreq(_WINDOW, 1 / sound.samplerate)
    total = float(power.sum()) or 1.0
    edges = [_LOWEST * 2**octave for octave in range(_OCTAVES + 1)]
    shares = [
        float(power[(frequencies >= low) & (frequencies < high)].sum()) / total
        for low, high in itertools.pairwise(edges)
    ]
    parts = numpy.array_split(mono, len(mono) // _PART + 1)
    energy = sum(float(numpy.dot(part, part)) for part in parts)
    quiet = sum(int(numpy.count_nonzero(numpy.abs(part) < _SILENT)) for part in parts)
    return AudioFindings(
        format=f"{sound.format} {sound.subtype}",
        seconds=len(mono) / sound.samplerate,
        sample_rate=sound.samplerate,
        channels=sound.channels,
        loudness=_decibels((energy / len(mono)) ** 0.5),
        peak=_decibels(max(float(mono.max()), -float(mono.min()))),
        silence=quiet / len(mono),
        tempo=_tempo(changes, sound.samplerate / _HOP),
        spectrum_hz=tuple(edges[:-1]),
        spectrum=tuple(shares),
        centre_hz=float((power * frequencies).sum()) / total,
        tags=_tags(content),
        waveform=_drawn(mono),
    )


def _decibels(amplitude: float) -> float:
    return float(20 * numpy.log10(max(amplitude, _FLOOR)))


def _spectra(mono: Any) -> tuple[Any, Any]:
    """The mean power at each frequency, and how much was added from one window to the next (spectral flux)."""
    padded = mono if len(mono) >= _WINDOW else numpy.pad(mono, (0, _WINDOW - len(mono)))
    window = numpy.hanning(_WINDOW).astype("float32")
    total = numpy.zeros(_WINDOW // 2 + 1)
    changes: list[float] = []
    before = None
    count = 0
    for start in range(0, len(padded) - _WINDOW + 1, _HOP):
        size = numpy.abs(numpy.fft.rfft(padded[start : start + _WINDOW] * window))
        total += size**2
        count += 1
        if before is not None:
            changes.append(float(numpy.maximum(size - before, 0).sum()))
        before = size
    return total / max(count, 1), numpy.array(changes)


def _tempo(changes: Any, rate: float) -> float | None:
    """The lag at which the onsets are most like themselves, by autocorrelation."""
    slowest = int(rate * 60 / _SLOWEST)
    if len(changes) < 2 * slowest or not changes.any():
        return None
    centred = changes - changes.mean()
    size = 1 << (2 * len(centred) - 1).bit_length()
    alike = numpy.fft.irfft(numpy.abs(numpy.fft.rfft(centred, size)) ** 2)[: slowest + 1]
    if alike[0] <= 0:
        return None
    fastest = max(2, int(rate * 60 / _FASTEST))
    lag = fastest + int(alike[fastest:].argmax())
    return float(60 * rate / lag) if alike[lag] / alike[0] >= _CLEAR else None


def _tags(content: bytes) -> FrozenMap[str]:
    try:
        found = TinyTag.get(file_obj=io.BytesIO(content)).as_dict()
    except Exception:  # of many formats it knows none, and a sound without tags is one
        return FrozenMap()
    names = ("title", "artist", "album", "albumartist", "genre", "year", "track", "composer", "comment")
    told = ((name, found.get(name)) for name in names)
    return FrozenMap({name: str(value[0] if isinstance(value, list) else value)[:200] for name, value in told if value})


def _drawn(mono: Any) -> bytes:
    """The waveform: for each column the lowest and the highest of its samples."""
    width, height = _PICTURE
    picture = Image.new("RGB", _PICTURE, "#ffffff")
    draw = ImageDraw.Draw(picture)
    for column, part in enumerate(numpy.array_split(mono, width)):
        low, high = (float(part.min()), float(part.max())) if len(part) else (0.0, 0.0)
        top, bottom = ((1 - value) / 2 * (height - 1) for value in (min(high, 1.0), max(low, -1.0)))
        draw.line((column, top, column, bottom), fill="#336699")
    written = io.BytesIO()
    picture.save(written, "PNG")
    return written.getvalue()

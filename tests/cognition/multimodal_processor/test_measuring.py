from __future__ import annotations

import importlib.util
import io
import struct
import zlib

import numpy
import pytest
import soundfile
from PIL import Image

from companion_async.cognition.multimodal_processor.audio import _mixed
from companion_async.cognition.multimodal_processor.findings import MediaError
from companion_async.cognition.multimodal_processor.kinds import kind_of, similarity
from companion_async.cognition.multimodal_processor.measuring import measure
from companion_async.cognition.multimodal_processor.settings import MediaSettings
from tests.cognition.corpus.test_pdf import made_of

pytestmark = pytest.mark.feature("CB-48")

RATE = 22_050


def found_in(medium):
    return measure(medium, MediaSettings()).findings


def saved(picture, format="PNG", **options):
    written = io.BytesIO()
    picture.save(written, format, **options)
    return written.getvalue()


def sound(samples, format="WAV", rate=RATE):
    written = io.BytesIO()
    soundfile.write(written, samples, rate, format=format)
    return written.getvalue()


def gradient(flipped=False):
    row = numpy.linspace(0, 255, 120).astype("uint8")
    return Image.fromarray(numpy.tile(row[::-1] if flipped else row, (80, 1)))


def refused(medium, settings=None):
    with pytest.raises(MediaError) as caught:
        measure(medium, settings or MediaSettings())
    return caught.value.reason


# -- pictures ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("format", ["PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF"])
def test_a_picture_is_measured_whatever_its_format(format):
    """Size, palette, brightness and a small copy of it are found in each format that is known."""
    picture = Image.new("RGB", (300, 100), "#ff0000")
    picture.paste("#0000ff", (0, 0, 75, 100))
    found = found_in(saved(picture, format))
    assert (found.kind, found.format, found.width, found.height, found.frames) == ("image", format, 300, 100, 1)
    main, second = found.palette[:2]
    assert main.share == pytest.approx(0.75, abs=0.05)
    assert second.share == pytest.approx(0.25, abs=0.05)
    assert int(main.colour[1:3], 16) > 240
    assert int(second.colour[5:7], 16) > 240
    small = Image.open(io.BytesIO(found.thumbnail))
    assert (small.format, max(small.size)) == ("PNG", 256)
    assert found.to_dict()["kind"] == "image"


def test_pictures_that_look_alike_have_hashes_that_are_alike():
    """Smaller, darker and packed with loss it is the same picture; turned round it is another."""
    hashes = [
        found_in(each).hash
        for each in (
            saved(gradient()),
            saved(gradient().resize((60, 40)), "JPEG", quality=40),
            saved(gradient().point(lambda value: value * 0.7)),
            saved(gradient(flipped=True)),
        )
    ]
    assert all(similarity(hashes[0], other) > 0.85 for other in hashes[1:3])
    assert similarity(hashes[0], hashes[3]) < 0.2


def test_exif_is_told_and_where_it_was_taken_is_not():
    """The camera is named, the place only said to be there, and the picture stands upright."""
    exif = Image.Exif()
    exif[0x0110] = "A camera"
    exif[0x0112] = 6  # to be turned by a quarter
    exif.get_ifd(0x8825)[1] = "N"
    exif.get_ifd(0x8825)[2] = (52.0, 30.0, 0.0)
    found = found_in(saved(Image.new("RGB", (60, 40)), "JPEG", exif=exif))
    assert found.exif["Model"] == "A camera"
    assert found.has_location
    assert not [name for name in found.exif if "GPS" in name]
    assert (found.width, found.height) == (40, 60)


def test_what_a_file_tells_is_cut_to_a_length():
    """However long its notes are."""
    exif = Image.Exif()
    exif[0x0110] = "A camera " * 1_000
    assert len(found_in(saved(Image.new("RGB", (60, 40)), "JPEG", exif=exif)).exif["Model"]) == 200
    found = found_in(b"tea " * 40_000)
    assert (found.characters, len(found.text)) == (160_000, 100_000)


def test_a_model_sees_a_small_upright_picture_with_nothing_told_beside_it():
    """Neither where it was taken nor by what; and it hears one channel without the names of a song."""
    exif = Image.Exif()
    exif[0x0110] = "A camera"
    exif[0x0112] = 6
    exif.get_ifd(0x8825)[1] = "N"
    picture = saved(Image.new("RGB", (3_000, 1_500)), "JPEG", exif=exif)
    shown = measure(picture, MediaSettings(), frozenset({"image"})).medium
    assert b"A camera" in picture
    assert shown is not None
    with Image.open(io.BytesIO(shown.content)) as seen:
        assert (seen.format, seen.size) == ("JPEG", (512, 1_024))
        assert not seen.getexif()
    written = io.BytesIO()
    with soundfile.SoundFile(written, "w", RATE, 2, format="FLAC") as file:
        file.title = "A secret song"
        file.write(numpy.zeros((RATE, 2)))
    assert b"A secret song" in written.getvalue()
    heard = measure(written.getvalue(), MediaSettings(), frozenset({"audio"})).medium
    assert heard is not None
    assert b"A secret song" not in heard.content
    assert soundfile.info(io.BytesIO(heard.content)).channels == 1
    assert measure(picture, MediaSettings(), frozenset({"audio"})).medium is None


def png_that_claims(width, height):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = zlib.compress(bytes(1000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


@pytest.mark.parametrize("side", [7_000, 10_000, 20_000, 200_000])
def test_a_bomb_is_refused_before_it_is_unpacked(side):
    """A few bytes that say they are a picture of any size are believed that far, and not unpacked."""
    assert refused(png_that_claims(side, side)) == "too_large"


def test_half_a_picture_is_unreadable():
    """What is cut short or damaged is told apart from what is too large."""
    whole = saved(gradient())
    assert refused(whole[: len(whole) // 2]) == "unreadable"
    assert refused(png_that_claims(100, 100)) == "unreadable"
    assert refused(b"\xff\xd8\xff" + bytes(100)) == "unreadable"


# -- sounds ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("format", ["WAV", "FLAC", "OGG", "MP3", "AIFF"])
def test_a_sound_is_measured_whatever_its_format(format):
    """A tone of 440 Hz has its length, its loudness, and its power in the octave that it lies in."""
    time = numpy.arange(2 * RATE) / RATE
    found = found_in(sound(numpy.column_stack([0.5 * numpy.sin(2 * numpy.pi * 440 * time)] * 2), format))
    assert (found.kind, found.sample_rate, found.channels) == ("audio", RATE, 2)
    assert found.seconds == pytest.approx(2, abs=0.1)
    assert found.loudness == pytest.approx(-9.03, abs=0.5)
    assert found.peak == pytest.approx(-6.02, abs=0.5)
    octave = found.spectrum.index(max(found.spectrum))
    assert found.spectrum_hz[octave] == 250
    assert found.spectrum[octave] > 0.9
    assert found.centre_hz == pytest.approx(440, abs=40)
    assert Image.open(io.BytesIO(found.waveform)).size == (600, 120)


def test_a_pulse_has_a_tempo_and_a_noise_has_none():
    """Clicks at 120 beats a minute are heard as such, or as a half or the double of it; noise has no beat."""
    clicks = numpy.zeros(10 * RATE)
    noise = numpy.random.default_rng(1).normal(0, 0.2, 10 * RATE)
    for start in range(0, len(clicks), RATE // 2):
        clicks[start : start + 400] = noise[:400]
    tempo = found_in(sound(clicks)).tempo
    assert any(tempo == pytest.approx(120 * factor, rel=0.05) for factor in (0.5, 1, 2))
    assert found_in(sound(noise)).tempo is None


def test_silence_is_silent():
    """A sound without any has no peak, no beat and no colour, and is no error."""
    found = found_in(sound(numpy.zeros(RATE)))
    assert (found.silence, found.tempo) == (1.0, None)
    assert found.peak < -100
    assert sum(found.spectrum) == 0


def test_a_sound_that_is_too_long_or_damaged_is_refused():
    """The length that a file tells is looked at before it is unpacked, and what is no sound is told as such."""
    short = MediaSettings(max_seconds=1)
    assert refused(sound(numpy.zeros(RATE + 10)), short) == "too_large"
    assert refused(b"fLaC" + bytes(200)) == "unreadable"
    assert refused(b"RIFF\x00\x00\x00\x00WAVE") == "unreadable"
    assert refused(sound(numpy.zeros(0))) == "unreadable"


class Lying:
    """A sound that says that it has so many frames, and has others."""

    samplerate = RATE

    def __init__(self, frames, has):
        self.frames, self.has, self.read_so_far = frames, has, 0

    def read(self, most, **_):
        count = min(most, self.has - self.read_so_far)
        self.read_so_far += count
        return numpy.zeros((count, 1), "float32")


@pytest.mark.parametrize(("says", "has", "read"), [(10, 10**9, 2**20), (10**9, 10, 0)])
def test_the_length_that_a_sound_tells_need_not_be_true(says, has, read):
    """One that has more than it says is given up once it is too long, one that says more at once."""
    lying = Lying(says, has)
    with pytest.raises(MediaError) as caught:
        _mixed(lying, MediaSettings(max_seconds=1))
    assert (caught.value.reason, lying.read_so_far) == ("too_large", read)


# -- texts, and the rest -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "format", "title", "headings"),
    [
        (b"just words", "plain", "", ()),
        (b"# Tea\n\nGreen.\n\n## Black\n\nHot.\n", "markdown", "Tea", ("Tea", "Black")),
        (b"<!doctype html><title>Tea</title><h1>Green</h1><p>Hot</p>", "html", "Tea", ("Green",)),
    ],
)
def test_a_text_is_told_by_its_headings(content, format, title, headings):
    """Plain text, Markdown and HTML are told apart, each with its title, headings and length."""
    found = found_in(content)
    assert (found.kind, found.format, found.title) == ("text", format, title)
    assert set(headings) <= set(found.headings)
    assert found.words > 0


@pytest.mark.skipif(importlib.util.find_spec("pypdf") is None, reason="the extra documents is not installed")
def test_a_pdf_is_told_by_its_pages():
    """Its title, the pages that have text, and what they say; one without text, encrypted or damaged is refused."""
    from pypdf import PdfWriter

    writer = PdfWriter()
    writer.append(io.BytesIO(made_of("Green tea", "", "Black tea")))
    writer.add_metadata({"/Title": "Teas"})
    found = found_in(written_by(writer))
    assert (found.kind, found.format, found.title, found.headings) == ("text", "pdf", "Teas", ("page 1", "page 3"))
    assert (found.text, found.words, found.note) == ("Green tea\n\nBlack tea", 4, "")
    assert refused(made_of("")) == "unreadable"
    assert refused(b"%PDF-1.4 and nothing else") == "unreadable"
    writer.encrypt("secret")
    assert refused(written_by(writer)) == "unreadable"


def written_by(writer):
    written = io.BytesIO()
    writer.write(written)
    return written.getvalue()


def test_what_is_of_no_known_kind_is_told(tmp_path):
    """Nothing, a program and a video are none of the kinds; files that are missing or too large are refused."""
    assert refused(b"") == "unknown"
    assert refused(b"\x7fELF" + bytes(100)) == "unknown"
    assert refused(b"RIFF\x00\x00\x00\x00AVI ") == "unknown"
    assert refused(tmp_path / "none.png") == "unreadable"
    assert refused(tmp_path) == "unreadable"
    assert refused(b"x" * 11, MediaSettings(max_bytes=10)) == "too_large"


def test_a_text_that_was_cut_within_a_character_is_one():
    """Where the look ends in the middle of a character it is text all the same."""
    assert kind_of("é".encode() * 5000) == "text"
    assert kind_of(b"a" + "é".encode() * 5000) == "text"
    assert kind_of(b"abc\xff\xff" + b"d" * 5000) == ""

"""Looks at pictures. Needs the extra ``media``."""

from __future__ import annotations

import io
from typing import Any

from PIL import ExifTags, Image, ImageOps, ImageStat

from companion_async.cognition.model_router.prompt import Medium
from companion_async.cognition.multimodal_processor.findings import Colour, ImageFindings, MediaError
from companion_async.cognition.multimodal_processor.settings import MediaSettings
from companion_async.status.picture import FrozenMap

_FORMATS = ("PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF")
_TAGS = 64
_VALUE = 200  # characters
_SAMPLE = 512  # pixels; what is counted of colours and grey is counted on so large a copy

_VIEW = 1024  # pixels of the longer side of what a model sees
_PIXELS_OF_A_TOKEN = 750  # as Anthropic counts; others count fewer tokens


def look(content: bytes, settings: MediaSettings, *, viewed: bool = False) -> tuple[ImageFindings, Medium | None]:
    """What can be measured of a picture, and, ``viewed``, the picture as a model is to see it: upright, small, without
    all that the file tells beside it. `MediaError` for one that is too large, damaged, or of no known format.
    """
    try:
        with Image.open(io.BytesIO(content), formats=_FORMATS) as opened:
            _check_size(opened, settings.max_pixels)
            upright = ImageOps.exif_transpose(opened)
            return _measured(opened, upright, settings), _view(upright) if viewed else None
    except (MediaError, MemoryError):
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise MediaError("too_large", f"it has more than {settings.max_pixels:,} pixels") from None
    except Exception as error:  # decoders raise whatever comes to them
        raise MediaError("unreadable", f"it is no picture that can be read ({type(error).__name__})") from None


def _check_size(opened: Any, most: int) -> None:
    """Before anything is unpacked: a few bytes can say that they are a picture of any size."""
    width, height = opened.size
    if width * height > most:
        raise MediaError("too_large", f"it has {width * height:,} pixels, over {most:,}")


def _measured(opened: Any, upright: Any, settings: MediaSettings) -> ImageFindings:
    exif, located = _exif(opened)
    frames, kept = getattr(opened, "n_frames", 1), opened.format
    mode = opened.mode
    width, height = upright.size
    thumbnail = upright.convert("RGBA" if "A" in upright.getbands() or "transparency" in upright.info else "RGB")
    sample = thumbnail.copy()
    sample.thumbnail((_SAMPLE, _SAMPLE))
    grey = ImageStat.Stat(sample.convert("L"))
    thumbnail.thumbnail((settings.thumbnail, settings.thumbnail))
    written = io.BytesIO()
    thumbnail.save(written, "PNG")
    return ImageFindings(
        format=kept or "",
        width=width,
        height=height,
        mode=mode,
        frames=frames,
        palette=_palette(sample.convert("RGB"), settings.colours),
        brightness=grey.mean[0] / 255,
        contrast=grey.stddev[0] / 255,
        hash=_hash(sample),
        exif=exif,
        has_location=located,
        thumbnail=written.getvalue(),
    )


def _view(upright: Any) -> Medium:
    small = upright.convert("RGBA")
    small.thumbnail((_VIEW, _VIEW))
    shown = Image.new("RGB", small.size, "#ffffff")
    shown.paste(small, mask=small.getchannel("A"))
    written = io.BytesIO()
    shown.save(written, "JPEG", quality=85)
    return Medium("image/jpeg", written.getvalue(), tokens=small.width * small.height // _PIXELS_OF_A_TOKEN + 1)


def _palette(picture: Any, colours: int) -> tuple[Colour, ...]:
    few = picture.quantize(colours, dither=Image.Dither.NONE)
    table = few.getpalette() or []
    counted = sorted(few.getcolors() or [], reverse=True)
    total = sum(count for count, _ in counted)
    return tuple(
        Colour(colour="#{:02x}{:02x}{:02x}".format(*table[3 * index : 3 * index + 3]), share=count / total)
        for count, index in counted
    )


def _hash(picture: Any) -> str:
    """dHash: whether each of 8 by 8 pixels is brighter than its right neighbour (Krawetz, 2013)."""
    small = picture.convert("L").resize((9, 8), Image.Resampling.LANCZOS).tobytes()
    bits = 0
    for row in range(8):
        for column in range(8):
            bits = bits << 1 | (small[9 * row + column] > small[9 * row + column + 1])
    return f"{bits:016x}"


def _exif(opened: Any) -> tuple[FrozenMap[str], bool]:
    found = opened.getexif()
    located = ExifTags.IFD.GPSInfo in found
    whole = {**found, **found.get_ifd(ExifTags.IFD.Exif)}
    named = {ExifTags.TAGS.get(tag, ""): value for tag, value in whole.items()}
    told = {
        name: str(value)[:_VALUE]
        for name, value in named.items()
        if name and name not in ("GPSInfo", "ExifOffset") and not isinstance(value, bytes)
    }
    return FrozenMap(dict(list(told.items())[:_TAGS])), located

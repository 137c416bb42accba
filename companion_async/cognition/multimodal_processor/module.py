"""The built-in module ``multimodal_processor``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from companion_async.cognition.corpus.hypertext import html_sections
from companion_async.cognition.corpus.markup import markdown_sections
from companion_async.cognition.multimodal_processor.findings import (
    AudioFindings,
    ImageFindings,
    MediaError,
    TextFindings,
)
from companion_async.cognition.multimodal_processor.kinds import kind_of, similarity
from companion_async.cognition.multimodal_processor.settings import MediaSettings
from companion_async.errors import InvalidArgumentError
from companion_async.modules.module import BaseModule

MODULE = "multimodal_processor"
"""The name it is registered under."""

PACKAGES = ("PIL", "numpy", "soundfile", "tinytag")
"""What it cannot work without, by the name of its import."""

_SHOWN = 100_000  # characters of a text


class MultimodalProcessor(BaseModule):
    """Measures pictures (PNG, JPEG, GIF, WebP, BMP, TIFF), sounds (WAV, FLAC, Ogg, MP3, AIFF) and texts (plain,
    Markdown, HTML), in threads. It measures and does not understand: captions and transcripts take models, and none
    can be configured yet. A medium is the path of a file, or its bytes.
    """

    def __init__(self, settings: MediaSettings | None = None) -> None:
        super().__init__()
        self._settings = settings or MediaSettings()

    def process(self, medium: str | Path | bytes) -> ImageFindings | AudioFindings | TextFindings:
        """What can be measured of a medium, of whatever kind it is. `MediaError` for what is too large, damaged, or of
        no known kind.
        """
        content = self._content(medium)
        match kind_of(content):
            case "image":
                from companion_async.cognition.multimodal_processor.image import look

                return look(content, self._settings)
            case "audio":
                from companion_async.cognition.multimodal_processor.audio import listen

                return listen(content, self._settings)
            case "text":
                return _read(content)
        raise MediaError("unknown", "it is no picture, sound or text that is known here")

    def similarity(self, one: str, other: str) -> float:
        """How alike two pictures are, by the ``hash`` of each: 1 for the same, about 0.5 for strangers."""
        try:
            return similarity(one, other)
        except (TypeError, ValueError):
            raise InvalidArgumentError("Give the hashes of two pictures, as ImageFindings.hash has them.") from None

    def _content(self, medium: Any) -> bytes:
        most = self._settings.max_bytes
        if isinstance(medium, (bytes, bytearray, memoryview)):
            content = bytes(medium[: most + 1])
        elif isinstance(medium, (str, Path)):
            try:
                with Path(medium).open("rb") as file:
                    content = file.read(most + 1)
            except (OSError, ValueError) as error:
                raise MediaError("unreadable", f"the file cannot be read ({type(error).__name__})") from None
        else:
            raise InvalidArgumentError(f"A medium is a path or bytes; {type(medium).__name__!r} is neither.")
        if len(content) > most:
            raise MediaError("too_large", f"it has more than {most:,} bytes")
        return content


def _read(content: bytes) -> TextFindings:
    text = content.decode("utf-8", "replace")
    title, sections = "", markdown_sections(text)
    kind = "markdown" if any(section.headings for section in sections) else "plain"
    if text.lstrip()[:200].lower().startswith(("<!doctype html", "<html", "<?xml")):
        title, sections, _ = html_sections(text)
        kind = "html"
        text = "\n\n".join(section.text for section in sections)
    headings = tuple(dict.fromkeys(section.headings[-1] for section in sections if section.headings))
    return TextFindings(
        format=kind,
        title=title or (headings[0] if headings else ""),
        headings=headings,
        characters=len(text),
        words=len(text.split()),
        lines=text.count("\n") + 1,
        text=text[:_SHOWN],
    )

"""What can be measured of a medium, whatever it is: in any thread, or in a process of its own."""

from __future__ import annotations

from pathlib import Path

import msgspec

from companion_async.cognition.corpus.hypertext import html_sections
from companion_async.cognition.corpus.markup import Section, markdown_sections
from companion_async.cognition.corpus.pdf import sections_of
from companion_async.cognition.model_router.prompt import Medium
from companion_async.cognition.multimodal_processor.findings import (
    AudioFindings,
    ImageFindings,
    MediaError,
    TextFindings,
)
from companion_async.cognition.multimodal_processor.kinds import kind_of
from companion_async.cognition.multimodal_processor.settings import MediaSettings

Findings = ImageFindings | AudioFindings | TextFindings

_SHOWN = 100_000  # characters of a text


class Measured(msgspec.Struct, frozen=True):
    """What was found out, and the medium as a model is to have it, where one is to."""

    findings: Findings
    medium: Medium | None = None


def measure(medium: Path | bytes, settings: MediaSettings, senses: frozenset[str] = frozenset()) -> Measured:
    """What can be measured of a file or of bytes. Of ``senses`` (``image``, ``audio``) a model is to have it as well.
    `MediaError` for what is too large, damaged, or of no known kind.
    """
    content = _content(medium, settings.max_bytes)
    match kind_of(content):
        case "image":
            from companion_async.cognition.multimodal_processor.image import look

            return Measured(*look(content, settings, viewed="image" in senses))
        case "audio":
            from companion_async.cognition.multimodal_processor.audio import listen

            return Measured(*listen(content, settings, heard="audio" in senses))
        case "pdf":
            return Measured(_read_pdf(content))
        case "text":
            return Measured(_read(content))
    raise MediaError("unknown", "it is no picture, sound, PDF or text that is known here")


def _content(medium: Path | bytes, most: int) -> bytes:
    if isinstance(medium, Path):
        try:
            with medium.open("rb") as file:
                content = file.read(most + 1)
        except (OSError, ValueError) as error:
            raise MediaError("unreadable", f"the file cannot be read ({type(error).__name__})") from None
    else:
        content = medium
    if len(content) > most:
        raise MediaError("too_large", f"it has more than {most:,} bytes")
    return content


def _read(content: bytes) -> TextFindings:
    text = content.decode("utf-8", "replace")
    if text.lstrip()[:200].lower().startswith(("<!doctype html", "<html", "<?xml")):
        title, sections, _ = html_sections(text)
        return _told("html", title, sections, "\n\n".join(section.text for section in sections))
    sections = markdown_sections(text)
    headed = [section.headings[0] for section in sections if section.headings]
    return _told("markdown" if headed else "plain", headed[0] if headed else "", sections, text)


def _read_pdf(content: bytes) -> TextFindings:
    title, pages, note = sections_of(content)
    if not pages:
        raise MediaError("unreadable", f"the PDF was {note}")
    return _told("pdf", title, pages, "\n\n".join(page.text for page in pages), note)


def _told(format: str, title: str, sections: list[Section], text: str, note: str = "") -> TextFindings:
    headings = tuple(dict.fromkeys(section.headings[-1] for section in sections if section.headings))
    return TextFindings(
        format=format,
        title=title,
        headings=headings,
        characters=len(text),
        words=len(text.split()),
        lines=text.count("\n") + 1,
        text=text[:_SHOWN],
        note=note,
    )

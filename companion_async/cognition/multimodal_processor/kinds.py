"""Pure: what kind of medium some bytes are, by how they begin."""

from __future__ import annotations

_IMAGES = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF87a", b"GIF89a", b"BM", b"II*\x00", b"MM\x00*")
_AUDIO = (b"fLaC", b"OggS", b"ID3", b"FORM", b".snd", b"\xff\xfb", b"\xff\xf3", b"\xff\xf2")
_LOOKED_AT = 4096


def kind_of(content: bytes) -> str:
    """``image``, ``audio``, ``pdf``, ``text``, or nothing where it is none of these."""
    if content.startswith(b"RIFF"):
        return {b"WAVE": "audio", b"WEBP": "image"}.get(content[8:12], "")
    if content.startswith(_IMAGES):
        return "image"
    if content.startswith(_AUDIO):
        return "audio"
    if content.startswith(b"%PDF-"):
        return "pdf"
    return "text" if content and _is_text(content[:_LOOKED_AT]) else ""


def similarity(one: str, other: str) -> float:
    """How alike two pictures are by their hashes: 1 for the same, about 0.5 for two that have nothing in common."""
    differing = (int(one, 16) ^ int(other, 16)).bit_count()
    return 1 - differing / 64


def _is_text(beginning: bytes) -> bool:
    if b"\x00" in beginning:
        return False
    try:
        beginning.decode("utf-8")
    except UnicodeDecodeError as error:
        # The cut may have gone through a character.
        return error.start >= len(beginning) - 3
    return True

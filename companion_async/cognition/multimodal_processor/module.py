"""The built-in module ``multimodal_processor``."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from companion_async.cognition.decoding.module import DecodingError, decoded
from companion_async.cognition.decoding.settings import DecodingSettings
from companion_async.cognition.model_router.module import MODULE as ROUTER
from companion_async.cognition.model_router.prompt import Medium
from companion_async.cognition.model_router.reply import Reply
from companion_async.cognition.model_router.settings import Endpoint
from companion_async.cognition.multimodal_processor.findings import (
    AudioFindings,
    ImageFindings,
    MediaError,
    TextFindings,
)
from companion_async.cognition.multimodal_processor.kinds import similarity
from companion_async.cognition.multimodal_processor.measuring import Measured, measure
from companion_async.cognition.multimodal_processor.settings import MediaSettings
from companion_async.errors import BrainClosedError, CompanionError, InvalidArgumentError, TaskCancelledError
from companion_async.modules.module import BaseModule

MODULE = "multimodal_processor"
"""The name it is registered under."""

PACKAGES = ("PIL", "numpy", "soundfile", "tinytag")
"""What it cannot work without, by the name of its import."""

_WANTED = {"image": "caption", "audio": "transcribe"}
_LARGE = 2**18  # bytes
_LARGEST_SOUND = 25 * 1024 * 1024  # bytes that `audio/transcriptions` takes


class MultimodalProcessor(BaseModule):
    """Measures pictures (PNG, JPEG, GIF, WebP, BMP, TIFF), sounds (WAV, FLAC, Ogg, MP3, AIFF) and texts (plain,
    Markdown, HTML; PDF with the extra ``documents``). With an endpoint of `model_router` that takes images, pictures
    have captions; with one that takes audio, sounds have transcripts. A medium is the path of a file, or its bytes.

    ``endpoints`` are the router's. With ``decoding`` that isolates, files are decoded in the processes of the module
    ``decoders``, which must be registered; without it in threads of this process, where a decoder that crashes takes
    the program with it.
    """

    def __init__(
        self,
        settings: MediaSettings | None = None,
        *,
        decoding: DecodingSettings | None = None,
        endpoints: Iterable[Endpoint] = (),
    ) -> None:
        super().__init__()
        self._settings = settings or MediaSettings()
        self._decoding = decoding or DecodingSettings(isolate=False)
        self._senses = frozenset(sense for each in endpoints for sense in each.takes)

    async def process(
        self, medium: str | Path | bytes, *, described: bool = True
    ) -> ImageFindings | AudioFindings | TextFindings:
        """What can be measured of a medium, of whatever kind it is, and, ``described``, what a model says of it, where
        one can be asked; a model that fails leaves the rest as it is. `MediaError` for a medium that is too large,
        damaged, of no known kind, or more than its decoder can bear.
        """
        given = _checked(medium, self._settings.max_bytes)
        senses = self._senses if described else frozenset[str]()
        measured = await self._measured(given, senses)
        findings = measured.findings
        if not described or isinstance(findings, TextFindings):
            return findings
        words, by, why = await self._words(findings.kind, measured.medium)
        if isinstance(findings, ImageFindings):
            return msgspec.structs.replace(findings, caption=words, caption_by=by, no_caption=why)
        return msgspec.structs.replace(findings, transcript=words, transcript_by=by, no_transcript=why)

    def similarity(self, one: str, other: str) -> float:
        """How alike two pictures are, by the ``hash`` of each: 1 for the same, about 0.5 for strangers."""
        try:
            return similarity(one, other)
        except (TypeError, ValueError):
            raise InvalidArgumentError("Give the hashes of two pictures, as ImageFindings.hash has them.") from None

    async def _measured(self, medium: Path | bytes, senses: frozenset[str]) -> Measured:
        spooled: Path | None = None
        try:
            if self._decoding.isolate and isinstance(medium, bytes) and len(medium) > _LARGE:
                # Sent to another process by the loop, it would hold that up for a tenth of a second.
                medium = spooled = await self.brain.submit(MODULE, _spooled, medium)
            measured: Measured = await decoded(
                self.brain, MODULE, self._decoding, measure, medium, self._settings, senses
            )
        except DecodingError as error:
            raise MediaError(error.reason, error.detail) from None
        finally:
            if spooled is not None:
                spooled.unlink()
        return measured

    async def _words(self, sense: str, medium: Medium | None) -> tuple[str | None, str | None, str]:
        """What a model says of ``medium``, the endpoint that it is behind, and why there is nothing."""
        if medium is None:
            return None, None, f"no endpoint is configured that takes {sense}"
        if sense == "audio" and len(medium.content) > _LARGEST_SOUND:
            return None, None, f"it has more than {_LARGEST_SOUND:,} bytes, which no endpoint takes"
        try:
            reply: Reply = await self.brain.submit(ROUTER, _WANTED[sense], medium, timeout=None)
        except (BrainClosedError, TaskCancelledError):
            raise
        except CompanionError as error:
            return None, None, f"{ROUTER} could not be asked ({type(error).__name__})"
        if reply.found:
            return reply.text, reply.responder, ""
        asked = "; ".join(f"{failure.endpoint}: {failure.reason}" for failure in reply.failures)
        return None, None, f"no endpoint has answered ({asked or 'none can hold it'})"


def _spooled(content: bytes) -> Path:
    with tempfile.NamedTemporaryFile(prefix="companion-medium-", delete=False) as file:
        file.write(content)
    return Path(file.name)


def _checked(medium: Any, most: int) -> Path | bytes:
    if isinstance(medium, (bytes, bytearray, memoryview)):
        return bytes(medium[: most + 1])
    if isinstance(medium, (str, Path)):
        # Another process may be in another folder by then.
        return Path(medium).absolute()
    raise InvalidArgumentError(f"A medium is a path or bytes; {type(medium).__name__!r} is neither.")

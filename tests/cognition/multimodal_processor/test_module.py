from __future__ import annotations

import base64
import importlib.util
import io
import os
import pickle
import tempfile

import numpy
import pytest
from PIL import Image

from companion_async.brain.brain import Brain
from companion_async.cognition.decoding.settings import DecodingSettings
from companion_async.cognition.model_router.settings import Endpoint, ModelSettings
from companion_async.cognition.multimodal_processor import module as room
from companion_async.cognition.multimodal_processor.findings import MediaError
from companion_async.cognition.multimodal_processor.module import MODULE, MultimodalProcessor
from companion_async.cognition.multimodal_processor.settings import MediaSettings
from companion_async.companion.companion import CompanionBrain
from companion_async.companion.config import CompanionConfig
from companion_async.errors import InvalidArgumentError
from companion_async.modules.handlers import collect
from tests.cognition.decoding import hostile
from tests.cognition.model_router.model_server import serving
from tests.cognition.multimodal_processor.test_measuring import RATE, gradient, saved, sound

pytestmark = pytest.mark.feature("CB-48")

on_one_loop = pytest.mark.asyncio(loop_factories=["asyncio"])
needs_sdk = pytest.mark.skipif(importlib.util.find_spec("openai") is None, reason="the extra llm is not installed")


def endpoint(name, server, *takes, **more):
    return Endpoint(name=name, model="m", base_url=f"{server.url}/v1", takes=takes, retries=0, **more)


def configured(*endpoints, **decoding):
    return CompanionConfig(models=ModelSettings(endpoints=endpoints), decoding=DecodingSettings(**decoding))


def test_handlers():
    """The handlers are the documented ones and no more."""
    assert set(collect(MultimodalProcessor)) == {"process", "similarity"}


async def test_it_works_in_a_brain(tmp_path):
    """A file is measured by its path, in a thread of the brain."""
    path = tmp_path / "picture.png"
    path.write_bytes(saved(gradient()))
    async with Brain() as brain:
        await brain.register(MODULE, MultimodalProcessor, category="advanced")
        found = await brain.submit(MODULE, "process", path)
        likeness = await brain.submit(MODULE, "similarity", found.hash, found.hash)
        with pytest.raises(InvalidArgumentError, match="path or bytes"):
            await brain.submit(MODULE, "process", 5)
        with pytest.raises(InvalidArgumentError, match="hash"):
            await brain.submit(MODULE, "similarity", "no hash", found.hash)
    assert (found.width, likeness) == (120, 1.0)


async def test_without_a_model_the_result_says_so():
    """Nothing is made up: no caption, no transcript, and the reason."""
    async with CompanionBrain(configured(isolate=False)) as brain:
        seen = await brain.submit(MODULE, "process", saved(gradient()))
        heard = await brain.submit(MODULE, "process", sound(numpy.zeros(RATE)))
        unasked = await brain.submit(MODULE, "process", saved(gradient()), kwargs={"described": False})
    assert (seen.caption, seen.caption_by) == (None, None)
    assert seen.no_caption == "no endpoint is configured that takes image"
    assert (heard.transcript, heard.transcript_by) == (None, None)
    assert heard.no_transcript == "no endpoint is configured that takes audio"
    assert unasked.no_caption == "none was asked for"


@needs_sdk
@on_one_loop
async def test_a_decoded_picture_is_captioned_and_a_sound_transcribed():
    """Decoded in another process, sent small and without what the file tells of its owner, and told who wrote it."""
    exif = Image.Exif()
    exif[0x0110] = "A secret camera"
    big = saved(Image.new("RGB", (3000, 1500), "#ff0000"), "TIFF", exif=exif)
    with serving(words=("A red wall.",)) as eyes, serving(words=("Good morning.",)) as ears:
        async with CompanionBrain(
            configured(endpoint("eyes", eyes, "image"), endpoint("ears", ears, "audio"))
        ) as brain:
            seen = await brain.submit(MODULE, "process", big)
            heard = await brain.submit(MODULE, "process", sound(0.1 * numpy.ones(RATE), "AIFF"))
            read = await brain.submit(MODULE, "process", b"just words")
            pids = {worker.pid for worker in brain.status().categories["advanced"].workers if worker.pid}
    assert (seen.caption, seen.caption_by, seen.no_caption) == ("A red wall.", "eyes", "")
    assert (heard.transcript, heard.transcript_by, heard.no_transcript) == ("Good morning.", "ears", "")
    assert (seen.width, read.format) == (3000, "plain")
    assert pids
    assert os.getpid() not in pids
    (asked,) = eyes.requests
    url = asked["body"]["messages"][-1]["content"][0]["image_url"]["url"]
    head, _, data = url.partition(",")
    shown = Image.open(io.BytesIO(base64.b64decode(data)))
    assert (head, shown.format, shown.size) == ("data:image/jpeg;base64", "JPEG", (1024, 512))
    assert not shown.getexif()
    (listened,) = ears.requests
    assert b"fLaC" in listened["body"]


@needs_sdk
async def test_a_model_that_fails_leaves_the_rest_as_it_is():
    """The picture is measured all the same, and the reason names the endpoint and the kind of its failure."""
    with serving(status=500) as server:
        async with CompanionBrain(configured(endpoint("eyes", server, "image"), isolate=False)) as brain:
            found = await brain.submit(MODULE, "process", saved(gradient()))
            await brain.unregister("model_router")
            alone = await brain.submit(MODULE, "process", saved(gradient()))
    assert (found.width, found.caption) == (120, None)
    assert found.no_caption == "no endpoint has answered (eyes: InternalServerError (HTTP 500))"
    assert (alone.width, alone.no_caption) == (120, "model_router could not be asked (UnknownModuleError)")


@pytest.mark.parametrize(("ending", "reason"), [(hostile.crash, "crashed"), (hostile.eat, "too_large")])
@on_one_loop
async def test_a_picture_that_ends_its_decoder_is_an_error_and_no_more(monkeypatch, ending, reason):
    """A crash in C, memory without end: `MediaError` says which, and the next one is measured."""
    async with CompanionBrain(configured(memory_limit=2**29)) as brain:
        with monkeypatch.context() as patch:
            patch.setattr(room, "measure", ending)
            with pytest.raises(MediaError) as caught:
                await brain.submit(MODULE, "process", saved(gradient()))
        assert caught.value.reason == reason
        found = await brain.submit(MODULE, "process", saved(gradient()))
        assert found.width == 120


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="the memory of a process is limited on Linux only")
@on_one_loop
async def test_the_memory_of_decoders_is_limited(tmp_path, monkeypatch):
    """A picture that is no bomb by its size, and yet takes more memory than its decoder may have, is refused."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    noise = numpy.random.default_rng(1).integers(0, 255, (700, 1000), dtype="uint8")
    big = Image.new("RGBA", (6000, 6000))
    big.paste(Image.fromarray(noise))
    content = saved(big)
    async with CompanionBrain(configured(memory_limit=2**28)) as brain:
        with pytest.raises(MediaError) as caught:
            await brain.submit(MODULE, "process", content)
    assert caught.value.reason == "too_large"
    assert len(content) > 2**18  # so that it went by a file, of which nothing is left
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("given", [{"max_bytes": 0}, {"max_pixels": -1}, {"thumbnail": 5000}, {"max_seconds": 0}])
def test_settings_that_could_not_be_meant_are_refused(given):
    """Each limit is checked where it is given; they stand in the companion's configuration."""
    with pytest.raises(InvalidArgumentError, match=next(iter(given))):
        MediaSettings(**given)
    assert CompanionConfig.load(env={"COMPANION_MEDIA__COLOURS": "3"}).media.colours == 3


def test_its_error_can_be_pickled():
    """The reason is there after a pickle."""
    error = MediaError("too_large", "it has more than 5 bytes")
    again = pickle.loads(pickle.dumps(error))
    assert (again.reason, str(again)) == (error.reason, str(error))

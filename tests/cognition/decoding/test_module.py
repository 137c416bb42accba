from __future__ import annotations

import os
import pickle

import pytest

from companion_async.brain.brain import Brain
from companion_async.cognition.corpus.pdf import is_installed
from companion_async.cognition.decoding.module import MODULE, Decoders, DecodingError, decoded, decoded_in_thread
from companion_async.cognition.decoding.settings import DecodingSettings
from companion_async.cognition.knowledge_retriever import module as retriever
from companion_async.companion.companion import CompanionBrain
from companion_async.companion.config import CompanionConfig, KnowledgeSettings
from companion_async.errors import InvalidArgumentError, TaskCancelledError, UnknownModuleError
from companion_async.events.kinds import TaskStarted
from companion_async.modules.module import BaseModule
from tests.cognition.corpus.test_pdf import made_of
from tests.cognition.decoding import hostile

pytestmark = pytest.mark.feature("CB-48")

SMALL = DecodingSettings(memory_limit=2**28)


class Reader(BaseModule):
    """A module that has files decoded, by both ways."""

    def __init__(self, settings):
        super().__init__()
        self._settings = settings

    async def on_the_loop(self, function):
        return await decoded(self.brain, "reader", self._settings, function)

    def in_a_thread(self, function):
        return decoded_in_thread(self._settings, function)


async def living(brain, settings):
    await brain.register(MODULE, Decoders, factory=Factory(settings), offload="process", timeout=None)
    await brain.register("reader", Reader, factory=lambda: Reader(settings))


class Factory:
    """Makes decoders, here and there."""

    def __init__(self, settings):
        self._settings = settings

    def __call__(self):
        return Decoders(self._settings)


@pytest.mark.parametrize("way", ["on_the_loop", "in_a_thread"])
async def test_a_decoder_that_crashes_harms_nothing_but_its_file(way):
    """By a signal of the system, by the end of its memory: an error that says so, and the next file is decoded."""
    async with Brain() as brain:
        await living(brain, SMALL)
        for function, reason, words in (
            (hostile.crash, "crashed", "SIGSEGV"),
            (hostile.eat, "too_large", "268,435,456 bytes"),
        ):
            with pytest.raises(DecodingError, match=words) as caught:
                await brain.submit("reader", way, function)
            assert caught.value.reason == reason
        pid, _ = await brain.submit("reader", way, hostile.whoami)
        assert pid != os.getpid()
        assert brain.status().enabled


@pytest.mark.asyncio(loop_factories=["asyncio"])
@pytest.mark.parametrize("way", ["on_the_loop", "in_a_thread"])
async def test_a_decoder_that_goes_round_in_circles_is_ended(way):
    """After the seconds that it has it is killed, and the error says so."""
    settings = DecodingSettings(seconds=0.3)
    async with Brain() as brain:
        await living(brain, settings)
        with pytest.raises(DecodingError, match=r"0\.3 s") as caught:
            await brain.submit("reader", way, hostile.spin)
        assert caught.value.reason == "too_slow"


@pytest.mark.asyncio(loop_factories=["asyncio"])
async def test_whoever_no_longer_waits_has_it_ended():
    """A cancelled task has the decoder stopped that works for it."""
    async with Brain() as brain:
        await living(brain, DecodingSettings())
        await brain.submit("reader", "on_the_loop", hostile.whoami)
        task = brain.submit("reader", "on_the_loop", hostile.spin)
        async with brain.events.subscribe("task.started") as started:
            async for event in started:
                if isinstance(event, TaskStarted) and event.module == MODULE:
                    break
        task.cancel()
        with pytest.raises(TaskCancelledError):
            await task


@pytest.mark.asyncio(loop_factories=["asyncio"])
async def test_without_isolation_it_happens_here():
    """Where it is turned off, files are decoded in a thread of this process, and no process is started."""
    async with Brain() as brain:
        await living(brain, DecodingSettings(isolate=False))
        for way in ("on_the_loop", "in_a_thread"):
            pid, thread = await brain.submit("reader", way, hostile.whoami)
            assert pid == os.getpid()
            assert thread != hostile.whoami()[1]


@pytest.mark.asyncio(loop_factories=["asyncio"])
async def test_a_brain_without_decoders_says_so():
    """What was to be isolated is never decoded here instead."""
    async with Brain() as brain:
        await brain.register("reader", Reader, factory=lambda: Reader(DecodingSettings()))
        with pytest.raises(UnknownModuleError, match=MODULE):
            await brain.submit("reader", "on_the_loop", hostile.whoami)


@pytest.mark.skipif(not is_installed(), reason="the extra documents is not installed")
@pytest.mark.feature("CB-42")
async def test_a_document_that_crashes_its_decoder_is_told_and_the_others_are_read(tmp_path, monkeypatch):
    """PDF files are read in other processes; one that ends its own is a note, and the companion lives on."""
    monkeypatch.setattr(retriever, "pdf_sections", hostile.crash_at_one)
    (tmp_path / "evil.pdf").write_bytes(made_of("Boo."))
    (tmp_path / "harbour.pdf").write_bytes(made_of("The crane of the harbour is of 1890."))
    config = CompanionConfig(knowledge=KnowledgeSettings(documents=(str(tmp_path),)))
    async with CompanionBrain(config) as companion:
        learned = await companion.learn()
        answer = await companion.ask("From which year is the crane of the harbour?")
    (note,) = learned.notes
    assert "evil.pdf: left out, its decoder has crashed (SIGSEGV" in note
    assert "1890" in answer.text
    assert answer.sources[0].location.endswith("harbour.pdf#page=1")


@pytest.mark.parametrize("given", [{"isolate": 1}, {"seconds": 0}, {"memory_limit": 5}])
def test_settings_that_could_not_be_meant_are_refused(given):
    """Each is checked where it is given; they stand in the companion's configuration."""
    with pytest.raises(InvalidArgumentError, match=next(iter(given))):
        DecodingSettings(**given)
    assert CompanionConfig.load(env={"COMPANION_DECODING__ISOLATE": "false"}).decoding.isolate is False


def test_its_error_can_be_pickled():
    """The reason is there after a pickle."""
    error = DecodingError("crashed", "its decoder has crashed (SIGSEGV)")
    again = pickle.loads(pickle.dumps(error))
    assert (again.reason, str(again)) == (error.reason, str(error))

from __future__ import annotations

import asyncio
import importlib.util
import threading

import anyio
import pytest

from companion_async.brain.config import BrainConfig
from companion_async.cognition.corpus.reading import read
from companion_async.cognition.knowledge_retriever import module as retriever
from companion_async.cognition.model_router.reply import Piece
from companion_async.cognition.model_router.settings import EMBEDDED, Endpoint, ModelSettings
from companion_async.cognition.search_engine.library import Library
from companion_async.companion.answer import Answer, Progress
from companion_async.companion.companion import CompanionBrain
from companion_async.companion.config import CompanionConfig, KnowledgeSettings
from companion_async.errors import BrainClosedError, InvalidArgumentError, MissingExtraError, StorageError
from tests.cognition.model_router.model_server import serving

pytestmark = pytest.mark.feature("CB-57")

GREEN_TEA = "How hot should the water for green tea be?"


@pytest.mark.feature("CB-01")
async def test_the_built_in_modules_are_up_where_the_documents_say(companion):
    """The modules of a companion run from the start, each in its category and at its priority."""
    modules = companion.status().module_threads
    placed = {name: (module.state, module.category, module.priority) for name, module in modules.items()}
    expected = {
        "model_router": ("running", "core", "critical"),
        "context_manager": ("running", "core", "high"),
        "knowledge_retriever": ("running", "phase1", "high"),
        "search_engine": ("running", "phase2", "medium"),
        "web_crawler": ("running", "phase3", "medium"),
        "multimodal_processor": ("running", "advanced", "medium"),
        "code_executor": ("running", "phase4", "high"),
        "personality_engine": ("running", "agi", "medium"),
        "perception": ("running", "core", "high"),
        "planning": ("running", "advanced", "medium"),
        "reflection": ("running", "agi", "low"),
        "retrieval": ("running", "advanced", "high"),
        "execution": ("running", "core", "high"),
        "converse": ("running", "agi", "high"),
        "controller": ("running", "core", "high"),
    }
    assert expected.items() <= placed.items()
    assert {state for state, _, _ in placed.values()} == {"running"}


async def test_an_answer_quotes_its_source_and_says_who_gave_it(companion):
    """A question is answered from the documents, with the place it stands at and the name of the responder."""
    answer = await companion.ask(GREEN_TEA)
    assert "70 degrees" in answer.text
    assert "tea.md" in answer.sources[0].location
    assert "70 degrees" in answer.sources[0].excerpt
    assert (answer.responder, answer.found, answer.note) == (EMBEDDED, True, "")
    assert str(answer).endswith(f"Sources:\n[1] {answer.sources[0].title} ({answer.sources[0].location})")
    assert {"retrieve", "answer"} <= set(answer.timings)
    assert answer.seconds >= max(answer.timings.values())
    assert answer.to_dict()["sources"][0]["location"] == answer.sources[0].location


async def test_nothing_found_is_said(companion):
    """A question that the documents do not answer gets no source and an answer that says so."""
    answer = await companion.ask("Who won the football world championship in Brazil?")
    assert (answer.found, answer.sources) == (False, ())
    assert "Nothing that was read answers this" in str(answer)


async def test_every_step_is_a_task_of_its_module(companion):
    """Reading, retrieving, answering and remembering show in the counts of the modules that do them."""
    await companion.ask(GREEN_TEA, conversation="ada")
    done = {name: module.tasks_completed for name, module in companion.status().module_threads.items()}
    assert done["knowledge_retriever"] >= 3
    assert done["model_router"] == 1
    assert done["context_manager"] == 2


async def test_the_first_question_reads_once_for_all(companion):
    """Questions asked at the same moment share one reading, and later ones do without."""
    first = await asyncio.gather(*(companion.ask(GREEN_TEA) for _ in range(5)))
    reads = [task for task in companion.tasks(module="knowledge_retriever") if task.target == "read"]
    assert all("70 degrees" in answer.text for answer in first)
    assert all("read" in answer.timings for answer in first)
    later = await companion.ask(GREEN_TEA)
    assert [task for task in companion.tasks(module="knowledge_retriever") if task.target == "read"] == reads
    assert "read" not in later.timings


class Gate:
    """Holds every reading of a share in its thread until it is opened; the first then ``breaks`` off, if told so."""

    def __init__(self):
        self.reads = 0
        self.breaks = False
        self._reached = threading.Event()
        self._open = threading.Event()

    def read(self, job, *how):
        self.reads += 1
        first = self.reads == 1
        self._reached.set()
        self._open.wait()
        if first and self.breaks:
            raise OSError("the share was given up")
        return read(job, *how)

    async def reached(self):
        assert await asyncio.to_thread(self._reached.wait, 5)

    def open(self):
        self._open.set()


@pytest.fixture
def gate(monkeypatch):
    gate = Gate()
    monkeypatch.setattr(retriever, "read", gate.read)
    yield gate
    gate.open()


async def test_a_reader_that_leaves_does_not_take_the_reading_along(companion, gate):
    """When one of two askers is cancelled while they share a reading, the other gets its answer from it."""
    leaver, stayer = (asyncio.create_task(companion.ask(GREEN_TEA)) for _ in range(2))
    await gate.reached()
    leaver.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaver
    gate.open()
    assert "70 degrees" in (await stayer).text
    assert gate.reads == 1


async def test_a_reading_that_all_have_left_is_given_up_and_can_be_had_again(companion, gate):
    """With nobody left to wait, the reading stops; the next question begins it anew."""
    gate.breaks = True
    askers = [asyncio.create_task(companion.ask(GREEN_TEA)) for _ in range(2)]
    await gate.reached()
    for asker in askers:
        asker.cancel()
    await asyncio.wait(askers)
    await anyio.wait_all_tasks_blocked()
    assert [task.state for task in companion.tasks(module="knowledge_retriever") if task.target == "read"] == [
        "cancelled"
    ]
    gate.open()
    assert "70 degrees" in (await companion.ask(GREEN_TEA)).text
    assert gate.reads == 2


async def test_learn_reports_and_shows_its_progress(documents):
    """A reading tells each step, ends at its total, and says what it yielded."""
    seen: list[Progress] = []
    async with CompanionBrain() as companion:
        learned = await companion.learn(documents, on_progress=seen.append)
        answer = await companion.ask(GREEN_TEA)
    assert [progress.done for progress in seen] == list(range(1, learned.shares + 1))
    assert seen[-1].total == learned.shares
    assert seen[-1].documents == learned.documents >= 4
    assert learned.notes == ()
    assert "70 degrees" in answer.text


async def test_progress_goes_to_those_who_wait(companion):
    """Whoever has its reading hears nothing of the next one."""
    seen: list[Progress] = []
    first = await companion.learn(on_progress=seen.append)
    await companion.learn()
    assert len(seen) == first.shares


async def test_learning_again_replaces(companion, documents):
    """A document that changed and is read again answers with its new text alone."""
    await companion.ask(GREEN_TEA)
    tea = documents / "tea.md"
    tea.write_text(tea.read_text(encoding="utf-8").replace("70 degrees", "80 degrees"), encoding="utf-8")
    await companion.learn()
    assert "80 degrees" in (await companion.ask(GREEN_TEA)).text


async def test_what_cannot_be_read_is_told(companion, documents):
    """A file that is no text is left out with a note, and the rest is read."""
    (documents / "broken.md").write_bytes(b"\x00\x01\x02" * 100)
    learned = await companion.learn()
    assert any("broken.md" in note for note in learned.notes)
    assert learned.documents >= 4


async def test_a_store_that_cannot_take_in_what_was_read_says_why(kept, monkeypatch):
    """A full disk is told as one, in the note of the share that was lost to it."""

    def add(*_, **__):
        raise StorageError("database or disk is full")

    monkeypatch.setattr(Library, "add", add)
    async with CompanionBrain(kept) as companion:
        assert (await companion.learn()).notes == ("one share of 1 could not be read: database or disk is full",)


async def test_a_path_that_is_not_there_is_refused(companion, tmp_path):
    """Learning from nowhere raises what is wrong with the path, and reads nothing."""
    with pytest.raises(InvalidArgumentError, match="nowhere"):
        await companion.learn(tmp_path / "nowhere")


@pytest.fixture
def kept(documents, tmp_path):
    """The settings of a companion that keeps what it read in a file."""
    knowledge = KnowledgeSettings(documents=(str(documents),), database=str(tmp_path / "library.sqlite"))
    return CompanionConfig(knowledge=knowledge)


async def asked(config, question=GREEN_TEA):
    """The answer of a new companion, and how many shares it had to read for it."""
    async with CompanionBrain(config) as companion:
        answer = await companion.ask(question)
        return answer, sum(task.target == "read" for task in companion.tasks(module="knowledge_retriever"))


async def test_a_database_is_read_once_for_ever(kept):
    """With a database file a later companion answers from what an earlier one has read."""
    assert (await asked(kept))[1] == 1
    answer, shares = await asked(kept)
    assert (shares, "70 degrees" in answer.text) == (0, True)


async def test_a_database_that_was_filled_by_half_is_read_again(kept, gate):
    """After a reading that broke off, what there is in the file is not taken for the whole."""
    gate.breaks = True
    async with CompanionBrain(kept) as companion:
        asking = asyncio.create_task(companion.ask(GREEN_TEA))
        await gate.reached()
        asking.cancel()
        await asyncio.wait([asking])
        gate.open()
    assert (await asked(kept))[1] == 1


async def test_a_database_of_other_documents_is_emptied_first(kept, tmp_path):
    """When other documents are configured for the same file, the former ones are gone from it."""
    await asked(kept)
    (tmp_path / "rooibos.md").write_text("# Rooibos\n\nRooibos is brewed for ten minutes.\n", encoding="utf-8")
    other = KnowledgeSettings(documents=(str(tmp_path / "rooibos.md"),), database=kept.knowledge.database)
    config = CompanionConfig(knowledge=other)
    assert "ten minutes" in (await asked(config, "How long is rooibos brewed?"))[0].text
    assert not (await asked(config))[0].found


@pytest.mark.feature("CB-41")
async def test_a_conversation_is_remembered_and_understood(companion):
    """In a chat "it" is what was spoken of last; without the conversation the same words find nothing of it."""
    await companion.chat("How do I brew green tea?", conversation="ada")
    answer = await companion.chat("And how long does it take?", conversation="ada")
    assert "tea.md" in answer.sources[0].location
    turns = await companion.history("ada")
    assert [(turn.role, turn.text) for turn in turns][::2] == [
        ("user", "How do I brew green tea?"),
        ("user", "And how long does it take?"),
    ]
    assert turns[3].text == answer.text
    assert answer.conversation == "ada"


@pytest.mark.feature("CB-41")
async def test_conversations_are_apart_and_can_be_forgotten(companion):
    """What is said in one conversation is not known in another, nor in the same one after it was forgotten."""
    await companion.chat(GREEN_TEA, conversation="ada")
    assert await companion.history("bob") == ()
    assert await companion.forget("ada") is True
    assert await companion.history("ada") == ()
    assert await companion.forget("ada") is False


@pytest.mark.feature("CB-41", "CB-17")
async def test_a_restart_of_its_modules_forgets_nothing(companion):
    """After every module was restarted the companion still knows what it read and what was said."""
    await companion.chat(GREEN_TEA, conversation="ada")
    for name in companion.status().module_threads:
        assert await companion.restart(name)
    assert len(await companion.history("ada")) == 2
    answer = await companion.chat(GREEN_TEA, conversation="ada")
    assert "70 degrees" in answer.text
    assert "read" not in answer.timings


async def test_think_looks_wider(companion):
    """Thinking takes more passages into account and is routed as reasoning."""
    answer = await companion.think("Compare how green tea and cold brew coffee are made")
    assert {"tea.md", "coffee.md"} == {source.location.split(":")[0].rsplit("/", 1)[-1] for source in answer.sources}


@pytest.mark.feature("CB-56")
async def test_streaming_ends_with_the_answer(companion):
    """A streamed answer comes in pieces, and its last item is the whole of it with its sources."""
    items = [item async for item in companion.stream(GREEN_TEA, conversation="ada")]
    assert all(isinstance(item, Piece) for item in items[:-1])
    answer = items[-1]
    assert isinstance(answer, Answer)
    assert "".join(item.text for item in items[:-1]) == answer.text
    assert answer.sources
    assert len(await companion.history("ada")) == 2


@pytest.mark.feature("CB-56")
async def test_leaving_a_stream_ends_its_work_and_remembers_nothing(companion):
    """Whoever closes the stream early leaves no task behind and no half answer in the conversation."""
    stream = companion.stream(GREEN_TEA, conversation="ada")
    assert isinstance(await anext(stream), Piece)
    await stream.aclose()
    await companion.drain()
    assert await companion.history("ada") == ()


needs_sdks = pytest.mark.skipif(importlib.util.find_spec("openai") is None, reason="the extra llm is not installed")


@needs_sdks
@pytest.mark.feature("CB-40")
async def test_a_model_answers_from_the_passages(documents):
    """With an endpoint configured, it is told the question with the passages, and the answer bears its name."""
    with serving(words=("At 70 ", "degrees [1].")) as server:
        models = ModelSettings(endpoints=(Endpoint(name="here", model="m", base_url=f"{server.url}/v1"),))
        config = CompanionConfig(models=models, knowledge=KnowledgeSettings(documents=(str(documents),)))
        async with CompanionBrain(config) as companion:
            await companion.chat("Hello, I like tea", conversation="ada")
            answer = await companion.chat(GREEN_TEA, conversation="ada")
    assert (answer.text, answer.responder) == ("At 70 degrees [1].", "here")
    assert len(answer.sources) == 1
    assert "tea.md" in answer.sources[0].location
    messages = server.requests[-1]["body"]["messages"]
    assert messages[1] == {"role": "user", "content": "Hello, I like tea"}
    assert "70 degrees" in messages[-1]["content"]


@needs_sdks
@pytest.mark.feature("CB-56", "U-3")
async def test_leaving_a_stream_ends_the_request_to_the_model(documents):
    """Whoever closes the stream while the model still writes hangs up on it."""
    with serving(gate=threading.Event()) as server:
        models = ModelSettings(endpoints=(Endpoint(name="here", model="m", base_url=f"{server.url}/v1"),))
        config = CompanionConfig(models=models, knowledge=KnowledgeSettings(documents=(str(documents),)))
        async with CompanionBrain(config) as companion:
            stream = companion.stream(GREEN_TEA, conversation="ada")
            assert await anext(stream) == Piece("Use ", "here")
            await stream.aclose()
            assert await asyncio.to_thread(server.hung_up.wait, 5)
            assert await companion.history("ada") == ()


@needs_sdks
@pytest.mark.feature("CB-40", "CB-54")
async def test_when_the_model_is_down_the_answer_is_quoted_and_says_so(documents):
    """With its endpoint gone a companion still answers, by quoting, and the answer tells why."""
    with serving() as gone:
        pass
    models = ModelSettings(endpoints=(Endpoint(name="gone", model="m", base_url=f"{gone.url}/v1", retries=0),))
    config = CompanionConfig(models=models, knowledge=KnowledgeSettings(documents=(str(documents),)))
    async with CompanionBrain(config) as companion:
        answer = await companion.ask(GREEN_TEA)
    assert answer.responder == EMBEDDED
    assert "70 degrees" in answer.text
    assert answer.note == "Answered by embedded-extractive, because others could not (gone: APIConnectionError)."


def test_a_missing_sdk_is_refused_before_anything_starts(monkeypatch):
    """A configured endpoint whose SDK is missing is an error at the door."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    models = ModelSettings(endpoints=(Endpoint(name="here", model="m"),))
    with pytest.raises(MissingExtraError):
        CompanionBrain(CompanionConfig(models=models))


async def test_a_plain_brain_config_will_do(documents):
    """The settings of a plain BrainConfig hold for a companion as they are."""
    async with CompanionBrain(BrainConfig(max_threads=3, categories={"phase1": 2})) as companion:
        await companion.learn(documents)
        assert companion.status().max_threads == 3
        assert companion.config.categories["phase1"] == 2
        assert "70 degrees" in (await companion.ask(GREEN_TEA)).text


@pytest.mark.feature("CB-29")
async def test_shutdown_gives_up_a_reading(documents, gate):
    """Shutting down in the middle of a reading ends it at once, and whoever waits for it hears of it."""
    config = CompanionConfig(knowledge=KnowledgeSettings(documents=(str(documents),)))
    companion = CompanionBrain(config)
    await companion.start()
    asking = asyncio.create_task(companion.ask(GREEN_TEA))
    await gate.reached()
    ending = asyncio.create_task(companion.shutdown(600))
    await asyncio.wait([asking], timeout=60)
    assert asking.cancelled()
    gate.open()
    await ending
    with pytest.raises(BrainClosedError):
        await companion.ask(GREEN_TEA)

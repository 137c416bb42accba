from __future__ import annotations

import os

import pytest

from companion_async.brain.config import BrainConfig
from companion_async.cognition.context_manager.settings import ContextSettings
from companion_async.cognition.model_router.settings import Endpoint, ModelSettings
from companion_async.companion.config import CompanionConfig, KnowledgeSettings
from companion_async.errors import InvalidArgumentError

pytestmark = pytest.mark.feature("CB-57")


def test_a_brain_config_becomes_a_companions():
    """Every setting of a plain config is kept, and the rest has its defaults."""
    given = BrainConfig(max_threads=7, categories={"media": 2}, token="hunter2")
    config = CompanionConfig.of(given)
    assert (config.max_threads, config.categories["media"], config.token) == (7, 2, "hunter2")
    assert config.knowledge == KnowledgeSettings()
    assert CompanionConfig.of(config) is config
    assert CompanionConfig.of(None) == CompanionConfig()
    with pytest.raises(InvalidArgumentError, match="CompanionConfig or a BrainConfig"):
        CompanionConfig.of({"max_threads": 7})  # type: ignore[arg-type]


def test_it_is_read_from_a_file(tmp_path):
    """A companion's own tables stand in the same file as a brain's keys."""
    path = tmp_path / "companion.toml"
    path.write_text(
        'max_threads = 7\n[knowledge]\ndocuments = ["docs", "notes.md"]\ndatabase = "library.sqlite"\n'
        '[context]\nwindow_turns = 5\n[[models.endpoints]]\nname = "local"\nprovider = "ollama"\nmodel = "small"\n'
        'kinds = ["chat"]\ntimeout = 5\n',
        encoding="utf-8",
    )
    config = CompanionConfig.load(path, env={})
    assert config.max_threads == 7
    assert config.knowledge == KnowledgeSettings(documents=("docs", "notes.md"), database="library.sqlite")
    assert config.context == ContextSettings(window_turns=5)
    local = Endpoint(name="local", provider="ollama", model="small", kinds=("chat",), timeout=5)
    assert config.models == ModelSettings(endpoints=(local,))


def test_it_is_read_from_the_environment():
    """Paths are separated as in PATH, and lists of tables are written as JSON."""
    env = {
        "COMPANION_KNOWLEDGE__DOCUMENTS": os.pathsep.join(["docs", "notes.md"]),
        "COMPANION_MODELS__ENDPOINTS": '[{"name": "local", "model": "small", "provider": "ollama"}]',
        "COMPANION_CONTEXT__WINDOW_TURNS": "5",
    }
    config = CompanionConfig.load(env=env)
    assert config.knowledge.documents == ("docs", "notes.md")
    assert config.models.endpoints[0].name == "local"
    assert config.context.window_turns == 5
    as_json = CompanionConfig.load(env={"COMPANION_KNOWLEDGE__DOCUMENTS": '["a:b"]'})
    assert as_json.knowledge.documents == ("a:b",)


@pytest.mark.parametrize(
    ("env", "right"),
    [
        ({"COMPANION_KNOWLEGE__DOCUMENTS": "x"}, "Did you mean COMPANION_KNOWLEDGE?"),
        ({"COMPANION_KNOWLEDGE__DOCUMENT": "x"}, "Did you mean COMPANION_KNOWLEDGE__DOCUMENTS?"),
        ({"COMPANION_CONTEXT__WINDOW_TURNS": "0"}, "[context] window_turns must be a whole number from 1 on"),
        ({"COMPANION_MODELS__ENDPOINTS": "[{}]"}, "models.endpoints.0"),
        ({"COMPANION_MODELS__ENDPOINTS": "[1]"}, "[models] endpoints must be"),
        ({"COMPANION_MODELS__ENDPOINTS": "{"}, "[models] endpoints must be"),
        ({"COMPANION_MODELS__ENDPOINTS": '[{"name": "a", "model": "m", "provder": "x"}]'}, "Did you mean"),
        ({"COMPANION_MODELS__ENDPOINTS": '[{"name": "a", "model": "m", "provider": "x"}]'}, "provider must be one of"),
    ],
)
def test_mistakes_in_them_are_told(env, right):
    """Unknown keys and bad values of a companion's tables are refused with what would be right."""
    with pytest.raises(InvalidArgumentError) as caught:
        CompanionConfig.load(env=env)
    assert right in str(caught.value)


@pytest.mark.parametrize(
    "given",
    [
        {"knowledge": None},
        {"knowledge": {"documents": ()}},
        {"models": "gpt"},
        {"context": 5},
    ],
)
def test_rooms_are_settings(given):
    """A companion's parts are given as their settings structs."""
    with pytest.raises(InvalidArgumentError, match=next(iter(given))):
        CompanionConfig(**given)


@pytest.mark.parametrize("given", [{"documents": "docs"}, {"documents": ("",)}, {"documents": (1,)}, {"database": ""}])
def test_knowledge_is_paths(given):
    """Documents are a tuple of paths and a database is a path; a single string is no list of them."""
    with pytest.raises(InvalidArgumentError):
        KnowledgeSettings(**given)

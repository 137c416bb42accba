from __future__ import annotations

import math

import msgspec
import pytest

from companion_async.cognition.model_router.settings import Endpoint, ModelSettings
from companion_async.errors import InvalidArgumentError

pytestmark = pytest.mark.feature("CB-40")


@pytest.mark.parametrize(
    ("given", "right"),
    [
        ({"name": "a b"}, "endpoint name"),
        ({"name": "embedded-extractive"}, "taken by the embedded responder"),
        ({"model": "  "}, "model must name"),
        ({"model": 7}, "model must name"),
        ({"provider": "azure"}, "openai, ollama, anthropic"),
        ({"base_url": "localhost:8000"}, "http:// or https://"),
        ({"base_url": "ftp://host"}, "http:// or https://"),
        ({"base_url": "http://"}, "http:// or https://"),
        ({"base_url": "http://host:99999"}, "http:// or https://"),
        ({"base_url": 8000}, "http:// or https://"),
        ({"base_url": "http://me:pw@host"}, "no user and password"),
        ({"kinds": ("poetry",)}, "code, math, summary, reasoning, chat"),
        ({"kinds": "code"}, "code, math, summary, reasoning, chat"),
        ({"from_tokens": -1}, "from_tokens"),
        ({"cost": -0.5}, "cost"),
        ({"cost": math.nan}, "cost"),
        ({"max_output_tokens": 0}, "max_output_tokens"),
        ({"context_tokens": 1024}, "context_tokens"),
        ({"retries": 11}, "retries"),
        ({"timeout": math.nan}, "timeout"),
    ],
)
def test_refused(given, right):
    """Every setting that could not be meant is refused with what would be right."""
    with pytest.raises(InvalidArgumentError) as caught:
        Endpoint(**{"name": "a", "model": "m", **given})
    assert right in str(caught.value)


def test_a_key_in_place_of_its_variable_is_refused_unseen():
    """A key put where the variable's name belongs is refused without being repeated."""
    with pytest.raises(InvalidArgumentError) as caught:
        Endpoint(name="a", model="m", api_key_env="sk-hunter2")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("given", "address", "variable"),
    [
        ({}, "https://api.openai.com/v1", "OPENAI_API_KEY"),
        ({"provider": "anthropic"}, "https://api.anthropic.com", "ANTHROPIC_API_KEY"),
        ({"provider": "ollama"}, "http://127.0.0.1:11434/v1", None),
        ({"base_url": "http://box:8000/v1"}, "http://box:8000/v1", None),
        ({"base_url": "http://box:8000/v1", "api_key_env": "BOX_KEY"}, "http://box:8000/v1", "BOX_KEY"),
        ({"api_key_env": "MY_KEY"}, "https://api.openai.com/v1", "MY_KEY"),
    ],
)
def test_a_provider_key_goes_to_its_provider_alone(given, address, variable):
    """The usual variable is read for the usual address; any other address gets only the key that was named for it."""
    endpoint = Endpoint(name="a", model="m", **given)
    assert (endpoint.address, endpoint.key_variable) == (address, variable)


def test_names_are_unique():
    """Two endpoints of one name could not be told apart in an answer."""
    one = Endpoint(name="a", model="m")
    with pytest.raises(InvalidArgumentError, match="'a' is there twice"):
        ModelSettings(endpoints=(one, one))
    with pytest.raises(InvalidArgumentError, match="tuple of Endpoint"):
        ModelSettings(endpoints=({"name": "a"},))  # type: ignore[arg-type]


def test_settings_come_from_plain_data():
    """Endpoints can be written as the tables of a configuration file."""
    table = {"endpoints": [{"name": "a", "model": "m", "kinds": ["code"]}]}
    settings = msgspec.convert(table, ModelSettings)
    assert settings == ModelSettings(endpoints=(Endpoint(name="a", model="m", kinds=("code",)),))

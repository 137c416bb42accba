from __future__ import annotations

import pickle

import pytest

from companion_async.cognition.code_executor.execution import SandboxFailedError, SandboxUnavailableError
from companion_async.cognition.code_executor.settings import TIERS, ExecutorSettings
from companion_async.companion.config import CompanionConfig
from companion_async.errors import InvalidArgumentError

pytestmark = pytest.mark.feature("CB-45")


@pytest.mark.parametrize(
    "given",
    [
        {"timeout": float("nan")},
        {"timeout": 0},
        {"cpu": 0},
        {"memory": 1024},
        {"processes": 0},
        {"output": -1},
        {"tiers": ()},
        {"tiers": "sandlock"},
        {"tiers": ("none",)},
        {"python": ""},
        {"node": 5},
        {"user": 0},
    ],
)
def test_limits_that_could_not_be_meant_are_refused(given):
    """Every limit is finite and above zero, no sandbox is one that does not exist, and no program runs as root."""
    with pytest.raises(InvalidArgumentError, match=next(iter(given))):
        ExecutorSettings(**given)


def test_they_are_read_from_the_environment():
    """The executor's limits stand in the companion's configuration like everybody's."""
    config = CompanionConfig.load(env={"COMPANION_CODE__TIMEOUT": "3", "COMPANION_CODE__TIERS": '["monty"]'})
    assert config.code == ExecutorSettings(timeout=3, tiers=("monty",))
    assert ExecutorSettings().tiers == TIERS


@pytest.mark.parametrize(
    "error",
    [SandboxUnavailableError("python", {"sandlock": "it needs Linux"}), SandboxFailedError("sandlock", "it broke")],
)
def test_its_errors_can_be_pickled_and_say_what_to_do(error):
    """An error keeps its facts on the way through a pickle, and its message names a way on."""
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.__dict__) == (str(error), error.__dict__)
    assert "extra" in str(error) or "tiers=" in str(error)

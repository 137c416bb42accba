"""What a module's author derives from."""

from __future__ import annotations

import pytest
from loguru import logger

from companion_async.errors import CompanionError
from companion_async.modules.module import BaseModule, attach


class Silent(BaseModule):
    def __init__(self):
        self.first = self.logger


class Shared(BaseModule):
    pass


@pytest.fixture
def lines():
    """The module's name on each line logged while the library may speak."""
    found = []
    logger.enable("companion_async")
    sink = logger.add(lambda message: found.append(message.record["extra"].get("module")), level=0)
    yield found
    logger.remove(sink)


@pytest.mark.feature("CB-05")
def test_the_logger_carries_the_modules_name(lines):
    """Lines carry the class's name in the constructor and the registered name from then on, super() called or not."""
    module = Silent()
    module.first.info("made")
    attach(module, "thumbnails", object())
    module.logger.info("named")
    assert lines == ["Silent", "thumbnails"]


def test_the_brain_is_there_from_the_start_on_and_not_before():
    """Reading ``brain`` too early says when it will be there; afterwards it is what the runtime gave."""
    module, brain = Silent(), object()
    with pytest.raises(CompanionError, match=r"Silent\.brain is not there yet.*start"):
        _ = module.brain
    attach(module, "m", brain)
    assert module.brain is brain


def test_a_test_of_the_module_alone_may_assign_the_brain():
    """Without a runtime, ``brain`` can be assigned."""
    module = Silent()
    module.brain = 3
    assert module.brain == 3


def test_agent_state_is_what_was_given():
    """``agent_state`` is the constructor's argument, and None where a subclass does not pass it on."""
    state = object()
    assert Shared(state).agent_state is state
    assert Shared(agent_state=state).agent_state is state
    assert Shared().agent_state is None
    assert Silent().agent_state is None


def test_no_run_may_be_interrupted_unless_the_class_says_so():
    """``interruptible`` is off by default."""
    assert BaseModule.interruptible is False


def test_what_is_no_base_module_is_left_alone():
    """A plain object is told nothing: it may hold attributes of the same names for its own ends."""

    class Plain:
        brain = logger = None

    plain = Plain()
    attach(plain, "m", object())
    assert vars(plain) == {}

"""What a companion does for a question beside looking it up and asking a model, each step a task of its module."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from loguru import logger

from companion_async.cognition.advanced_reasoning.module import MODULE as REASONING
from companion_async.cognition.advanced_reasoning.step import Reasoned, Step
from companion_async.cognition.code_executor.execution import Execution
from companion_async.cognition.code_executor.module import MODULE as CODE
from companion_async.cognition.model_router.embedded import NOTHING_CLOSE
from companion_async.cognition.model_router.reply import Reply
from companion_async.cognition.model_router.settings import EMBEDDED
from companion_async.cognition.personality_engine.module import MODULE as PERSONALITY
from companion_async.cognition.personality_engine.style import Styled
from companion_async.cognition.self_learning.module import MODULE as LEARNING
from companion_async.companion.case import Case
from companion_async.companion.decision import program_in
from companion_async.companion.learning import PLAIN, Learning
from companion_async.errors import BrainClosedError, CompanionError, InvalidArgumentError
from companion_async.modules.state import ModuleState
from companion_async.priority import Priority
from companion_async.scheduling.task import Task

if TYPE_CHECKING:
    from companion_async.companion.companion import CompanionBrain

_SHOWN = 4_000  # characters of what a program wrote
# What happened is known, whether it pleased is not: nobody has said.
_REWARD = {"exact": 1.0, "run": 1.0}
_UNRATED, _IN_VAIN = 0.5, 0.0


class Ways:
    """Works out, runs, perceives, styles and learns for one companion. Loop only.

    What fails here never fails the question: it is noted in the answer, or, where the answer does not depend on it, in
    the log.
    """

    def __init__(self, brain: CompanionBrain) -> None:
        self._brain = brain
        self._left_out = frozenset(brain.config.answering.left_out)
        self.learning = Learning(brain)

    def there(self, running: Collection[tuple[str, ModuleState]]) -> frozenset[str]:
        """Of the modules with their states those that a question may be given to."""
        return frozenset(name for name, state in running if state is ModuleState.RUNNING) - self._left_out

    async def work_out(self, case: Case) -> Reply | None:
        """The answer that needs nothing read: a sum, or what a program does. None where it takes another way."""
        try:
            if case.decision.way == "exact":
                with case.step("work out"):
                    return await self._calculated(case)
            if case.decision.way == "run":
                with case.step("run"):
                    return await self._ran(case)
        except BrainClosedError:
            raise
        except Exception as error:
            _note(case, case.decision.modules[0], error)
        return None

    async def search_on(self, case: Case, limit: int) -> Reply | None:
        """What several searches answer, its passages in ``case``, or that none is; None where another may find it."""
        try:
            with case.step("hops"):
                found: Reasoned = await self._brain.submit(REASONING, "reason", case.spelt_out, "hops", limit)
        except BrainClosedError:
            raise
        except Exception as error:
            _note(case, REASONING, error)
            return None
        if not found.found and not found.settled:
            return None
        case.steps += found.steps
        if not found.found:
            return Reply(NOTHING_CLOSE, EMBEDDED, "reasoning", found=False)
        case.passages = found.passages
        return Reply(found.answer, EMBEDDED, "reasoning", tuple(range(len(found.passages))))

    def perceive(self, case: Case) -> None:
        """Take in the mood of the message: meanwhile where the manner of the answer depends on it, else at leisure."""
        if PERSONALITY in case.there:
            urgency = None if self._brain.config.personality.enabled else Priority.IDLE
            case.perceiving = self._submitted(PERSONALITY, "perceive", case.question, case.user, priority=urgency)

    async def styled(self, case: Case, text: str) -> str:
        """``text`` in the companion's manner, where it has one."""
        if not self._brain.config.personality.enabled or PERSONALITY not in case.there:
            return text
        case.manner = await self.learning.manner(case)
        if case.manner == PLAIN:
            return text
        with case.step("style"):
            try:
                if case.perceiving is not None:
                    await case.perceiving
                manner: Styled = await self._brain.submit(PERSONALITY, "style", text, case.user)
            except BrainClosedError:
                raise
            except Exception as error:
                _note(case, PERSONALITY, error)
                return text
        return manner.text

    def learn(self, case: Case, reply: Reply) -> None:
        """Remember the interaction, when there is time. Nobody waits for it."""
        if LEARNING in case.there:
            reward = _REWARD.get(case.decision.way, _UNRATED) if reply.found else _IN_VAIN
            context = {"way": case.decision.way, "responder": reply.responder}
            self._submitted(LEARNING, "record", case.question, reply.text, reward, context, priority=Priority.IDLE)

    def _submitted(self, module: str, target: str, *args: object, priority: Priority | None) -> Task[object] | None:
        try:
            return self._brain.submit(module, target, *args, priority=priority)
        except CompanionError as error:  # its queue is full, say
            logger.debug("{}.{} was left out: {}", module, target, error)
            return None

    async def _calculated(self, case: Case) -> Reply | None:
        found: Reasoned = await self._brain.submit(REASONING, "calculate", case.spelt_out)
        case.steps += found.steps
        if not found.found:
            case.notes.append(found.answer)
            return None
        return Reply(found.answer, found.responder, "math")

    async def _ran(self, case: Case) -> Reply | None:
        program = program_in(case.question)
        if program is None:
            raise AssertionError("a question is to be run for the program in it")
        done: Execution = await self._brain.submit(CODE, "execute", program.code, program.language)
        ended = f"passed its limit of {done.limit}" if done.limit else f"exit status {done.exit_status}"
        case.steps.append(Step("tool", f"{done.language} in {done.tier}, {done.seconds:.2f} s", ended))
        return Reply(_told(done), CODE, "code")


def _note(case: Case, module: str, error: Exception) -> None:
    # What is wrong with a question its asker may read; other errors speak of the inside, and answers go over HTTP.
    why = str(error) if isinstance(error, InvalidArgumentError) else type(error).__name__
    case.notes.append(f"{module} could not help: {why}")
    logger.warning("{} could not help with a question: {}", module, error)


def _told(done: Execution) -> str:
    """What a run came to, as an answer says it."""
    parts = [_shortened(done.stdout)] if done.stdout.strip() else []
    if done.limit:
        parts.append(f"The program was ended: it passed its limit of {done.limit}.")
    elif done.exit_status:
        parts.append(f"The program failed (exit status {done.exit_status}):\n{_shortened(done.stderr)}".strip())
    elif done.value is not None:
        parts.append(done.value if done.value_is_text else repr(done.value))
    return "\n".join(parts) or "The program ran and wrote nothing."


def _shortened(text: str) -> str:
    text = text.strip("\n")
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]} ..."

"""The built-in module ``self_learning``."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from companion_async.clock import Clock, SystemClock
from companion_async.cognition.self_learning.learner import Advice, Choice, Learner, Learnt, Lesson
from companion_async.cognition.self_learning.settings import LearningSettings
from companion_async.cognition.self_learning.skills import Skill
from companion_async.errors import InvalidArgumentError, StorageError
from companion_async.memory.file import MemoryFile
from companion_async.memory.long_term import LongTermMemory, Recollection
from companion_async.modules.module import BaseModule
from companion_async.security import check_fraction, check_label, check_labels, check_text

MODULE = "self_learning"
"""The name it is registered under."""

_PART = "lessons"
_INTERACTION = "interaction"
_MOST_OPTIONS = 100
_MOST_FEATURES = 100
_LARGEST = 1e100  # the square of which is a number still


class Progress(msgspec.Struct, frozen=True):
    """How learning itself goes on a topic: the mean reward of the older and of the newer half of the lessons, and how
    often everything was learnt anew because the rewards had changed.
    """

    lessons: int
    before: float
    lately: float
    changes: int


class Explanation(msgspec.Struct, frozen=True):
    """What is known on a topic, the best option first, and how learning it goes."""

    topic: str
    options: tuple[Learnt, ...]
    progress: Progress


class SelfLearning(BaseModule):
    """Learns which of several options (modules, passages, manners) serves in which context, from rewards.

    It uses no model. Four kinds of what was learnt: what happened (`record`, `recall`), what serves when (`choose`,
    `learn`), how well something is done (`skills`), and how learning goes (`explain`). `choose` tries what it does not
    know yet, so do not let it decide what must not be tried.
    """

    def __init__(self, settings: LearningSettings | None = None, *, clock: Clock | None = None) -> None:
        super().__init__()
        self._settings = settings or LearningSettings()
        self._clock = clock if clock is not None else SystemClock()
        self._lock = threading.RLock()
        self._file = MemoryFile(self._settings.file, use=_INTERACTION)
        self._memory = LongTermMemory(self._file, clock=clock)
        self._topics: OrderedDict[str, Learner] = OrderedDict()

    def start(self) -> None:
        """Learn anew what the file has."""
        data = self._file.kept(_PART)
        if data is None:
            return
        try:
            kept = msgspec.json.decode(data, type=dict[str, list[Lesson]])
        except msgspec.DecodeError as error:
            raise StorageError(f"The lessons in {self._settings.file} cannot be read: {error}") from error
        for topic, lessons in kept.items():
            self._topic(topic).restore(lessons, self._clock.time())

    def stop(self) -> None:
        """Keep the lessons for the next run, where there is a file."""
        self.save()
        self._file.close()

    def save(self) -> None:
        """Write the lessons to the file; those that come later are written by the next `save`, or at the stop."""
        with self._lock:
            lessons = {topic: list(learner.lessons) for topic, learner in self._topics.items()}
        self._file.keep(_PART, msgspec.json.encode(lessons))

    def choose(self, topic: str, options: Sequence[str], context: Mapping[str, float] | None = None) -> Choice:
        """Which of the options to take. ``context`` are numbers that may matter, by name."""
        _check_options(topic, options)
        known = _context(context)
        with self._lock:
            return self._topic(topic).choose(options, known)

    def advise(self, topic: str, options: Sequence[str], context: Mapping[str, float] | None = None) -> Advice | None:
        """What to expect of each of the options, for whoever decides; it tries nothing. None where nothing is known."""
        _check_options(topic, options)
        known = _context(context)
        with self._lock:
            learner = self._topics.get(topic)
            return None if learner is None else learner.advise(options, known)

    def learn(self, topic: str, option: str, reward: float, context: Mapping[str, float] | None = None) -> bool:
        """Take in how an option did, from 0 (it did not serve) to 1 (it did). True where that shows that things have
        changed: what was learnt on the topic before the change is unlearnt.
        """
        check_label(topic, "topic")
        check_label(option, "option")
        lesson = Lesson(option, check_fraction(reward, "reward"), _context(context), self._clock.time())
        with self._lock:
            return self._topic(topic).learn(lesson)

    def explain(self, topic: str) -> Explanation:
        """What was learnt on a topic, and from what."""
        check_label(topic, "topic")
        with self._lock:
            learner = self._topics.get(topic)
            if learner is None:
                return Explanation(topic, (), Progress(0, 0.0, 0.0, 0))
            rewards = [lesson.reward for lesson in learner.lessons]
            half = len(rewards) // 2
            progress = Progress(len(rewards), _mean(rewards[:half]), _mean(rewards[half:]), learner.changes)
            return Explanation(topic, learner.learnt(), progress)

    def skills(self) -> dict[str, Skill]:
        """How well each option of each topic is done, as ``topic/option``."""
        with self._lock:
            return {
                f"{topic}/{each.option}": each.skill
                for topic, learner in self._topics.items()
                for each in learner.learnt()
            }

    def forget(self, topic: str) -> bool:
        """Unlearn a topic; False where nothing was known of it."""
        check_label(topic, "topic")
        with self._lock:
            return self._topics.pop(topic, None) is not None

    def record(self, question: str, answer: str, reward: float, context: Mapping[str, Any] | None = None) -> int:
        """Remember an interaction; the better or worse it went, the more it matters. Its id."""
        value = check_fraction(reward, "reward")
        more = {**_mapping(context), "answer": check_text(answer, "answer"), "reward": value}
        number = self._memory.remember(
            question, abs(2 * value - 1), type=_INTERACTION, valence=2 * value - 1, context=more
        )
        with self._lock:
            beyond = len(self._memory) - self._settings.max_interactions
            if beyond > 0:
                self._memory.forget([each.event_id for each in self._memory.all(limit=beyond)])
        return number

    def recall(self, question: str, limit: int = 5) -> list[Recollection]:
        """Interactions that bear on a question; ``context`` has their answers and rewards."""
        return self._memory.recall(check_text(question, "question"), limit, purpose="relevance", type=_INTERACTION)

    def _topic(self, name: str) -> Learner:
        settings = self._settings
        learner = self._topics.get(name)
        if learner is None:
            learner = self._topics[name] = Learner(settings.span, settings.max_lessons, settings.seed)
            if len(self._topics) > settings.max_topics:
                self._topics.popitem(last=False)
        self._topics.move_to_end(name)
        return learner


def _check_options(topic: str, options: Sequence[str]) -> None:
    check_label(topic, "topic")
    given = check_labels(options, "options", most=_MOST_OPTIONS)
    if not given or len(set(given)) < len(given):
        raise InvalidArgumentError(f"options must be 1 to {_MOST_OPTIONS} different names.")


def _context(context: Mapping[str, float] | None) -> dict[str, float]:
    known = _mapping(context)
    if len(known) > _MOST_FEATURES:
        raise InvalidArgumentError(f"A context has at most {_MOST_FEATURES} features, not {len(known)}.")
    for name, value in known.items():
        check_label(name, "a feature")
        given: Any = value
        if not isinstance(given, (int, float)) or not abs(given) <= _LARGEST:
            raise InvalidArgumentError(f"The feature {name!r} must be a number up to 1e100; {given!r:.80} is not.")
    return {name: float(value) for name, value in known.items()}


def _mapping(context: Any) -> dict[str, Any]:
    if context is not None and not isinstance(context, Mapping):
        raise InvalidArgumentError(f"context must be a dict, or None; {context!r:.80} is not.")
    return dict(context or {})


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0

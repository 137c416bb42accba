"""What is learnt on one topic: which option serves in which context."""

from __future__ import annotations

import math
import random
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec

from companion_async.cognition.self_learning.skills import Skill, practised
from companion_async.errors import MissingExtraError

EXTRA = "learn"
PACKAGES = ("river",)
_ALWAYS = "always"
_REFIT = 256  # lessons after which those that are too old are unlearnt
_TOLD = 3
_UNKNOWN = 0.5  # the reward of what nobody has rated
_DOUBT = 2  # as many lessons as what is unknown counts for


class Lesson(msgspec.Struct, frozen=True):
    """That an option brought a reward, 0 to 1, in a context, at a time in seconds since the epoch."""

    option: str
    reward: float
    context: dict[str, float]
    at: float


class Choice(msgspec.Struct, frozen=True):
    """The option to take, why, and what reward is expected of each. ``tried`` is how many lessons that rests on."""

    option: str
    why: str
    expected: dict[str, float]
    tried: int


class Advice(msgspec.Struct, frozen=True):
    """The reward to be expected of each option, and on how many lessons that rests."""

    expected: dict[str, float]
    tried: dict[str, int]


class Learnt(msgspec.Struct, frozen=True):
    """What is known of one option: its mean reward, how well it is done, and what of a context speaks for it or, with a
    negative weight, against it, the heaviest first.
    """

    option: str
    mean: float
    skill: Skill
    speaks: dict[str, float]


class Learner:
    """A contextual bandit: LinUCB with disjoint models (Li et al. 2010), each one of river's Bayesian regressions over
    standardised features. What these learn is how far a reward lies from one half, the reward of what is unknown: so
    praise and blame move what is expected by as much.

    It forgets in two ways, by learning anew from the lessons that still count: those older than ``span`` go, and when
    the rewards change (ADWIN, Bifet and Gavalda 2007), all from before the change. One thread at a time.
    """

    def __init__(self, span: float, most: int, seed: int) -> None:
        self._span = span
        self._random = random.Random(seed)
        self.lessons: deque[Lesson] = deque(maxlen=most)
        self.changes = 0
        self._fresh()

    def choose(self, options: Sequence[str], context: Mapping[str, float]) -> Choice:
        """The option whose reward may be the highest: what is uncertain is given the benefit of the doubt."""
        features = self._features(context)
        beliefs = {each: self._belief(each, features) for each in options}
        highest = max(mean + spread for mean, spread in beliefs.values())
        option = self._random.choice([each for each, (mean, spread) in beliefs.items() if mean + spread >= highest])
        expected = {each: max(0.0, min(1.0, mean)) for each, (mean, _) in beliefs.items()}
        tried = self._tried(option)
        if not tried:
            why = "not tried yet"
        elif option == max(expected, key=expected.__getitem__):
            why = f"the best so far in such a context, expected {expected[option]:.2f} after {tried} times"
        else:
            why = f"could be better than it seems, expected {expected[option]:.2f} after only {tried} times"
        return Choice(option, why, expected, tried)

    def advise(self, options: Sequence[str], context: Mapping[str, float]) -> Advice:
        """What to expect of each option, tried or not: it tries nothing. With few lessons that is nearly one half."""
        features = self._features(context)
        expected: dict[str, float] = {}
        tried = {each: self._tried(each) for each in options}
        for option, times in tried.items():
            mean = max(0.0, min(1.0, self._belief(option, features)[0])) if times else _UNKNOWN
            expected[option] = (times * mean + _DOUBT * _UNKNOWN) / (times + _DOUBT)
        return Advice(expected, tried)

    def learn(self, lesson: Lesson) -> bool:
        """Take in a lesson; True where the rewards have changed, and what came before is unlearnt."""
        self.lessons.append(lesson)
        self._take(lesson)
        self._drift.update(lesson.reward)
        if self._drift.drift_detected:
            self.changes += 1
            # Its window is what has been like this since the change.
            self._again(list(self.lessons)[-max(1, int(self._drift.width)) :])
            return True
        self._since += 1
        if self._since >= _REFIT:
            self._again([each for each in self.lessons if each.at >= lesson.at - self._span])
        return False

    def restore(self, lessons: Iterable[Lesson], now: float) -> None:
        """Learn anew from those that still count."""
        self._again([lesson for lesson in lessons if lesson.at >= now - self._span])

    def learnt(self) -> tuple[Learnt, ...]:
        """Of each option that was tried, the best first."""
        found = []
        for option, skill in self._skills.items():
            rewards = [lesson.reward for lesson in self.lessons if lesson.option == option]
            weights = {name: round(value, 4) for name, value in self._weights(option).items()}
            heaviest = sorted(weights, key=lambda name: -abs(weights[name]))[:_TOLD]
            speaks = {name: weights[name] for name in heaviest if weights[name]}
            found.append(Learnt(option, sum(rewards) / len(rewards), skill, speaks))
        return tuple(sorted(found, key=lambda each: -each.mean))

    def _fresh(self) -> None:
        # A second or more to import: in a thread, and only for whoever learns.
        try:
            from river import drift, linear_model, preprocessing
        except ImportError as error:
            raise MissingExtraError(EXTRA, "Learning from feedback") from error
        self._new_model: Callable[[], Any] = linear_model.BayesianLinearRegression
        self._models: dict[str, Any] = {}
        self._scaler: Any = preprocessing.StandardScaler()
        adwin: Callable[[], Any] = drift.ADWIN
        self._drift = adwin()
        self._skills: dict[str, Skill] = {}
        self._since = 0

    def _again(self, lessons: Iterable[Lesson]) -> None:
        kept = tuple(lessons)
        self.lessons.clear()
        self._fresh()
        for lesson in kept:
            self.lessons.append(lesson)
            self._take(lesson)
            self._drift.update(lesson.reward)

    def _take(self, lesson: Lesson) -> None:
        self._scaler.learn_one(lesson.context)
        self._model(lesson.option).learn_one(self._features(lesson.context), lesson.reward - _UNKNOWN)
        self._skills[lesson.option] = practised(self._skills.get(lesson.option, Skill()), lesson.reward)

    def _features(self, context: Mapping[str, float]) -> dict[str, float]:
        return {**self._scaler.transform_one(dict(context)), _ALWAYS: 1.0}

    def _belief(self, option: str, features: dict[str, float]) -> tuple[float, float]:
        """The reward that is expected, and how far it may be off: for what was never tried, anything."""
        found = self._model(option).predict_one(features, with_dist=True)
        # Of the distribution the noise of a single reward is left out, whose variance is 1 with river's defaults: it
        # does not shrink by trying.
        return _UNKNOWN + float(found.mu), math.sqrt(max(0.0, float(found.sigma) ** 2 - 1.0))

    def _weights(self, option: str) -> dict[str, float]:
        model = self._model(option)
        names = {name for lesson in self.lessons if lesson.option == option for name in lesson.context}
        base = float(model.predict_one({_ALWAYS: 1.0}))
        return {name: float(model.predict_one({_ALWAYS: 1.0, name: 1.0})) - base for name in names}

    def _model(self, option: str) -> Any:
        if option not in self._models:
            self._models[option] = self._new_model()
        return self._models[option]

    def _tried(self, option: str) -> int:
        return self._skills.get(option, Skill()).practised

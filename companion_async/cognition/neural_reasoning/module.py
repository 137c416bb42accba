"""The built-in module ``neural_reasoning``."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

from companion_async.cognition.neural_reasoning.classifier import Classified, Classifier
from companion_async.cognition.neural_reasoning.patterns import Concept, Patterns, Recalled
from companion_async.cognition.neural_reasoning.settings import NeuralSettings
from companion_async.cognition.neural_reasoning.texts import TextVectors
from companion_async.errors import InvalidArgumentError
from companion_async.modules.module import BaseModule
from companion_async.security import check_count, check_label, check_labels, check_text

MODULE = "neural_reasoning"
"""The name it is registered under."""

EXTRA = "ml"
PACKAGES = ("numpy", "sklearn")
_LONGEST_TEXT = 100_000
_MOST_CLUSTERED = 2_000

Vector = Sequence[float] | str
"""Numbers, or a text that is made into some; all of one memory or one classifier are of the same kind."""

Cue = Sequence[float | None] | str
"""The same, with None for numbers that are not known."""


class NeuralReasoning(BaseModule):
    """Recalls by likeness, forms concepts, draws analogies, and learns classes by example, over vectors or texts.

    It uses no model and downloads nothing. Texts are alike where they are spelt alike; give vectors of your own
    embedding where meaning is to count. What it knows goes with the module: a restart begins anew.
    """

    def __init__(self, settings: NeuralSettings | None = None) -> None:
        super().__init__()
        self._settings = settings or NeuralSettings()
        self._lock = threading.RLock()
        self._texts = TextVectors(self._settings.dimensions, self._settings.seed)
        self._patterns = Patterns(self._settings.max_patterns)
        self._classifiers: OrderedDict[str, Classifier] = OrderedDict()

    def store(self, name: str, pattern: Vector) -> int:
        """Remember a pattern under a name. How many there are."""
        check_label(name, "name")
        vector = self._vector(pattern)
        with self._lock:
            self._patterns.put(name, vector)
            return len(self._patterns)

    def forget(self, name: str) -> bool:
        """Forget a pattern; False where there is none of that name."""
        check_label(name, "name")
        with self._lock:
            return self._patterns.remove(name)

    def recall(self, cue: Cue, limit: int = 5) -> Recalled:
        """What a cue brings to mind, be it noisy or, with None for what is not known, partial."""
        check_count(limit, "limit", maximum=1_000)
        vector = self._vector(cue)
        with self._lock:
            return self._patterns.recall(vector, self._settings.sharpness, limit)

    def concepts(self, likeness: float = 0.7) -> tuple[Concept, ...]:
        """What of the stored belongs together, on average at least so alike (a cosine from 0 to 1)."""
        given: Any = likeness
        if isinstance(given, bool) or not isinstance(given, (int, float)) or not 0 < given < 1:
            raise InvalidArgumentError(f"likeness must be a number between 0 and 1; {given!r:.80} is not.")
        with self._lock:
            if len(self._patterns) > _MOST_CLUSTERED:
                raise InvalidArgumentError(
                    f"Concepts are formed of at most {_MOST_CLUSTERED} patterns; {len(self._patterns)} are stored."
                )
            return self._patterns.concepts(likeness)

    def analogy(self, one: str, other: str, third: str, limit: int = 3) -> list[tuple[str, float]]:
        """What is to ``third`` as ``other`` is to ``one``, all names of stored patterns, with cosines."""
        check_count(limit, "limit", maximum=1_000)
        check_labels((one, other, third), "names")
        with self._lock:
            return self._patterns.analogy(one, other, third, limit)

    def learn(self, classifier: str, examples: Sequence[Vector], labels: Sequence[str]) -> int:
        """Teach a classifier examples, each with its label. How many it has learnt from by now."""
        check_label(classifier, "classifier")
        given: Any = examples
        if not isinstance(given, (list, tuple)) and not hasattr(given, "shape"):
            raise InvalidArgumentError("examples must be a list of vectors or texts, one for each label.")
        labels = check_labels(labels, "labels")
        vectors = [self._vector(each) for each in examples]
        with self._lock:
            found = self._classifiers.get(classifier)
            taught = found or Classifier(self._settings.seed)
            count = taught.learn(vectors, labels)
            self._classifiers[classifier] = taught
            self._classifiers.move_to_end(classifier)
            if len(self._classifiers) > self._settings.max_classifiers:
                self._classifiers.popitem(last=False)
            return count

    def classify(self, classifier: str, what: Vector) -> Classified:
        """The class of something, by what was learnt."""
        check_label(classifier, "classifier")
        vector = self._vector(what)
        with self._lock:
            found = self._classifiers.get(classifier)
            if found is None:
                raise InvalidArgumentError(f"There is no classifier {classifier!r}; learn() it first.")
            return found.classify(vector)

    def _vector(self, given: Cue) -> Any:
        if not isinstance(given, str):
            return given
        if not check_text(given, "a text", longest=_LONGEST_TEXT).strip():
            raise InvalidArgumentError("A text must not be blank: it is like nothing.")
        return self._texts.vector(given)

"""`SemanticMemory`: what an agent knows: concepts, how they hang together, and which are on its mind."""

from __future__ import annotations

import math
import re
import threading
from collections.abc import Mapping
from typing import Any

import msgspec

from companion_async.clock import Clock, SystemClock
from companion_async.errors import InvalidArgumentError
from companion_async.memory.plain import of_plain
from companion_async.security import SecurityValidator, check_count, check_label, check_seconds
from companion_async.security.validator import visible

_DEPTH = 2
_CUT_OFF = 0.1
_PRESENT = 0.9
_LEARNED = 0.1
_WORD = re.compile(r"\w+")


class Concept:
    """Something that is known; ``base`` is how present it is by itself, from 0 to 1."""

    __slots__ = ("activation", "base", "description", "name", "relations", "touched", "type")

    def __init__(self, name: str, type: str, description: str, base: float, now: float) -> None:
        self.name = name
        self.type = type
        self.description = description
        self.base = base
        self.activation = base
        self.touched = now
        self.relations: dict[str, tuple[str, float]] = {}

    def __repr__(self) -> str:
        return f"<Concept {self.name!r} ({self.type}), {len(self.relations)} relations>"


class _Known(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    type: str
    description: str
    base: float
    activation: float
    relations: dict[str, tuple[str, float]]


class _Saved(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    concepts: list[_Known]


class SemanticMemory:
    """At most ``max_concepts``; one more, and the one least on the mind goes. Any thread.

    Thinking of a concept activates it, and those it is related to by ``spreading_factor`` times the strength of the
    relation, two steps far. Activation falls back to what a concept has by itself, by ``activation_decay`` an hour
    (exponentially). Concepts are similar from ``similarity_threshold`` on, by the words that they share.
    """

    def __init__(
        self,
        max_concepts: int = 1000,
        activation_decay: float = 0.1,
        spreading_factor: float = 0.8,
        similarity_threshold: float = 0.7,
        *,
        clock: Clock | None = None,
    ) -> None:
        self.max_concepts = check_count(max_concepts, "max_concepts")
        self.activation_decay = check_seconds(activation_decay, "activation_decay", zero=True)
        self.spreading_factor = _share(spreading_factor, "spreading_factor")
        self.similarity_threshold = _share(similarity_threshold, "similarity_threshold")
        self._clock = clock if clock is not None else SystemClock()
        self._lock = threading.RLock()
        self._concepts: dict[str, Concept] = {}

    def __len__(self) -> int:
        return len(self._concepts)

    def __contains__(self, name: object) -> bool:
        return name in self._concepts

    def add_concept(
        self, name: str, concept_type: str = "object", description: str = "", base_activation: float = 0.1
    ) -> Concept:
        """Know a concept, or know it better: its relations stay."""
        name, kind, base, _ = SecurityValidator.sanitize_memory_data(name, concept_type, base_activation)
        if not name:
            raise InvalidArgumentError("A concept has a name; an empty one is none.")
        text = SecurityValidator.sanitize_memory_data(description, concept_type)[0]
        with self._lock:
            known = self._concepts.get(name)
            if known is not None:
                known.type, known.description, known.base = kind, text or known.description, base
                return known
            concept = self._concepts[name] = Concept(name, kind, text, base, self._clock.monotonic())
            if len(self._concepts) > self.max_concepts:
                self._forget(min((each for each in self._concepts.values() if each is not concept), key=self._now_of))
            return concept

    def add_relation(self, source: str, target: str, relation: str = "related_to", strength: float = 0.5) -> None:
        """Relate two concepts; those that are not known yet become so."""
        weight, kind = _share(strength, "strength"), check_label(relation, "relation")
        source, target = _named(source), _named(target)
        if source == target:
            raise InvalidArgumentError(f"{source!r:.80} cannot be related to itself: name another concept.")
        with self._lock:
            for name in (source, target):
                if name not in self._concepts:
                    self.add_concept(name)
            for one, other in ((source, target), (target, source)):
                if one in self._concepts and other in self._concepts:
                    self._concepts[one].relations[other] = (kind, weight)

    def activate(self, name: str, strength: float = 1.0) -> dict[str, float]:
        """Think of a concept: what that added to each that it reached. Nothing if it is not known."""
        weight, name = _share(strength, "strength"), _named(name)
        with self._lock:
            if name not in self._concepts:
                return {}
            reached = {name: weight}
            edge = [name]
            for _ in range(_DEPTH):
                following: dict[str, float] = {}
                for each in edge:
                    for other, (_, bond) in self._concepts[each].relations.items():
                        spread = reached[each] * self.spreading_factor * bond
                        if other not in reached and spread >= _CUT_OFF:
                            following[other] = max(spread, following.get(other, 0.0))
                reached |= following
                edge = list(following)
            for each, added in reached.items():
                concept = self._concepts[each]
                concept.activation = min(1.0, self._now_of(concept) + added)
                concept.touched = self._clock.monotonic()
            return reached

    def get_activation(self, name: str) -> float:
        """How much it is on the mind now, from 0 to 1; 0.0 if it is not known."""
        with self._lock:
            concept = self._concepts.get(name)
            return 0.0 if concept is None else self._now_of(concept)

    def get_active_concepts(self, threshold: float = 0.3) -> list[Concept]:
        """Those on the mind, the most so first."""
        with self._lock:
            active = [(self._now_of(concept), concept) for concept in self._concepts.values()]
        return [concept for level, concept in sorted(active, key=lambda pair: -pair[0]) if level >= threshold]

    def get_related(self, name: str, hops: int = 1) -> dict[str, float]:
        """Concepts up to so many steps away, and how strong the best way to them is."""
        with self._lock:
            found = {name: 1.0} if name in self._concepts else {}
            edge = list(found)
            for _ in range(check_count(hops, "hops")):
                following: dict[str, float] = {}
                for each in edge:
                    for other, (_, bond) in self._concepts[each].relations.items():
                        if other not in found:
                            following[other] = max(found[each] * bond, following.get(other, 0.0))
                found |= following
                edge = list(following)
        found.pop(name, None)
        return found

    def get_similar(self, text: str) -> list[tuple[Concept, float]]:
        """Concepts whose name and description share enough words with the text, the most similar first."""
        wanted = _words(text)
        with self._lock:
            pairs = [(each, _overlap(wanted, _words(f"{each.name} {each.description}"))) for each in self._all()]
        pairs.sort(key=lambda pair: -pair[1])
        return [pair for pair in pairs if pair[1] >= self.similarity_threshold]

    def get_by_type(self, concept_type: str) -> list[Concept]:
        """Those of one type, in the order they became known."""
        with self._lock:
            return [concept for concept in self._concepts.values() if concept.type == concept_type]

    def consolidate(self, threshold: float = _PRESENT) -> int:
        """What is so much on the mind stays there a little more by itself: its base grows by a tenth of the way to its
        activation. How many concepts that was.
        """
        active = self.get_active_concepts(threshold)
        with self._lock:
            for concept in active:
                concept.base += _LEARNED * (self._now_of(concept) - concept.base)
        return len(active)

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain JSON types, for `restore`, with activations as of now."""
        with self._lock:
            known = [
                _Known(each.name, each.type, each.description, each.base, self._now_of(each), dict(each.relations))
                for each in self._concepts.values()
            ]
        return {"concepts": msgspec.to_builtins(known)}

    def restore(self, data: Mapping[str, Any]) -> None:
        """Know what `to_dict` gave, in the place of what is known now. Other data is refused (`StorageError`)."""
        now, concepts = self._clock.monotonic(), dict[str, Concept]()
        for known in of_plain(data, _Saved).concepts:
            concept = concepts[known.name] = Concept(known.name, known.type, known.description, known.base, now)
            concept.base, concept.activation = _within(known.base), _within(known.activation)
            concept.relations = {name: (kind, _within(bond)) for name, (kind, bond) in known.relations.items()}
        for name, concept in concepts.items():
            concept.relations = {
                other: bond for other, bond in concept.relations.items() if other in concepts and other != name
            }
        with self._lock:
            self._concepts = concepts

    def get_summary(self) -> dict[str, Any]:
        """``concepts max_concepts relations active``."""
        with self._lock:
            relations = sum(len(concept.relations) for concept in self._concepts.values()) // 2
        return {
            "concepts": len(self),
            "max_concepts": self.max_concepts,
            "relations": relations,
            "active": len(self.get_active_concepts()),
        }

    def _all(self) -> list[Concept]:
        return list(self._concepts.values())

    def _now_of(self, concept: Concept) -> float:
        hours = (self._clock.monotonic() - concept.touched) / 3600
        return concept.base + (concept.activation - concept.base) * math.exp(-self.activation_decay * hours)

    def _forget(self, concept: Concept) -> None:
        del self._concepts[concept.name]
        for other in concept.relations:
            self._concepts[other].relations.pop(concept.name, None)


def _share(value: Any, what: str) -> float:
    number = check_seconds(value, what, zero=True) if isinstance(value, (int, float)) else math.nan
    if not 0.0 <= number <= 1.0:
        raise InvalidArgumentError(f"{what} must be a number from 0 to 1; {value!r:.80} is not.")
    return number


def _within(value: float) -> float:
    return max(0.0, min(1.0, value))


def _named(name: Any) -> str:
    """As `SemanticMemory.add_concept` has it."""
    return visible(name) if isinstance(name, str) else check_label(name, "a concept")


def _words(text: str) -> frozenset[str]:
    return frozenset(_WORD.findall(text.casefold()))


def _overlap(one: frozenset[str], other: frozenset[str]) -> float:
    return len(one & other) / len(one | other) if one | other else 0.0

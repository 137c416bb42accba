"""Pure: what is attended to: first everything is weighed, and only then the rest is cut off."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from companion_async.cognition.perception.records import PerceptionResult, SensorType

WEIGHTS: Mapping[SensorType, float] = {
    SensorType.SOCIAL: 1.0,
    SensorType.VISUAL: 0.8,
    SensorType.AUDITORY: 0.7,
    SensorType.ENVIRONMENTAL: 0.6,
    SensorType.SPATIAL: 0.4,
    SensorType.TEMPORAL: 0.3,
}


def attention(sensor: SensorType, confidence: float) -> float:
    """How much a perception is worth."""
    return WEIGHTS[sensor] * confidence


def attend(results: Iterable[PerceptionResult], bandwidth: int) -> list[PerceptionResult]:
    """The ``bandwidth`` perceptions that are worth most, the most worth first; of equal ones the heavier sense."""
    ranked = sorted(
        results,
        key=lambda result: (attention(result.sensor_type, result.confidence), WEIGHTS[result.sensor_type]),
        reverse=True,
    )
    return ranked[:bandwidth]

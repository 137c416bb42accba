"""What perception hands out. Times are seconds, moments naive and local."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec


class SensorType(StrEnum):
    """The six senses."""

    VISUAL = "visual"
    AUDITORY = "auditory"
    SPATIAL = "spatial"
    SOCIAL = "social"
    ENVIRONMENTAL = "environmental"
    TEMPORAL = "temporal"


class PerceptionResult(msgspec.Struct, frozen=True, kw_only=True):
    """What one sensor made of the scene. ``confidence`` is 0 to 1; ``metadata`` has ``attention``, its weight times the
    confidence, and ``cached``.
    """

    task_id: str
    sensor_type: SensorType
    processed_data: Mapping[str, Any]
    confidence: float
    processing_time: float
    metadata: Mapping[str, Any]
    timestamp: datetime


class PerceptionMetrics(msgspec.Struct, frozen=True, kw_only=True):
    """Totals. Rates are 0 to 1 of what was asked of the sensors; processing times are of what was no cache hit."""

    total_tasks_processed: int = 0
    average_processing_time: float = 0.0
    tasks_by_sensor_type: Mapping[str, int] = {}
    concurrent_processing_peak: int = 0
    cache_hit_rate: float = 0.0
    error_rate: float = 0.0

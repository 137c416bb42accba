"""Checks at the door: what enters is finite, named and bounded, or refused by a message that says what is right."""

from __future__ import annotations

from companion_async.security.arguments import (
    check_count,
    check_fraction,
    check_label,
    check_labels,
    check_name,
    check_seconds,
    check_text,
    check_valence,
)
from companion_async.security.calls import check_call, never_begun
from companion_async.security.disclosure import Argument, shown_arguments
from companion_async.security.paths import PATH_CHARACTERS, PATH_SEGMENTS, check_state_path
from companion_async.security.validator import SecurityValidator
from companion_async.security.values import SecuritySettings, check_value

__all__ = [
    "PATH_CHARACTERS",
    "PATH_SEGMENTS",
    "Argument",
    "SecuritySettings",
    "SecurityValidator",
    "check_call",
    "check_count",
    "check_fraction",
    "check_label",
    "check_labels",
    "check_name",
    "check_seconds",
    "check_state_path",
    "check_text",
    "check_valence",
    "check_value",
    "never_begun",
    "shown_arguments",
]

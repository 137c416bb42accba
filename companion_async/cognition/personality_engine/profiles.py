"""What is known of each user, kept in memory and in a file."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

import msgspec

from companion_async.cognition.personality_engine.traits import Mood, Traits, tendency
from companion_async.errors import StorageError
from companion_async.memory.file import MemoryFile

_PART = "personality"


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """What the companion has become for one user: traits, its own mood and the user's as of ``felt`` (seconds since the
    epoch), and how often they talked and feedback came.
    """

    traits: Traits
    mood: Mood
    user: Mood = Mood()
    felt: float = 0.0
    messages: int = 0
    feedback: int = 0


class Profiles:
    """By user, at most ``most``: the one that changed longest ago is forgotten first. Any thread."""

    def __init__(self, first: Traits, most: int, file: str | Path | None = None) -> None:
        self._first = Profile(traits=first, mood=tendency(first))
        self._most = most
        self._lock = threading.RLock()
        self._file = None if file is None else MemoryFile(file)
        self._profiles: OrderedDict[str, Profile] = OrderedDict()
        data = None if self._file is None else self._file.kept(_PART)
        if data is not None:
            try:
                self._profiles.update(msgspec.json.decode(data, type=dict[str, Profile]))
            except msgspec.DecodeError as error:
                raise StorageError(f"{file} holds profiles that cannot be read: {error}") from error

    def of(self, user: str) -> Profile:
        """The profile of a user; that of a stranger, where there is none."""
        with self._lock:
            return self._profiles.get(user, self._first)

    def change(self, user: str, change: Callable[[Profile], Profile]) -> Profile:
        """Put ``change`` of the profile in its place, and in the file."""
        with self._lock:
            profiles, profile = self._profiles.copy(), change(self.of(user))
            profiles[user] = profile
            profiles.move_to_end(user)
            if len(profiles) > self._most:
                profiles.popitem(last=False)
            self._put(profiles)
            return profile

    def forget(self, user: str) -> bool:
        """Be a stranger's again; False where there was nothing to forget."""
        with self._lock:
            profiles = self._profiles.copy()
            known = profiles.pop(user, None) is not None
            self._put(profiles)
            return known

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            self._file.close()

    def _put(self, profiles: OrderedDict[str, Profile]) -> None:
        """Into the file first: what cannot be kept has not happened."""
        if self._file is not None:
            self._file.keep(_PART, msgspec.json.encode(profiles))
        self._profiles = profiles

"""The built-in module ``personality_engine``."""

from __future__ import annotations

import msgspec

from companion_async.clock import Clock, SystemClock
from companion_async.cognition.personality_engine.appraisal import Appraisal
from companion_async.cognition.personality_engine.profiles import Profile, Profiles
from companion_async.cognition.personality_engine.settings import PersonalitySettings
from companion_async.cognition.personality_engine.style import Styled, styled
from companion_async.cognition.personality_engine.traits import Mood, decayed, evolved, moved, tendency
from companion_async.modules.module import BaseModule
from companion_async.security import check_label, check_text, check_valence

MODULE = "personality_engine"
"""The name it is registered under."""

_SYMPATHY = 0.3
_IMPRESSION = 0.5
_PRAISE = 0.4


class PersonalityEngine(BaseModule):
    """Gives answers a manner, has a mood that fades, and becomes another for each user, within limits.

    It needs no model and uses none. It never changes what an answer says: see `styled`. With ``enabled=False`` (the
    default) `style` returns every text as it came, while moods and feedback are kept all the same.
    """

    def __init__(self, settings: PersonalitySettings | None = None, *, clock: Clock | None = None) -> None:
        super().__init__()
        self._settings = settings or PersonalitySettings()
        self._clock = clock if clock is not None else SystemClock()
        self._appraisal = Appraisal()
        self._known = Profiles(self._settings.traits, self._settings.max_users, self._settings.file)

    def stop(self) -> None:
        """Let go of the file, if there is one."""
        self._known.close()

    def perceive(self, message: str, user: str = "default") -> Mood:
        """The user's mood as a message shows it. It moves the companion's own, by as much as it is agreeable."""
        check_text(message, "message")
        shown = self._appraisal.mood(message)

        def feel(profile: Profile) -> Profile:
            now = self._felt(profile)
            touched = moved(now.mood, shown, _SYMPATHY * now.traits.agreeableness)
            user_mood = moved(now.user, shown, _IMPRESSION)
            return msgspec.structs.replace(now, mood=touched, user=user_mood, messages=now.messages + 1)

        return self._known.change(check_label(user, "user"), feel).user

    def style(self, text: str, user: str = "default") -> Styled:
        """``text`` in the manner that this user gets."""
        check_text(text, "text")
        profile = self._felt(self._known.of(check_label(user, "user")))
        if not self._settings.enabled:
            return Styled(text)
        return styled(text, profile.traits, profile.user)

    def feedback(self, rating: float, trait: str | None = None, user: str = "default") -> Profile:
        """Learn from what a user thinks of a manner, from -1 (less of it) to 1 (more of it).

        Without a ``trait`` praise and blame touch the mood alone: nobody can tell what they were for.
        """
        settings, rating = self._settings, check_valence(rating, "rating")

        def learn(profile: Profile) -> Profile:
            now = self._felt(profile)
            traits = now.traits
            if trait is not None:
                traits = evolved(traits, settings.traits, trait, rating, settings.learning_rate, settings.drift)
            mood = moved(now.mood, Mood(rating, abs(rating), rating), _PRAISE * abs(rating))
            return msgspec.structs.replace(now, traits=traits, mood=mood, feedback=now.feedback + 1)

        return self._known.change(check_label(user, "user"), learn)

    def profile(self, user: str = "default") -> Profile:
        """What the companion is for a user now, with moods as they have faded."""
        return self._felt(self._known.of(check_label(user, "user")))

    def forget(self, user: str = "default") -> bool:
        """Forget a user; False where there was nothing to forget."""
        return self._known.forget(check_label(user, "user"))

    def _felt(self, profile: Profile) -> Profile:
        now, half_life = self._clock.time(), self._settings.half_life
        passed = now - profile.felt if profile.felt else 0.0
        mood = decayed(profile.mood, tendency(profile.traits), passed, half_life)
        return msgspec.structs.replace(
            profile, mood=mood, user=decayed(profile.user, Mood(), passed, half_life), felt=now
        )

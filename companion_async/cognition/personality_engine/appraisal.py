"""What mood a message speaks of, by VADER's lexicon and rules (Hutto and Gilbert 2014)."""

from __future__ import annotations

import re
from functools import cached_property
from typing import Any

from companion_async.cognition.personality_engine.traits import Mood
from companion_async.errors import MissingExtraError

EXTRA = "persona"
PACKAGES = ("vaderSentiment",)
_LOUD = re.compile(r"\b[A-Z]{3,}\b")
_ORDERING = re.compile(r"\b(?:must|now|immediately|wrong|incorrect)\b", re.IGNORECASE)
_ASKING = re.compile(r"\b(?:please|could you|would you|sorry|thanks?|thank you)\b", re.IGNORECASE)
_LONGEST = 4_000  # characters; the mood of what is longer is that of its end


class Appraisal:
    """English only; other languages come out as calm. Any thread."""

    def mood(self, message: str) -> Mood:
        """Valence from words, negations and emphasis; arousal from how strong and how loud; dominance from whether it
        orders or asks.
        """
        text = message[-_LONGEST:]
        valence = float(self._analyser.polarity_scores(text)["compound"])
        loud = min(1.0, 0.25 * text.count("!") + 0.25 * len(_LOUD.findall(text)))
        orders = len(_ORDERING.findall(text)) - len(_ASKING.findall(text))
        return Mood(
            valence=valence,
            arousal=min(1.0, 0.6 * abs(valence) + loud),
            dominance=max(-1.0, min(1.0, 0.3 * orders)),
        )

    @cached_property
    def _analyser(self) -> Any:
        # 10 ms and 0.6 MB, for whom it is used.
        try:
            from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer
        except ImportError as error:
            raise MissingExtraError(EXTRA, "The mood of a message") from error
        return SentimentIntensityAnalyzer()

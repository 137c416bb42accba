"""Pure: what a question means in the light of the one before it."""

from __future__ import annotations

import re

_WORD = re.compile(r"\w+")
# Words that point back, or that only ask: a question made of them alone is about what was said before.
_POINTING = re.compile(
    r"\b(?:it|its|that|those|these|this|them|they|there|one|ones|same|instead|also|too|else|again|more|other|another)\b"
    r"|^(?:and|but|so|or|then|what about|how about)\b",
    re.IGNORECASE,
)
_LONGEST = 12  # words; a longer question says what it is about


def search_text(question: str, earlier: str | None) -> str:
    """What to search for: ``question``, with the ``earlier`` one before it where it points back to that."""
    if earlier is None or len(_WORD.findall(question)) > _LONGEST or not _POINTING.search(question):
        return question
    return f"{earlier} {question}"

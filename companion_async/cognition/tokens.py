"""Pure: how many tokens a text is, as an estimate and said to be one: no vocabulary comes with the package."""

from __future__ import annotations


def estimated_tokens(text: str) -> int:
    """About how many tokens a language model counts for ``text``.

    Four characters a token for Latin text, one for each character beyond ASCII (Chinese, Greek, emoji), so that the
    estimate errs to the high side where it matters for a limit. 0 for no text, else at least 1.
    """
    if not text:
        return 0
    plain = len(text.encode("ascii", "ignore"))
    return max(1, (plain + 3) // 4 + len(text) - plain)

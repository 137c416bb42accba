"""Pure: which language a program is written in."""

from __future__ import annotations

import re

LANGUAGES = ("python", "javascript")
NAMES = {"python": "python", "py": "python", "python3": "python", "javascript": "javascript", "js": "javascript"}
"""What languages are called, and what they are called here."""

_LOOKED_AT = 20_000  # characters; whatever has not shown its language by then will not

# Signs that stand in one of the two and hardly ever in the other. The text is never parsed: a parser can be crashed.
_SIGNS = {
    language: re.compile("|".join(patterns), re.MULTILINE)
    for language, patterns in {
        "python": (
            r"^\s*(?:def \w+\(.*:|class \w+[^{]*:|elif .*:)",
            r"^\s*(?:from [\w.]+ import |import [\w.]+(?: as \w+)?\s*$)",
            r"^\s*(?:if|for|while|with|try|else|except)\b[^{]*:\s*$",
            r"\bprint\(|\blen\(|\brange\(|\bNone\b|\bTrue\b|\bFalse\b|\bself\.|\blambda \w*:|^\s*#",
        ),
        "javascript": (
            r"^\s*(?:const|let|var) [\w{\[]|\bfunction\b\s*\w*\s*\(|=>|===|!==|;\s*$|^\s*//|\}\s*else\b|`",
            r"\bconsole\.\w+\(|\brequire\(|\bnew \w+\(|\bnull\b|\bundefined\b|\btrue\b|\bfalse\b|\bMath\.",
        ),
    }.items()
}


def detect(code: str) -> str:
    """The language whose signs are more; Python where they are as many, or none."""
    shown = code[:_LOOKED_AT]
    counts = {language: len(signs.findall(shown)) for language, signs in _SIGNS.items()}
    return "javascript" if counts["javascript"] > counts["python"] else "python"

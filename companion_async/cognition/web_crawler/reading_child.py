"""Runs in a process of its own: reads pages, one after the other, as they come on stdin.

Pages of strangers can keep a parser busy for hours, or eat all memory, and a thread cannot be stopped. It is started as
a script and imports nothing of this package.
"""

from __future__ import annotations

import contextlib
import json
import re
import sys
from typing import Any

_META = re.compile(rb"<meta[^>]{0,200}charset\s*=\s*[\"']?\s*([\w.:-]{2,40})", re.IGNORECASE)
_MEMORY = 2 * 1024**3
_MOST = 2_000  # links of a page, and images


def main() -> None:
    """Answer until stdin ends."""
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    asked, answers = sys.stdin.buffer, sys.stdout.buffer
    while head := asked.read(8):
        options = json.loads(asked.read(int.from_bytes(head[:4], "big")))
        content = asked.read(int.from_bytes(head[4:], "big"))
        try:
            answer = read(content, options["charset"], options["html"])
        except Exception as error:
            answer = {"failed": type(error).__name__}
        encoded = json.dumps(answer).encode()
        answers.write(len(encoded).to_bytes(4, "big") + encoded)
        answers.flush()


def read(content: bytes, named: str, is_html: bool) -> dict[str, Any]:
    """What is in a page: its text and what it says of itself, its links as they stand there."""
    text, charset = decoded(content, named, is_html)
    if not is_html:
        return {"charset": charset, "text": text}
    from selectolax.lexbor import LexborHTMLParser
    from trafilatura import extract
    from trafilatura.metadata import extract_metadata

    tree = LexborHTMLParser(text)
    base = tree.css_first("base[href]")
    language = tree.css_first("html[lang]")
    found = extract_metadata(text)
    return {
        "charset": charset,
        "text": extract(text, output_format="markdown", include_comments=False, fast=True) or "",
        "title": found.title or "",
        "author": found.author or "",
        "date": found.date or "",
        "description": found.description or "",
        "language": (language and language.attributes.get("lang")) or "",
        "base": (base and base.attributes.get("href")) or "",
        "links": _attributes(tree, "a[href]:not([rel~=nofollow]), area[href]", "href"),
        "images": _attributes(tree, "img[src]", "src"),
    }


def decoded(content: bytes, named: str, is_html: bool) -> tuple[str, str]:
    """The text, and the charset that it was in: by its mark, the header, the page itself, or what it looks like."""
    for mark, charset in ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
        if content.startswith(mark):
            return content.decode(charset, "replace"), charset
    said = _META.search(content, 0, 4096) if is_html else None
    for charset in (named, said.group(1).decode() if said else ""):
        with contextlib.suppress(LookupError, ValueError):
            if charset:
                return content.decode(charset, "replace"), charset.lower()
    with contextlib.suppress(UnicodeDecodeError):
        return content.decode("utf-8"), "utf-8"
    from charset_normalizer import from_bytes

    best = from_bytes(content[:200_000]).best()
    charset = best.encoding if best is not None else "latin-1"
    return content.decode(charset, "replace"), charset


def _attributes(tree: Any, selector: str, name: str) -> list[str]:
    values = (node.attributes.get(name) for node in tree.css(selector))
    return list(dict.fromkeys(value for value in values if value))[:_MOST]


if __name__ == "__main__":
    main()

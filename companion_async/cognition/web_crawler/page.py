"""What a crawler gives back, and what keeps it from giving a page."""

from __future__ import annotations

from typing import Literal

from companion_async.errors import CompanionError, SecurityError
from companion_async.status.picture import Picture

Reason = Literal[
    "address", "robots", "status", "too_large", "timeout", "network", "redirects", "content_type", "encoding", "host"
]


class Page(Picture, frozen=True, kw_only=True):
    """A page that was fetched and read.

    ``url`` is where it was found in the end, ``asked`` what was asked for, ``redirects`` the addresses before ``url``.
    ``text`` is its main content without navigation and advertisements, headings and lists marked as in Markdown.
    ``links`` and ``images`` are absolute, each once, in their order. ``depth`` counts the links from where a crawl
    began. ``from_cache``: nothing but a check whether it is still fresh was sent, if that.
    """

    url: str
    asked: str
    redirects: tuple[str, ...] = ()
    status: int
    content_type: str
    charset: str
    size: int
    title: str = ""
    text: str = ""
    description: str = ""
    author: str = ""
    date: str = ""
    language: str = ""
    links: tuple[str, ...] = ()
    images: tuple[str, ...] = ()
    depth: int = 0
    from_cache: bool = False
    seconds: float = 0.0


class Missed(Picture, frozen=True, kw_only=True):
    """A page that a crawl came by and did not get, and why. ``status`` is the server's, where it gave one."""

    url: str
    depth: int
    reason: Reason
    message: str
    status: int = 0


class FetchError(CompanionError):
    """A page was not had. ``reason`` is one of a few words to act on; ``status`` the server's, 0 where it gave none."""

    def __init__(self, url: str, reason: Reason, detail: str, status: int = 0) -> None:
        self.url, self.reason, self.detail, self.status = url, reason, detail, status
        super().__init__(f"{url[:200]} was not fetched: {detail}", url, reason, detail, status)


class BlockedAddressError(FetchError, SecurityError):
    """The address is none that may be connected to. Which it is is not told: that would be an answer to who asks
    for what lies inside.
    """

    def __init__(self, url: str) -> None:
        FetchError.__init__(
            self,
            url,
            "address",
            "its host is not a public one. If it is yours, name its address in CrawlerSettings(allow_addresses=...)",
        )
        self._facts = (url,)

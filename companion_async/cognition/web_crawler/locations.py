"""Pure: addresses of pages: which can be fetched, which are the same, which belong to a crawl."""

from __future__ import annotations

import re
from urllib.parse import urljoin, urlsplit, urlunsplit

from companion_async.errors import InvalidArgumentError

_LONGEST = 2_000  # characters
_REPEATS = 3  # times that one name may stand in a path before it is taken for a circle
_PORTS = {"http": 80, "https": 443}


def checked(url: object) -> str:
    """``url`` as it can be asked for; `InvalidArgumentError` for what is no page of the web."""
    found = fetchable(url) if isinstance(url, str) else None
    if found is None:
        raise InvalidArgumentError(
            f"{url!r:.200} is no address of a page. Give an http:// or https:// one without a user and a password, of "
            f"at most {_LONGEST:,} characters."
        )
    return found


def fetchable(url: str) -> str | None:
    """``url`` without its fragment, its dots resolved, or None where it is nothing that can be fetched."""
    if len(url) > _LONGEST or re.search(r"[\x00-\x20\x7f\\]", url.strip()):
        return None
    try:
        parts = urlsplit(url.strip())
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    scheme = parts.scheme.lower()
    if scheme not in _PORTS or not host or "@" in parts.netloc or port == 0 or not _is_host(host):
        return None
    netloc = f"[{host}]" if ":" in host else host.lower()
    if port not in (None, _PORTS[scheme]):
        netloc += f":{port}"
    return urlunsplit((scheme, netloc, _without_dots(parts.path), parts.query, ""))


def joined(base: str, link: str) -> str | None:
    """Where ``link`` on the page ``base`` leads, or None where that is nowhere that can be fetched."""
    try:
        return fetchable(urljoin(base, link.strip()))
    except ValueError:
        return None


def identity(url: str) -> str:
    """What two addresses of one page have in common: the order of its query and the marks of campaigns do not count."""
    from courlan import normalize_url

    try:
        found: str = normalize_url(url, strict=False, trailing_slash=True)
    except ValueError:
        return url
    return found or url


def origin(url: str) -> str:
    """Scheme, host and port."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def in_scope(url: str, start: str, scope: str) -> bool:
    """Whether ``url`` belongs to a crawl that began at ``start``: of the same host, or below its path, or any."""
    if scope == "any":
        return True
    there, here = urlsplit(url), urlsplit(start)
    if there.netloc != here.netloc:
        return False
    return scope == "host" or there.path.startswith(here.path[: here.path.rfind("/") + 1])


def is_trap(url: str) -> bool:
    """Whether the path goes in a circle, as relative links on generated pages do without end."""
    names = [name for name in urlsplit(url).path.split("/") if name]
    return any(names.count(name) > _REPEATS for name in set(names))


def _without_dots(path: str) -> str:
    """The path with ``.`` and ``..`` resolved, RFC 3986, section 5.2.4."""
    names = path.split("/")[1:]
    kept: list[str] = []
    for name in names:
        if name == "..":
            del kept[-1:]
        elif name != ".":
            kept.append(name)
    if names and names[-1] in (".", ".."):
        kept.append("")
    return "/" + "/".join(kept)


def _is_host(host: str) -> bool:
    # Names of other scripts are encoded where they are looked up; what is no letter, digit, dot, colon or dash is none.
    return all(character.isalnum() or character in "-._:%" for character in host)

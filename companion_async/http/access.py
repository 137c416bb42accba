"""Who may ask: roles, tokens, the page's cookie, and which names and origins are ours."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
from enum import IntEnum
from urllib.parse import urlsplit

from companion_async.brain.config import BrainConfig
from companion_async.clock import Clock
from companion_async.http.refusal import Refusal
from companion_async.http.request import Request

COOKIE = "companion_session"
SESSION = 12 * 3600
"""Seconds for which a sign-in of the page holds."""


class Role(IntEnum):
    """What somebody may do; each may do what those before it may."""

    NOBODY = 0
    READER = 1
    OPERATOR = 2


def is_loopback(host: str) -> bool:
    """Whether a host name or address can only be reached from this machine."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    address = _address(host)
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return address is not None and address.is_loopback


def check_bind(host: str, config: BrainConfig) -> str | None:
    """Why a server must not listen on ``host`` with this config; None if it may."""
    if config.token is not None or config.readonly_token is not None or is_loopback(host):
        return None
    return (
        f"{host!r:.80} can be reached from other machines, and no token is set. "
        "Set COMPANION_TOKEN (or token= in the config), or listen on 127.0.0.1."
    )


class Access:
    """The checks of one brain's config."""

    def __init__(self, config: BrainConfig, clock: Clock) -> None:
        self._keys = [
            (token.encode(), role)
            for token, role in ((config.token, Role.OPERATOR), (config.readonly_token, Role.READER))
            if token is not None
        ]
        self._hosts = frozenset(name.lower() for name in config.allowed_hosts)
        self._clock = clock

    def check_host(self, request: Request) -> None:
        """Refuse (421) names that are not ours: a page of another site that makes its name point here would pass for
        the server's own. Addresses, names of this machine, the server's own and ``allowed_hosts`` are ours.
        """
        name = _host_name(request.headers.get("host", ""))
        if name is None or not (_address(name) or is_loopback(name) or name in self._hosts or name == request.server):
            advice = "This Host is not served here. Name it in allowed_hosts if it should be."
            raise Refusal(421, "foreign_host", advice, closing=True)

    def role(self, request: Request) -> Role:
        """Who asks. With no token in the config everybody on this machine is the operator, and nobody else is heard."""
        if self.asks_for_tokens:
            return max(self._bearer(request), self._session(request))
        if request.server is not None and _address(request.server) and not is_loopback(request.server):
            reason = "This address can be reached from other machines, and no token is set."
            raise Refusal(403, "token_required", reason, closing=True)
        return Role.OPERATOR

    def demand(self, request: Request, needed: Role) -> Role:
        """The role, if it is ``needed`` or more; else 401 for strangers and 403 for others."""
        role = self.role(request)
        if role >= needed:
            return role
        if role is Role.NOBODY:
            how = {"www-authenticate": 'Bearer realm="companion"'}
            raise Refusal(401, "unauthorized", "A valid token is needed.", headers=how, closing=True)
        raise Refusal(403, "forbidden", "This token may only read.", closing=True)

    def check_origin(self, request: Request) -> None:
        """Refuse (403) changes that a page of another site asks for."""
        origin = request.headers.get("origin")
        if origin is None:
            return
        try:
            parts = urlsplit(origin)
            same = _same(parts.netloc, request.headers.get("host", ""), parts.scheme)
            known = (parts.hostname or "") in self._hosts
        except ValueError:
            same = known = False
        if not (same or known):
            raise Refusal(403, "foreign_origin", "Pages of another origin may not change anything here.", closing=True)

    # -- the page's sign-in ----------------------------------------------------------------------------------------

    @property
    def asks_for_tokens(self) -> bool:
        """Whether strangers have to sign in."""
        return bool(self._keys)

    def sign_in(self, token: str) -> tuple[Role, str]:
        """The role of a token, and the cookie's value that stands for it until the session ends."""
        role = self._of_token(token.encode(errors="replace"))
        until = int(self._clock.time()) + SESSION
        return role, "" if role is Role.NOBODY else f"{role.value}.{until}.{self._seal(role, until)}"

    def _session(self, request: Request) -> Role:
        for cookie in request.headers.get("cookie", "").replace(",", ";").split(";"):
            name, _, value = cookie.strip().partition("=")
            if name == COOKIE and (role := self._sealed(value)) is not Role.NOBODY:
                return role
        return Role.NOBODY

    def _sealed(self, value: str) -> Role:
        number, _, rest = value.partition(".")
        until, _, seal = rest.partition(".")
        if not (number in ("1", "2") and until.isascii() and until.isdecimal() and len(until) < 16):
            return Role.NOBODY
        role, end = Role(int(number)), int(until)
        right = self._seal(role, end)
        genuine = bool(right) and hmac.compare_digest(right.encode(), seal.encode(errors="replace"))
        return role if genuine and end > self._clock.time() else Role.NOBODY

    def _seal(self, role: Role, until: int) -> str:
        # Made from the token, so that a new token ends all sessions; the token itself is not in it.
        for key, owner in self._keys:
            if owner is role:
                return hmac.new(key, f"companion page {role.value} {until}".encode(), hashlib.sha256).hexdigest()
        return ""

    def _bearer(self, request: Request) -> Role:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        return self._of_token(token.strip().encode(errors="replace")) if scheme.lower() == "bearer" else Role.NOBODY

    def _of_token(self, given: bytes) -> Role:
        role = Role.NOBODY
        for key, owner in self._keys:  # all of them each time: the time taken tells nothing
            if hmac.compare_digest(key, given):
                role = owner
        return role


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host.strip("[]").partition("%")[0])
    except ValueError:
        return None


def _host_name(header: str) -> str | None:
    """The name in a ``Host`` header without its port; None if it is none."""
    try:
        parts = urlsplit(f"//{header}")
        _ = parts.port
    except ValueError:
        return None
    plain = parts.netloc == header and "@" not in header and not any(c in header for c in " ,\\\t")
    return parts.hostname.rstrip(".") if plain and parts.hostname else None


def _same(one: str, other: str, scheme: str) -> bool:
    default = {"http": ":80", "https": ":443"}.get(scheme)
    return default is not None and one.lower().removesuffix(default) == other.lower().removesuffix(default)

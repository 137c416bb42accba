"""The page at ``/``, its files, and its sign-in."""

from __future__ import annotations

import base64
import hashlib
import mimetypes
from pathlib import Path
from urllib.parse import parse_qs

import msgspec

from companion_async.http.access import COOKIE, SESSION, Role
from companion_async.http.answer import Answer
from companion_async.http.decoding import read_body
from companion_async.http.operation import Call
from companion_async.http.refusal import Refusal

FILES = Path(__file__).parents[1] / "dashboard"
"""Where the page's files are: ``index.html``, and what it asks for under ``static/``."""

HTML = "text/html; charset=utf-8"
_FORM = "application/x-www-form-urlencoded"
_SERVED = frozenset({".css", ".html", ".ico", ".js", ".json", ".mjs", ".png", ".svg", ".txt", ".woff2"})
_LARGEST_FORM = 8192  # bytes
_STYLE = """
:root { color-scheme: light dark; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 22rem; margin: 16vh auto; padding: 0 1.5rem; }
h1 { font-size: 1.3rem; }
label, input, button { display: block; width: 100%; box-sizing: border-box; font: inherit; }
input, button { margin: 0.4rem 0 1rem; padding: 0.6rem 0.8rem; border: 1px solid #8a93a3; border-radius: 8px; }
button { background: #2250c4; border-color: #2250c4; color: #fff; cursor: pointer; }
"""
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_GUARDS = {
    "content-security-policy": f"default-src 'none'; script-src 'self'; style-src 'self' 'sha256-{_STYLE_HASH}'; "
    "img-src 'self' data:; font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'",
    # With "no-referrer" browsers send forms with `Origin: null`, and the sign-in would be refused as a stranger's.
    "referrer-policy": "same-origin",
    "x-frame-options": "DENY",
}
_PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>companion_async</title>
<link rel="icon" href="data:,"><style>{style}</style></head>
<body>
{body}
</body>
</html>
"""
_SIGN_IN = """<h1>companion_async</h1>
<form method="post" action="sign-in">
<p>{said}</p>
<p><label>Token <input type="password" name="token" autocomplete="current-password" required autofocus></label>
<button>Sign in</button></p>
</form>"""
_PLACEHOLDER = """<h1>companion_async</h1>
<p>The brain is {phase}. This installation has no page; the figures are at
<a href="api/threads/status">api/threads/status</a> and <a href="api/modules">api/modules</a>.</p>"""


class Session(msgspec.Struct, frozen=True):
    """Who is signed in: ``operator`` or ``reader``; ``signed_in`` is false where nobody has to be."""

    role: str
    signed_in: bool
    exposes_errors: bool


def index(call: Call) -> Answer:
    """The page; to strangers, its sign-in."""
    access = call.api.access
    if access.role(call.request) is Role.NOBODY:
        return _page(401, _SIGN_IN.format(said="This server wants a token."))
    file = FILES / "index.html"
    if file.is_file():
        return Answer(200, file.read_bytes(), HTML, _GUARDS)
    return _page(200, _PLACEHOLDER.format(phase=call.brain.phase))


def static(call: Call) -> Answer:
    """A file of the page."""
    parts = call.params["file"].split("/")
    file = FILES.joinpath("static", *parts)
    plain = all(part and not part.startswith(".") and "\\" not in part and "\0" not in part for part in parts)
    if not plain or file.suffix not in _SERVED or not file.is_file():
        raise Refusal(404, "unknown_file", "There is no such file.")
    media = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
    media = f"{media}; charset=utf-8" if media.startswith("text/") else media
    return Answer(200, file.read_bytes(), media, _GUARDS)


def session(call: Call) -> Session:
    """Who asks, as the page needs to know it."""
    return Session(call.role.name.lower(), call.api.access.asks_for_tokens, call.exposes)


async def sign_in(call: Call) -> Answer:
    """Take the form's token, and give the browser a cookie that stands for it."""
    media = call.request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media != _FORM:
        raise Refusal(415, "unsupported_media_type", f"The sign-in is a form, {_FORM}.", closing=True)
    try:
        form = parse_qs((await read_body(call.request, _LARGEST_FORM)).decode("latin-1"), max_num_fields=5)
    except ValueError:
        raise Refusal(400, "malformed", "The form has too many fields.") from None
    role, value = call.api.access.sign_in(form.get("token", [""])[0])
    if role is Role.NOBODY:
        return _page(401, _SIGN_IN.format(said="That is not a token of this server."))
    return Answer(303, b"", HTML, {"location": "./", "set-cookie": _cookie(call, value, SESSION)})


def sign_out(call: Call) -> Answer:
    """Take the browser's cookie away."""
    return Answer(303, b"", HTML, {"location": "./", "set-cookie": _cookie(call, "", 0)})


def _cookie(call: Call, value: str, seconds: int) -> str:
    path = call.request.path.rpartition("/")[0] + "/"
    secure = "; Secure" if call.request.secure else ""
    return f"{COOKIE}={value}; Path={path}; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}"


def _page(status: int, body: str) -> Answer:
    return Answer(status, _PAGE.format(body=body, style=_STYLE).encode(), HTML, _GUARDS)

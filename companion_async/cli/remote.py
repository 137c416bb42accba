"""Looking at a server that runs somewhere: its figures over HTTP, shown as those of a brain at hand."""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.request
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import msgspec
from rich.console import RenderableType

from companion_async.cli.console import complain, console
from companion_async.cli.process import FAILED, OK
from companion_async.cli.tables import decisions_table, modules_table, threads_table
from companion_async.companion.answer import Answer
from companion_async.errors import InvalidArgumentError
from companion_async.security import check_count

_TIMEOUT = 5.0  # seconds
_LONG_TIMEOUT = 300.0
_LARGEST = 32 * 2**20  # bytes


class NoAnswerError(Exception):
    """Nothing useful came back; the text is for people."""


def show_status(url: str, token: str | None, as_json: bool) -> int:
    """Print the threads of the server at ``url``."""

    def table(status: Any) -> RenderableType:
        return threads_table(status, by_name(get(url, "/api/modules", token)))

    return _show(url, "/api/threads/status", token, as_json, table)


def show_modules(url: str, token: str | None, as_json: bool) -> int:
    """Print the modules of the server at ``url``."""
    return _show(url, "/api/modules", token, as_json, lambda found: modules_table(by_name(found).values()))


def show_decisions(limit: int, url: str, token: str | None, as_json: bool) -> int:
    """Print the last ``limit`` decisions of the server at ``url``."""
    check_count(limit, "--limit", maximum=1000)

    def table(decisions: Any) -> RenderableType:
        return decisions_table(decisions) if decisions else "No decision was needed so far."

    return _show(url, f"/api/threads/decisions?limit={limit}", token, as_json, table)


def _show(url: str, path: str, token: str | None, as_json: bool, table: Callable[[Any], RenderableType]) -> int:
    check_url(url)
    try:
        with answering(url):
            data = get(url, path, token)
            shown = json.dumps(data, indent=2) if as_json else table(data)
    except NoAnswerError as error:
        complain(str(error))
        return FAILED
    if isinstance(shown, str):
        print(shown)
    else:
        console().print(shown)
    return OK


def check_url(url: str) -> None:
    """Refuse what is no address of a server."""
    if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
        raise InvalidArgumentError(f"--url must be an http:// or https:// address; {url!r:.80} is not.")


def by_name(modules: Any) -> dict[str, Any]:
    """The modules of a server by their names."""
    listed = modules.values() if isinstance(modules, dict) else modules
    return {module["name"]: module for module in listed}


def get(url: str, path: str, token: str | None) -> Any:
    """What the server at ``url`` answers to ``path``; `NoAnswerError` if that is nothing useful."""
    return _answer(urllib.request.Request(url.rstrip("/") + path), url, token, _TIMEOUT)


def post(url: str, path: str, token: str | None, content: Any) -> Any:
    """`get`, but with ``content`` as JSON, and as long as a model may take."""
    return _answer(_posting(url, path, content), url, token, _LONG_TIMEOUT)


def stream(url: str, path: str, token: str | None, content: Any) -> Generator[tuple[str, Any], None, None]:
    """`post`, where the answer is a stream: the kind of each event and what it says, as they come.

    An event ``error`` is a `NoAnswerError` as well. A stream that breaks off may just end, so its last event has to be
    known. Closing the iterator hangs up, which stops the server's work on it.
    """
    event = ""
    with _opened(_posting(url, path, content), url, token, _LONG_TIMEOUT) as response:
        for line in response:
            name, _, said = line.decode().rstrip("\r\n").partition(": ")
            if name == "event":
                event = said
            elif name == "data":
                told = json.loads(said)
                if event == "error":
                    raise NoAnswerError(f"the server at {url} could not answer: {told['message']} (id {told['id']})")
                yield event, told


@contextmanager
def answering(url: str) -> Iterator[None]:
    """Within the block, an answer of another shape than is looked for is a `NoAnswerError` as well."""
    try:
        yield
    except (KeyError, TypeError, AttributeError, ValueError, msgspec.ValidationError):
        raise NoAnswerError(f"what answers at {url} is no server of this kind, or of another version.") from None


def answer_of(told: Any) -> Answer:
    """A server's answer to a question, as one of a companion at hand."""
    return msgspec.convert({"text": told["answer"], **told}, Answer)


def _posting(url: str, path: str, content: Any) -> urllib.request.Request:
    request = urllib.request.Request(url.rstrip("/") + path, json.dumps(content).encode(), method="POST")
    request.add_header("Content-Type", "application/json")
    return request


def _answer(request: urllib.request.Request, url: str, token: str | None, timeout: float) -> Any:
    with _opened(request, url, token, timeout) as response:
        body = json.loads(response.read(_LARGEST))
    if not isinstance(body, dict) or not body.get("success"):
        raise NoAnswerError(f"what answers at {url} is no server of this kind.")
    return body["data"]


@contextmanager
def _opened(request: urllib.request.Request, url: str, token: str | None, timeout: float) -> Iterator[Any]:
    request.add_header("Accept", "application/json, text/event-stream")
    if token:
        request.add_header("Authorization", f"Bearer {token}")
    begun = False
    try:
        with _opener().open(request, timeout=timeout) as response:
            begun = True
            yield response
    except urllib.error.HTTPError as error:
        with error:
            raise NoAnswerError(_refusal(url, error.code)) from None
    except OSError as error:
        reason = getattr(error, "reason", error)
        why = getattr(reason, "strerror", None) or str(reason) or type(error).__name__
        if begun:
            raise NoAnswerError(f"the server at {url} went away in the middle of its answer ({why}).") from None
        raise NoAnswerError(f"no server answers at {url} ({why}); start one with: companion serve") from None
    except http.client.IncompleteRead:
        raise NoAnswerError(f"the server at {url} went away in the middle of its answer.") from None
    except (ValueError, http.client.HTTPException):
        raise NoAnswerError(f"what answers at {url} is no server of this kind.") from None


def _opener() -> urllib.request.OpenerDirector:
    class NoRedirect(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, *args: Any, **kwargs: Any) -> None:
            """A redirect would carry the token to a place that nobody named."""

    # No proxy either: the server is nearly always on this machine.
    return urllib.request.build_opener(NoRedirect, urllib.request.ProxyHandler({}))


def _refusal(url: str, code: int) -> str:
    if code == 501:
        return f"the server at {url} has a bare brain: there is nobody to ask."
    if code == 429:
        return f"the server at {url} has too much to do; try again."
    if code in (401, 403):
        return f"the server at {url} wants a token: pass --token or set COMPANION_TOKEN."
    if code == 503:
        return f"the server at {url} is starting or draining; try again."
    return f"the server at {url} answered with HTTP {code}."

"""Every operation, with every method, for everybody: made from the table, so that a new one is tested as it comes."""

from __future__ import annotations

import re
from typing import Any

import httpx2
import pytest

from companion_async.brain.config import BrainConfig
from companion_async.clock import SystemClock
from companion_async.http.access import SESSION, Access, Role, check_bind, is_loopback
from companion_async.http.operation import Operation
from companion_async.http.operations import OPERATIONS, methods_at
from companion_async.testing.clock import VirtualClock
from tests.http.servers import GUARDED, KINDS, OPERATOR, READER, TOKEN, a_brain, client_of

pytestmark = pytest.mark.feature("X-12")

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
STRANGERS = [
    {},
    {"authorization": "Bearer wrong"},
    {"authorization": f"Basic {TOKEN}"},
    {"authorization": f"Bearer {TOKEN}x"},
    {"authorization": "Bearer"},
    {"authorization": TOKEN},
    {"cookie": "companion_session=2.99999999999.00"},
    {"cookie": f"companion_session={TOKEN}"},
]


def path_of(operation: Operation) -> str:
    """A path that the operation takes. An event stream has no end, so it is asked for a kind that there is not."""
    path = operation.path.replace("{name}", "echo").replace("{task_id}", "none-1").replace("{file:path}", "none.js")
    return f"{path}?kinds=none" if operation.name == "events" else path


async def ask(client: httpx2.AsyncClient, method: str, path: str, headers: dict[str, str]) -> httpx2.Response:
    body: dict[str, Any] = {"json": {}} if method in ("POST", "PUT", "PATCH") else {}
    return await client.request(method, path, headers=headers, **body)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.feature("CB-31")
async def test_each_operation_is_for_those_that_it_names_and_nobody_else(kind):
    """Strangers get 401, readers 403 where a change is made, and whoever may is let in; open paths are open."""
    async with a_brain(**GUARDED) as brain, client_of(kind, brain) as client:
        for operation in OPERATIONS:
            path = path_of(operation)
            for stranger in STRANGERS:
                status = (await ask(client, operation.method, path, stranger)).status_code
                closed = operation.role is not Role.NOBODY or operation.name == "page"
                assert (status == 401) is closed, (operation.name, stranger, status)
            reader = (await ask(client, operation.method, path, READER)).status_code
            assert (reader == 403) is (operation.role is Role.OPERATOR), (operation.name, reader)
            assert reader != 401
            let_in = (await ask(client, operation.method, path, OPERATOR)).status_code
            assert let_in not in (401, 403, 405), (operation.name, let_in)


@pytest.mark.parametrize("kind", KINDS)
async def test_other_methods_are_refused_in_our_form_and_not_to_strangers(kind):
    """A method that a path does not have is 405 with the ones that it has; strangers learn nothing of them."""
    async with a_brain(**GUARDED) as brain, client_of(kind, brain) as client:
        for operation in OPERATIONS:
            there = methods_at(operation.path)
            path = path_of(operation)
            for method in set(METHODS) - set(there):
                assert (await ask(client, method, path, {})).status_code == 401
                assert (await ask(client, method, path, {**OPERATOR, "host": "evil.example"})).status_code == 421
                refused = await ask(client, method, path, OPERATOR)
                assert refused.status_code == 405
                assert refused.headers["allow"] == ", ".join(sorted(there))
                assert refused.json()["error"]["code"] == "method_not_allowed"


def test_every_change_is_for_operators_only():
    """Nothing but the page's own sign-in changes anything for somebody who may only read."""
    open_changes = {op.name for op in OPERATIONS if op.changes and op.role is not Role.OPERATOR}
    assert open_changes == {"sign_in", "sign_out"}
    assert {op.name for op in OPERATIONS if op.role is Role.NOBODY} - open_changes == {"livez", "readyz", "page"}


@pytest.mark.parametrize("kind", KINDS)
async def test_without_a_token_this_machine_is_the_operator(kind):
    """With no token in the config, whoever can reach the loopback address may do everything."""
    async with a_brain() as brain, client_of(kind, brain) as client:
        assert (await client.get("/api/session")).json()["data"] == {
            "role": "operator",
            "signed_in": False,
            "exposes_errors": False,
        }
        assert (await client.post("/api/tasks", json={"module": "echo"})).status_code == 202


HOSTS = {
    "localhost": 200,
    "localhost:1234": 200,
    "127.0.0.1:8765": 200,
    "[::1]:8765": 200,
    "brain.localhost": 200,
    "brain.example.org": 200,
    "BRAIN.example.org:8765": 200,
    "evil.example": 421,
    "localhost.evil.example": 421,
    "127.0.0.1.evil.example": 421,
    "localhost@evil.example": 421,
    "evil.example:80:80": 421,
    "": 421,
}


@pytest.mark.parametrize("kind", KINDS)
async def test_only_names_of_this_machine_and_named_ones_are_served(kind):
    """A page of another site that makes its name point here is refused: its Host is foreign."""
    async with a_brain(allowed_hosts=("brain.example.org",)) as brain, client_of(kind, brain) as client:
        for host, status in HOSTS.items():
            if kind == "aiohttp" and host == "":
                continue  # its parser refuses that before anything is asked
            answer = await client.get("/api/modules", headers={"host": host})
            assert answer.status_code == status, host
            if status == 421:
                assert answer.json()["error"]["code"] == "foreign_host"


ORIGINS = {
    "http://localhost": 202,
    "http://localhost:80": 202,
    "https://brain.example.org": 202,
    "http://localhost:81": 403,
    "http://evil.example": 403,
    "null": 403,
    "file://": 403,
    "http://[": 403,
}


@pytest.mark.parametrize("kind", KINDS)
async def test_pages_of_other_origins_change_nothing(kind):
    """A changing method with a foreign Origin is 403, even from an operator; reading it is left to the browser."""
    async with a_brain(allowed_hosts=("brain.example.org",), **GUARDED) as brain, client_of(kind, brain) as client:
        for origin, status in ORIGINS.items():
            headers = {**OPERATOR, "origin": origin, "host": "localhost"}
            answer = await client.post("/api/tasks", json={"module": "echo"}, headers=headers)
            assert answer.status_code == status, origin
            assert (await client.get("/api/tasks", headers=headers)).status_code == 200


async def test_without_a_token_other_machines_are_refused():
    """An app that listens on every address without a token answers on the loopback address only."""
    async with a_brain() as brain, client_of("serve", brain) as client:
        assert isinstance(client._transport, httpx2.ASGITransport)
        app = client._transport.app
        for server, status in (("10.0.0.7", 403), ("2001:db8::7", 403), ("127.0.0.9", 200), ("::ffff:127.0.0.1", 200)):

            async def reached_at(scope, receive, send, server=server):
                await app({**scope, "server": (server, 8765)}, receive, send)

            async with httpx2.AsyncClient(transport=httpx2.ASGITransport(reached_at), base_url="http://x") as other:
                answer = await other.get("/api/modules", headers={"host": "localhost"})
            assert answer.status_code == status, server
            if status == 403:
                assert answer.json()["error"]["code"] == "token_required"


@pytest.mark.parametrize(
    ("host", "token", "refused"),
    [
        ("127.0.0.1", None, False),
        ("localhost", None, False),
        ("::1", None, False),
        ("0.0.0.0", None, True),
        ("::", None, True),
        ("brain.example.org", None, True),
        ("0.0.0.0", "t", False),
    ],
)
def test_listening_beyond_this_machine_needs_a_token(host, token, refused):
    """Whoever starts a server can ask beforehand whether it may listen there, and is told what to set."""
    said = check_bind(host, BrainConfig(token=token))
    assert (said is not None) is refused
    assert said is None or "COMPANION_TOKEN" in said


def test_names_of_this_machine():
    """Loopback addresses in every spelling, and the names that are kept for them."""
    ours = ("localhost", "a.localhost", "127.0.0.1", "127.9.9.9", "::1", "[::1]", "::ffff:127.0.0.1")
    theirs = ("0.0.0.0", "::", "10.0.0.1", "example.org", "localhost.example.org", "2130706433", "")
    assert all(map(is_loopback, ours))
    assert not any(map(is_loopback, theirs))


def test_a_session_is_worth_its_token_until_it_ends():
    """The cookie stands for the role of its token, holds no token, and ends by time, by change and with the token."""
    clock = VirtualClock()
    access = Access(BrainConfig(**GUARDED), clock)
    role, value = access.sign_in(TOKEN)
    assert role is Role.OPERATOR
    assert TOKEN not in value
    assert access._sealed(value) is Role.OPERATOR
    number, until, seal = value.split(".")
    assert access._sealed(f"1.{until}.{seal}") is Role.NOBODY
    assert access._sealed(f"{number}.{int(until) + 1}.{seal}") is Role.NOBODY
    assert Access(BrainConfig(token="another"), clock)._sealed(value) is Role.NOBODY
    late = Access(BrainConfig(**GUARDED), Later(clock))
    assert late._sealed(value) is Role.NOBODY
    assert access.sign_in("wrong") == (Role.NOBODY, "")
    assert not re.search(r"[^\x21-\x7e]|[;,]", value)


class Later(SystemClock):
    """The same clock when every session has ended."""

    def __init__(self, clock: VirtualClock) -> None:
        self.time = lambda: clock.time() + SESSION + 1

"""The page's place, its files and its sign-in."""

from __future__ import annotations

import pytest

from companion_async.http import page
from tests.http.servers import GUARDED, KINDS, READONLY, TOKEN, a_brain, client_of

pytestmark = pytest.mark.feature("X-12")


@pytest.fixture
def files(tmp_path, monkeypatch):
    """A page of one's own, with a secret beside it."""
    folder = tmp_path / "dashboard"
    (folder / "static" / "parts").mkdir(parents=True)
    (folder / "index.html").write_text("<!doctype html><title>the page</title>")
    (folder / "static" / "app.js").write_text("export {}")
    (folder / "static" / "parts" / "chart.js").write_text("export {}")
    (folder / "static" / ".hidden.js").write_text("secret")
    (folder / "static" / "notes.py").write_text("secret")
    (tmp_path / "secret.js").write_text("secret")
    monkeypatch.setattr(page, "FILES", folder)


@pytest.mark.parametrize("kind", KINDS)
async def test_a_person_signs_in_once_and_out_again(kind, files):
    """The form's token is taken for a cookie that no script can read and no other site can send; it opens everything
    that the token opens, until it is taken away.
    """
    async with a_brain(**GUARDED) as brain, client_of(kind, brain) as client:
        strange = await client.get("/")
        assert (strange.status_code, 'action="sign-in"' in strange.text) == (401, True)
        assert (await client.post("/sign-in", data={"token": "wrong"})).status_code == 401
        assert not client.cookies
        signed = await client.post("/sign-in", data={"token": TOKEN})
        assert (signed.status_code, signed.headers["location"]) == (303, "./")
        cookie = signed.headers["set-cookie"]
        prefix = "/" if kind == "serve" else "/companion/"
        assert all(part in cookie for part in ("HttpOnly", "SameSite=Strict", f"Path={prefix};"))
        assert TOKEN not in cookie
        assert "the page" in (await client.get("/")).text
        assert (await client.get("/api/session")).json()["data"]["role"] == "operator"
        assert (await client.post("/api/tasks", json={"module": "echo"})).status_code == 202
        await client.post("/sign-out")
        assert not client.cookies
        assert (await client.get("/api/session")).status_code == 401
        await client.post("/sign-in", data={"token": READONLY})
        assert (await client.get("/api/session")).json()["data"]["role"] == "reader"
        assert (await client.post("/api/tasks", json={"module": "echo"})).status_code == 403


@pytest.mark.parametrize("kind", KINDS)
async def test_the_sign_in_takes_a_small_form_of_its_own_origin(kind):
    """Other types, large bodies and forms of other sites are refused."""
    async with a_brain(**GUARDED) as brain, client_of(kind, brain) as client:
        assert (await client.post("/sign-in", json={"token": TOKEN})).status_code == 415
        assert (await client.post("/sign-in", data={"token": "x" * 10_000})).status_code == 413
        foreign = {"origin": "http://evil.example"}
        assert (await client.post("/sign-in", data={"token": TOKEN}, headers=foreign)).status_code == 403


@pytest.mark.parametrize("kind", KINDS)
async def test_files_of_the_page_and_no_others(kind, files):
    """Files of known kinds below `static`; nothing hidden, nothing beside it, whatever the path is spelt like."""
    async with a_brain() as brain, client_of(kind, brain) as client:
        for path in ("app.js", "parts/chart.js"):
            answer = await client.get(f"/static/{path}")
            assert (answer.status_code, answer.text) == (200, "export {}")
            assert answer.headers["content-type"].startswith("text/javascript")
        for path in (
            "none.js",
            ".hidden.js",
            "notes.py",
            "parts",
            "parts/",
            "%2e%2e/%2e%2e/secret.js",
            "..%2f..%2fsecret.js",
            "parts/..%2f..%2f..%2fsecret.js",
            "%2fetc%2fpasswd",
            "app.js%00",
        ):
            answer = await client.get(f"/static/{path}")
            assert answer.status_code in (400, 404), path
            assert "secret" not in answer.text


@pytest.mark.parametrize("kind", KINDS)
async def test_the_page_runs_no_script_of_others_and_stands_in_no_frame(kind, files):
    """Its policy allows its own files only; every answer keeps its type and is not stored."""
    async with a_brain() as brain, client_of(kind, brain) as client:
        policy = (await client.get("/")).headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "script-src 'self';" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        for path in ("/", "/api/modules", "/static/app.js", "/none" if kind == "serve" else "/livez"):
            headers = (await client.get(path)).headers
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["cache-control"] == "no-store"


@pytest.mark.parametrize("kind", KINDS)
async def test_without_its_files_the_page_says_where_the_figures_are(kind, tmp_path, monkeypatch):
    """An installation without the page is not an error."""
    monkeypatch.setattr(page, "FILES", tmp_path)
    async with a_brain() as brain, client_of(kind, brain) as client:
        answer = await client.get("/")
        assert answer.status_code == 200
        assert 'href="api/threads/status"' in answer.text

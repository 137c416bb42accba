"""A companion inside an aiohttp application."""

from __future__ import annotations

from contextlib import asynccontextmanager

import httpx2
import pytest
from aiohttp import web

from companion_async.brain.brain import Brain
from companion_async.brain.config import BrainConfig
from companion_async.companion.companion import CompanionBrain
from companion_async.errors import InvalidArgumentError
from companion_async.http.operations import OPERATIONS
from companion_async.integrations.aiohttp import BRAIN, COMPANION, setup_companion
from tests.http.servers import echo

pytestmark = pytest.mark.feature("U-1", "X-12")

BARE = BrainConfig(plugins=False)


@asynccontextmanager
async def running(app: web.Application):
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{runner.addresses[0][1]}", timeout=60) as client:
            yield client
    finally:
        await runner.cleanup()


async def test_the_app_has_a_brain_for_as_long_as_it_runs():
    """At its typed key, up before the app's own contexts begin and down after they end."""
    told = []

    async def own(app):
        await app[BRAIN].register("echo", echo)
        yield
        told.append(app[BRAIN].phase)

    async def work(request: web.Request) -> web.Response:
        return web.json_response(await request.app[BRAIN].submit("echo", "run", "hello"))

    app = web.Application()
    setup_companion(app, BARE)
    app.cleanup_ctx.append(own)
    app.router.add_get("/work", work)
    async with running(app) as client:
        assert (await client.get("/work")).json() == ["hello"]
        assert (await client.get("/companion/readyz")).status_code == 200
        assert isinstance(app[COMPANION], CompanionBrain)
    assert told == ["running"]
    assert app[BRAIN].phase == "shut down"


async def test_a_brain_that_runs_is_left_to_its_owner():
    """One that was not started is started and shut down with the app; one that runs goes on."""
    fresh, app = Brain(BARE), web.Application()
    setup_companion(app, fresh)
    async with running(app):
        assert fresh.phase == "running"
        assert COMPANION not in app
    assert fresh.phase == "shut down"
    async with Brain(BARE) as going_on:
        app = web.Application()
        setup_companion(app, going_on)
        async with running(app):
            pass
        assert going_on.phase == "running"


@pytest.mark.parametrize("prefix", ["", "/", "/companion", "/a/b/"])
async def test_any_prefix(prefix):
    """Paths under it are ours, others the app's; without the slash the page is found too."""
    app = web.Application()
    setup_companion(app, Brain(BARE), prefix=prefix)
    base = prefix.rstrip("/")
    async with running(app) as client:
        assert (await client.get(f"{base}/livez")).status_code == 200
        assert (await client.get(f"{base}/", follow_redirects=False)).status_code == 200
        assert (await client.get(f"{base}/api/none")).text == "404: Not Found"
        if base:
            assert (await client.get(base)).headers["location"] == f"{base}/"
            assert (await client.get("/livez")).status_code == 404


def test_a_prefix_begins_with_a_slash():
    """Anything else would be no path."""
    with pytest.raises(InvalidArgumentError, match="slash"):
        setup_companion(web.Application(), BARE, prefix="companion")


def test_the_routes_are_those_of_the_table():
    """Each operation once, and for each path one refusal of other methods: nothing is served beside the table."""
    app = web.Application()
    setup_companion(app, BARE, prefix="")
    routes = [(route.resource.canonical, route.method) for route in app.router.routes() if route.resource]
    assert len(routes) == len(set(routes))
    assert {(op.path.replace(":path", ""), op.method) for op in OPERATIONS} <= set(routes)
    assert {path for path, _ in routes} == {op.path.replace(":path", "") for op in OPERATIONS}
    assert {method for _, method in routes} == {op.method for op in OPERATIONS} | {"*"}

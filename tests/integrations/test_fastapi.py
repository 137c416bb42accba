"""A companion inside a FastAPI application."""

from __future__ import annotations

import subprocess
import sys
from contextlib import asynccontextmanager

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.testclient import TestClient

from companion_async.brain.brain import Brain
from companion_async.brain.config import BrainConfig
from companion_async.companion.companion import CompanionBrain
from companion_async.errors import CompanionError
from companion_async.http.operations import OPERATIONS
from companion_async.integrations.fastapi import (
    BrainDep,
    CompanionDep,
    companion_lifespan,
    companion_router,
    get_brain,
)
from tests.http.servers import echo

pytestmark = pytest.mark.feature("U-1", "X-12")

BARE = BrainConfig(plugins=False)


def an_app(lifespan, **options) -> FastAPI:
    app = FastAPI(lifespan=lifespan, **options)
    app.include_router(companion_router(), prefix="/companion")
    return app


def test_a_config_becomes_a_companion_for_as_long_as_the_app_runs():
    """Each run of the lifespan has a brain of its own, shut down at its end."""
    app = an_app(companion_lifespan(BARE))
    seen = []
    for _ in range(2):
        with TestClient(app) as client:
            seen.append(app.state.brain)
            assert client.get("/companion/readyz").status_code == 200
    assert all(isinstance(brain, CompanionBrain) and brain.phase == "shut down" for brain in seen)
    assert seen[0] is not seen[1]


def test_the_apps_own_lifespan_goes_inside():
    """It runs with the brain up, keeps its state, and ends before the brain does."""
    told = []

    @asynccontextmanager
    async def own(app):
        await app.state.brain.register("echo", echo)
        yield {"mine": 7}
        told.append(app.state.brain.phase)

    app = an_app(companion_lifespan(BARE, lifespan=own))

    @app.get("/work")
    async def work(brain: BrainDep):
        return await brain.submit("echo", "run", "hello")

    with TestClient(app) as client:
        assert client.get("/work").json() == ["hello"]
    assert told == ["running"]


def test_the_apps_own_lifespan_may_go_around():
    """Entered by hand, it gives the brain to whoever holds it."""
    told = []

    @asynccontextmanager
    async def own(app):
        async with companion_lifespan(BARE)(app) as state:
            await state["brain"].register("echo", echo)
            yield
        told.append(app.state.brain.phase)

    with TestClient(an_app(own)) as client:
        assert [each["name"] for each in client.get("/companion/api/modules").json()["data"]].count("echo") == 1
    assert told == ["shut down"]


async def test_a_brain_that_runs_is_left_to_its_owner():
    """One that was not started is started and shut down with the app; one that runs goes on."""
    fresh = Brain(BARE)
    app = an_app(companion_lifespan(fresh))
    async with app.router.lifespan_context(app):
        assert fresh.phase == "running"
    assert fresh.phase == "shut down"
    async with Brain(BARE) as running:
        app = an_app(companion_lifespan(running))
        async with app.router.lifespan_context(app):
            pass
        assert running.phase == "running"


def test_the_brain_is_a_dependency_that_can_be_overridden():
    """As any other: a test gives the app a brain of its own; a bare one has nobody to ask."""
    app = an_app(companion_lifespan(Brain(BARE)))

    @app.get("/who")
    async def who(brain: BrainDep):
        return type(brain).__name__

    @app.get("/ask")
    async def ask(companion: CompanionDep):
        return "asked"

    with TestClient(app) as client:
        assert client.get("/who").json() == "Brain"
        with pytest.raises(CompanionError, match="bare Brain"):
            client.get("/ask")
        app.dependency_overrides[get_brain] = lambda: CompanionBrain(BARE)
        assert client.get("/ask").json() == "asked"


def test_without_the_lifespan_it_is_said_what_is_missing():
    """A router alone has no brain."""
    app = FastAPI()
    app.include_router(companion_router())
    with TestClient(app) as client, pytest.raises(CompanionError, match="lifespan=companion_lifespan"):
        client.get("/livez")


def test_other_paths_stay_the_apps():
    """Its own refusals keep their form, beside ours in theirs."""
    app = an_app(companion_lifespan(Brain(BARE)))

    @app.get("/numbers/{number}")
    async def number(number: int):
        return number

    with TestClient(app) as client:
        assert client.get("/numbers/x").json()["detail"][0]["type"] == "int_parsing"
        assert client.get("/none").json() == {"detail": "Not Found"}
        assert client.get("/companion/api/none").json() == {"detail": "Not Found"}
        assert client.get("/companion/api/tasks?limit=x").json()["error"]["code"] == "invalid_query"
        assert client.get("/companion", follow_redirects=False).headers["location"].endswith("/companion/")


def test_the_routes_are_those_of_the_table():
    """Each operation once, and for each path one refusal of other methods: nothing is served beside the table."""
    found = [route for route in companion_router().routes if isinstance(route, APIRoute)]
    assert len(found) == len(companion_router().routes)
    routes = [(route.path, method) for route in found for method in route.methods or ()]
    assert len(routes) == len(set(routes))
    assert {(op.path, op.method) for op in OPERATIONS} <= set(routes)
    assert {path for path, _ in routes} == {op.path for op in OPERATIONS}


def test_nothing_is_imported_before_it_is_needed():
    """The package needs no web framework; a door whose framework is missing names the line to type."""
    code = """
import sys
import companion_async, companion_async.cli.app
wanted = {"fastapi", "starlette", "aiohttp", "uvicorn", "prometheus_client", "pydantic"}
assert not wanted & set(sys.modules), wanted & set(sys.modules)
for name, extra in (("fastapi", "fastapi"), ("aiohttp", "aiohttp")):
    sys.modules[name] = None
    try:
        __import__(f"companion_async.integrations.{name}")
    except companion_async.MissingExtraError as error:
        assert f"pip install 'companion-async[{extra}]'" in str(error)
    else:
        raise AssertionError(name)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr

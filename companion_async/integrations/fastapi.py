"""A companion inside a FastAPI application: its lifespan, its routes, and the brain as a dependency.

Make it with ``FastAPI(lifespan=companion_lifespan(config))``, and have it include
``companion_router()`` under a prefix.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Annotated, Any, cast

from companion_async.brain.brain import Brain
from companion_async.brain.config import BrainConfig
from companion_async.companion.companion import CompanionBrain
from companion_async.errors import CompanionError, MissingExtraError
from companion_async.http import asgi
from companion_async.http.api import Api
from companion_async.http.openapi import describe
from companion_async.http.operation import Operation
from companion_async.http.operations import OPERATIONS, methods_at
from companion_async.http.signals import told_of_the_end

try:
    from fastapi import APIRouter, Depends, FastAPI, Request, Response, Security
    from fastapi.requests import HTTPConnection
    from fastapi.security import HTTPBearer
except ImportError as missing:
    raise MissingExtraError("fastapi", "companion_async.integrations.fastapi") from missing

State = Mapping[str, Any]
Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[State | None]]

_METHODS = ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE")


def companion_lifespan(
    config: BrainConfig | Brain | None = None, *, lifespan: Lifespan | None = None
) -> Callable[[FastAPI], AbstractAsyncContextManager[State]]:
    """A lifespan in which the app has a brain, at ``app.state.brain`` and ``request.state.brain``.

    With a config, or nothing, it is a `CompanionBrain` made for each run of the lifespan. A `Brain` is taken as it is:
    one that has not been started is started and shut down here, one that runs is left to its owner. ``lifespan`` is the
    app's own: entered with the brain up, left before it goes down, its state kept. An app with more to do may enter the
    result itself: ``async with companion_lifespan(config)(app) as state``.
    """

    @asynccontextmanager
    async def companion(app: FastAPI) -> AsyncIterator[State]:
        brain = config if isinstance(config, Brain) else CompanionBrain(config)
        async with AsyncExitStack() as stack:
            if brain.phase != "running":
                await stack.enter_async_context(brain)
            api = Api(brain)
            app.state.brain, app.state.companion_api = brain, api
            stack.callback(api.close)
            stack.enter_context(told_of_the_end(api.close))
            own = await stack.enter_async_context(lifespan(app)) if lifespan is not None else None
            yield {"brain": brain, **(own or {})}

    return companion


def get_brain(connection: HTTPConnection) -> Brain:
    """The app's brain, for ``Depends`` and ``app.dependency_overrides``."""
    return _api(connection).brain


def get_companion(brain: Annotated[Brain, Depends(get_brain)]) -> CompanionBrain:
    """The app's brain, if it is one that can be asked."""
    if not isinstance(brain, CompanionBrain):
        raise CompanionError("The app's brain is a bare Brain: give companion_lifespan() a config or a CompanionBrain.")
    return brain


BrainDep = Annotated[Brain, Depends(get_brain)]
CompanionDep = Annotated[CompanionBrain, Depends(get_companion)]


def companion_router() -> APIRouter:
    """The routes of the HTTP interface, described in the app's OpenAPI. Give ``include_router`` a prefix for them.

    Everything under them, refusals included, is answered in the interface's own form; other paths are the app's.
    """
    # For the description: whether the token is right is seen to where all of our checks are.
    bearer = HTTPBearer(auto_error=False, description="The token, or the read-only token, of the brain's config")
    router = APIRouter(tags=["companion"])
    for operation in OPERATIONS:
        described = describe(operation)
        router.add_api_route(
            operation.path,
            _endpoint(operation),
            methods=[operation.method],
            name=f"companion_{operation.name}",
            operation_id=f"companion_{operation.name}",
            summary=operation.summary,
            description="",
            status_code=operation.status,
            response_class=Response,
            response_model=None,
            responses=cast("dict[int | str, dict[str, Any]]", described.pop("responses")),
            openapi_extra=described,
            dependencies=[Security(bearer)] if operation.role else [],
        )
    for path in dict.fromkeys(operation.path for operation in OPERATIONS):
        others = [method for method in _METHODS if method not in methods_at(path)]
        router.add_api_route(path, _refusing(path), methods=others, include_in_schema=False, response_model=None)
    return router


def _endpoint(operation: Operation) -> Callable[..., Any]:
    async def endpoint(request: Request) -> Response:
        api = _api(request)
        return _Handed(lambda *asgi_call: asgi.serve(api, operation, *_with_params(asgi_call)))

    endpoint.__name__ = operation.name
    return endpoint


def _refusing(path: str) -> Callable[..., Any]:
    async def endpoint(request: Request) -> Response:
        api = _api(request)
        return _Handed(lambda *asgi_call: asgi.refuse_method(api, path, *_with_params(asgi_call)))

    return endpoint


class _Handed(Response):
    """A response that has the request answered behind ASGI, body unread, when it is sent."""

    def __init__(self, respond: Callable[..., Any]) -> None:
        super().__init__()
        self._respond = respond

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self._respond(scope, receive, send)


def _with_params(asgi_call: tuple[Any, ...]) -> tuple[Any, ...]:
    scope, receive, send = asgi_call
    return scope, scope["path_params"], receive, send


def _api(connection: HTTPConnection) -> Api:
    api = getattr(connection.app.state, "companion_api", None)
    if not isinstance(api, Api):
        raise CompanionError("The app has no brain. Make it with FastAPI(lifespan=companion_lifespan(config)).")
    return api

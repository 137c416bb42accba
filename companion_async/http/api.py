"""The way of every request: let in or refused, decoded, handled, answered."""

from __future__ import annotations

import inspect
from collections.abc import Hashable, Sequence
from typing import Any

from companion_async.brain.brain import Brain
from companion_async.clock import Clock, SystemClock
from companion_async.http.access import Access, Role
from companion_async.http.allowance import Allowance
from companion_async.http.answer import JSON, Answer, success
from companion_async.http.decoding import read_json, read_query
from companion_async.http.operation import Call, Operation
from companion_async.http.refusal import Refusal, answer_to, not_ready
from companion_async.http.replay import Replay
from companion_async.http.request import Request
from companion_async.http.runs import Runs


class Api:
    """The HTTP interface of one brain. ``close`` ends its streams: call it when the server begins to shut down, since
    servers wait for their responses before they tell anybody else.
    """

    def __init__(self, brain: Brain, clock: Clock | None = None) -> None:
        self.brain = brain
        self.clock = clock if clock is not None else SystemClock()
        self.access = Access(brain.config, self.clock)
        self.replay = Replay(brain, self.clock)
        self.runs = Runs(brain, self.clock)
        self.allowance = Allowance(self.clock.monotonic)

    def close(self) -> None:
        """End all streams now and refuse new ones. A second call does nothing. Loop thread only."""
        self.replay.close()
        self.runs.close()

    async def handle(self, operation: Operation, request: Request) -> Answer:
        """The answer to a request; never raises but when it is cancelled. Nothing of the body is read before it is
        known who asks.
        """
        role = Role.NOBODY
        try:
            role = self._admit(operation, request)
            query = read_query(request.query, operation.query)
            body = None if operation.body is None else await read_json(request, operation.body)
            call = Call(self, request, role, query, body)
            if operation.shared:
                return self.allowance.answer(_key(operation, call), lambda: _answer(operation, operation.handler(call)))
            result = operation.handler(call)
            return _answer(operation, await result if inspect.isawaitable(result) else result)
        except Exception as error:
            return answer_to(error, expose=role is Role.OPERATOR and self.brain.config.expose_errors)

    async def refuse_method(self, allowed: Sequence[str], request: Request) -> Answer:
        """The answer to a method that a path of ours does not have."""
        methods = ", ".join(sorted(allowed))
        refusal = Refusal(405, "method_not_allowed", f"This takes {methods}.", headers={"allow": methods}, closing=True)
        try:
            self.access.check_host(request)
            self.access.demand(request, Role.READER)
        except Refusal as error:
            refusal = error
        return refusal.answer()

    def _admit(self, operation: Operation, request: Request) -> Role:
        self.access.check_host(request)
        role = Role.NOBODY
        if operation.role is not Role.NOBODY:
            role = self.access.demand(request, operation.role)
        if operation.changes:
            self.access.check_origin(request)
        if not operation.anytime and self.brain.phase != "running":
            raise not_ready(self.brain.phase)
        return role


def _answer(operation: Operation, data: Any) -> Answer:
    return data if isinstance(data, Answer) else success(data, operation.status)


def _key(operation: Operation, call: Call) -> Hashable:
    """What two calls have in common that may have one answer."""
    request = call.request
    accepted = request.headers.get("accept", "") if operation.media != JSON else ""
    return operation.name, tuple(request.params.values()), request.query, call.exposes, accepted

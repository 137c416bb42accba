"""The description of an operation in the words of OpenAPI 3.1, made from the types that decode and encode it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from companion_async.http.access import Role
from companion_async.http.answer import EVENT_STREAM, JSON
from companion_async.http.operation import Operation

_SAID = {
    400: "The body is no JSON",
    401: "A token is needed",
    403: "The token may not do this, or the page that asks is another site's",
    404: "Nothing of that name",
    405: "Not with this method",
    408: "The body came too slowly",
    409: "The module takes no work",
    413: "The body is larger than 1 MiB",
    415: "The body does not say that it is JSON",
    421: "This Host is not served here",
    422: "A field is wrong or unknown",
    429: "Too much at once: see Retry-After",
    500: "It failed: the log says why, under the id",
    501: "Not installed, or not of this brain",
    503: "The brain starts or ends",
    504: "It took too long",
}
_REFUSED: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        "success": {"const": False},
        "error": {
            "type": "object",
            "properties": {"code": {"type": "string"}, "message": {"type": "string"}, "id": {"type": "string"}},
            "required": ["code", "message", "id"],
        },
    },
    "required": ["success", "error"],
}


def describe(operation: Operation) -> dict[str, Any]:
    """The fields of an OpenAPI operation object."""
    described: dict[str, Any] = {"parameters": _parameters(operation), "responses": _responses(operation)}
    if operation.body is not None:
        fields = msgspec.structs.fields(operation.body)
        required = any(field.required for field in fields)
        described["requestBody"] = {"required": required, "content": {JSON: {"schema": schema(operation.body)}}}
    if operation.name == "sign_in":
        form = {"type": "object", "properties": {"token": {"type": "string"}}, "required": ["token"]}
        content = {"application/x-www-form-urlencoded": {"schema": form}}
        described["requestBody"] = {"required": True, "content": content}
    return described


def schema(wanted: Any) -> dict[str, Any]:
    """The JSON schema of a type, whole: what it refers to stands in the place of the reference."""
    (root,), components = msgspec.json.schema_components([wanted], ref_template="{name}")
    resolved: dict[str, Any] = _resolved(root, components)
    return resolved


def _resolved(node: Any, components: Mapping[str, Any]) -> Any:
    if isinstance(node, list):
        return [_resolved(each, components) for each in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        return _resolved(components[node["$ref"]], components)
    return {key: _resolved(value, components) for key, value in node.items() if not _unwanted(key, value)}


def _unwanted(key: str, value: Any) -> bool:
    # The docstrings speak to readers of the code, and a default that is a struct is shown as its fields anyway.
    return key in ("description", "title") and isinstance(value, str)


def _parameters(operation: Operation) -> list[dict[str, Any]]:
    parameters: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"\{(\w+)(?::path)?\}", operation.path)
    ]
    if operation.query is not None:
        described = schema(operation.query)
        required = described.get("required", [])
        parameters += [
            {"name": name, "in": "query", "required": name in required, "schema": fields}
            for name, fields in described["properties"].items()
        ]
    if operation.name == "events":
        parameters.append({"name": "last-event-id", "in": "header", "required": False, "schema": {"type": "string"}})
    return parameters


def _responses(operation: Operation) -> dict[str, Any]:
    answered: dict[str, Any] = {"description": operation.summary}
    if operation.data is not None:
        envelope = {
            "type": "object",
            "properties": {"success": {"const": True}, "data": schema(operation.data)},
            "required": ["success", "data"],
        }
        answered["content"] = {JSON: {"schema": envelope}}
        if operation.streams:
            answered["content"][EVENT_STREAM] = {"schema": {"type": "string"}}
    elif operation.status == 200:
        answered["content"] = {operation.media: {"schema": {"type": "string"}}}
    responses = {str(operation.status): answered}
    for status in sorted(_refusals(operation)):
        content = {JSON: {"schema": _REFUSED}}
        if operation.media == "text/html" and status == 401:
            content = {"text/html": {"schema": {"type": "string"}}}
        responses[str(status)] = {"description": _SAID[status], "content": content}
    return responses


def _refusals(operation: Operation) -> set[int]:
    found = {400, 403, 421, 422, *operation.refuses} if operation.changes else {403, 421, 422, *operation.refuses}
    if operation.role is not Role.NOBODY or operation.media == "text/html":
        found.add(401)
    if operation.role is Role.NOBODY and not operation.changes and operation.media == JSON:
        found.discard(403)
    if operation.body is not None or operation.name == "sign_in":
        found |= {408, 413, 415}
    if not operation.anytime:
        found |= {503}
    return found

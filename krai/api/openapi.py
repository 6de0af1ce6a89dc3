"""The OpenAPI 3.1 description: pieces that routes are declared with, and what FastAPI cannot know by itself."""

from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel

from krai.api.answers import Problem
from krai.api.problems import MEDIA_TYPE
from krai.errors import PROBLEMS

REF = "#/components/schemas/{model}"
Responses = dict[int | str, dict[str, Any]]
REQUEST_ID = {"x-request-id": {"description": "quote it when you ask for help", "schema": {"type": "string"}}}


def location(what: str) -> dict[str, Any]:
    return {"location": {"description": what, "schema": {"type": "string", "format": "uri"}}}


LOCATION = location("the job")
RETRY_AFTER = {"retry-after": {"description": "seconds", "schema": {"type": "integer"}}}
RATE_LIMIT = {
    "ratelimit-policy": {
        "description": "the limits, by name: q requests, or what qu names, in w seconds (draft-ietf-httpapi-ratelimit-headers)",
        "schema": {"type": "string"},
    },
    "ratelimit": {"description": "what is left of each: r, and t seconds until there is more", "schema": {"type": "string"}},
}
CREATED = {**LOCATION, **RETRY_AFTER}
# What any call with a credential can meet; what any body can meet besides; and what one that an Idempotency-Key makes repeatable.
CALL = (
    "ambiguous_credentials",
    "unauthenticated",
    "invalid_key",
    "invalid_token",
    "csrf",
    "not_allowed",
    "rate_limited",
    "internal",
    "auth_unavailable",
    "store_busy",
    "not_ready",
)
BODY = (
    "malformed_json",
    "invalid_idempotency_key",
    "request_timeout",
    "too_large",
    "unsupported_media_type",
    "invalid_request",
    "unknown_field",
    "invalid_field",
    "missing_field",
)
POST = (*BODY, "idempotency_mismatch")
CALLBACK = ("callbacks_off", "webhook_blocked")
PROTECTED = ("/api/", "/settings", "/token")  # what needs a credential begins so
CREDENTIALS: tuple[dict[str, list[str]], ...] = ({"api_key": []}, {"id_token": []}, {"session": []})
IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "1 to 255 printable ASCII characters, bare or as a quoted string. The same key with the same body gets the first answer"
    " again for 24 hours; with another body 422 idempotency_mismatch.",
    "schema": {"type": "string", "pattern": r'^(?:[!#-~][ -~]{0,254}|"(?:[ !#-\[\]-~]|\\["\\]){1,255}")$'},
    "example": "5c1d0a6e-import-2026-11",
}


def gives(status: int, model: Any, description: str, example: Any, headers: dict[str, Any] | None = None) -> Responses:
    """A success, with its example."""
    content = {"application/json": {"example": example}}
    return {status: {"model": model, "description": description, "headers": {**REQUEST_ID, **(headers or {})}, "content": content}}


def fails(*codes: str) -> Responses:
    """The problems an operation can answer with, by status; each code with an example."""
    by_status: Responses = {}
    for code in dict.fromkeys(codes):
        problem = PROBLEMS[code]
        entry = by_status.setdefault(problem.status, _problems(problem.status))
        entry["content"][MEDIA_TYPE]["examples"][code] = {"summary": problem.title, "value": _example(code)}
    return by_status


def takes(model: type[BaseModel], examples: dict[str, Any], *, required: bool = True, repeatable: bool = True) -> dict[str, Any]:
    """A JSON body, as `openapi_extra`; the model joins the components in `install`. `repeatable`: an Idempotency-Key makes it so."""
    named = {name: {"summary": name, "value": value} for name, value in examples.items()}
    content = {"application/json": {"schema": {"$ref": REF.format(model=model.__name__)}, "examples": named}}
    return {"parameters": [IDEMPOTENCY_KEY] if repeatable else [], "requestBody": {"required": required, "content": content}}


def install(app: FastAPI, bodies: Iterable[type[BaseModel]]) -> None:
    """Make `app.openapi` describe the bodies, the credential and nothing that FastAPI only assumes."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _complete(app, bodies)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign] # FastAPI's documented way


def _complete(app: FastAPI, bodies: Iterable[type[BaseModel]]) -> dict[str, Any]:
    document = get_openapi(
        title=app.title, version=app.version, openapi_version="3.1.0", description=app.description, routes=app.routes, tags=app.openapi_tags
    )
    schemas: dict[str, Any] = document.setdefault("components", {}).setdefault("schemas", {})
    models: tuple[type[BaseModel], ...] = (*bodies, Problem)
    for model in models:
        schema = model.model_json_schema(ref_template=REF)
        schemas |= schema.pop("$defs", {})
        schemas[model.__name__] = schema
    for assumed in ("HTTPValidationError", "ValidationError"):
        schemas.pop(assumed, None)
    document["components"]["securitySchemes"] = {
        "api_key": {"type": "apiKey", "in": "header", "name": "x-api-key"},
        "id_token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": "An OpenID Connect ID token"},
        "session": {
            "type": "apiKey",
            "in": "cookie",
            "name": "krai-session",
            "description": "Set by `/login`, for pages of krai's own; over https its name is `__Host-krai-session`.",
        },
    }
    for path, operations in document["paths"].items():
        for operation in operations.values():
            _forget_assumed(operation)
            operation["security"] = list(CREDENTIALS) if path.startswith(PROTECTED) else []
            if path.startswith(PROTECTED):
                _show_limits(operation)
    return document


def _show_limits(operation: dict[str, Any]) -> None:
    """Whoever has shown a good credential sees what is left, whatever is answered."""
    for status, response in operation["responses"].items():
        if status != str(HTTPStatus.UNAUTHORIZED.value):
            response.setdefault("headers", {}).update(RATE_LIMIT)


def _forget_assumed(operation: dict[str, Any]) -> None:
    """FastAPI documents its own 422 for parameters, which krai answers with 400."""
    assumed = operation["responses"].get("422", {}).get("content", {})
    if assumed.pop("application/json", None) and not assumed:
        del operation["responses"]["422"]


def _problems(status: int) -> dict[str, Any]:
    headers: dict[str, Any] = dict(REQUEST_ID)
    if status in {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}:
        headers |= RETRY_AFTER
    if status == HTTPStatus.UNAUTHORIZED:
        headers["www-authenticate"] = {"schema": {"type": "string"}}
    content = {MEDIA_TYPE: {"schema": {"$ref": REF.format(model="Problem")}, "examples": {}}}
    return {"description": HTTPStatus(status).phrase, "headers": headers, "content": content}


def _example(code: str) -> dict[str, Any]:
    problem = PROBLEMS[code]
    request_id = "0d9c4b1f7a2e4c55"
    return {
        "type": f"/problems/{code}",
        "title": problem.title,
        "status": problem.status,
        "code": code,
        "detail": problem.remedy,
        "instance": f"urn:krai:request:{request_id}",
        "request_id": request_id,
    }

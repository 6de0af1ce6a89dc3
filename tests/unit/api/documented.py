"""Whether an answer is one that the OpenAPI description promises."""

import re
from typing import Any

import httpx
from fastapi import FastAPI

_operations: list[tuple[re.Pattern[str], dict[str, Any]]] = []


def operations(app: FastAPI) -> list[tuple[re.Pattern[str], dict[str, Any]]]:
    """The operations by path, made once: they are the same with whatever settings, and making them takes longer than a test."""
    if not _operations:
        for path, by_method in app.openapi()["paths"].items():
            # Only `{path}` takes slashes.
            parts = re.split(r"(\{\w+\})", path)
            pattern = "".join((".+" if part == "{path}" else "[^/]+") if part.startswith("{") else re.escape(part) for part in parts)
            _operations.append((re.compile(pattern), by_method))
    return _operations


def operation_of(app: FastAPI, request: httpx.Request) -> dict[str, Any] | None:
    """The description of the operation that a request is for, None when there is no such operation."""
    for pattern, by_method in operations(app):
        if pattern.fullmatch(request.url.path):
            method = "get" if request.method == "HEAD" else request.method.lower()
            found: dict[str, Any] | None = by_method.get(method)
            if found is not None:
                return found
    return None


def undocumented(app: FastAPI, response: httpx.Response) -> str | None:
    """What the description does not know about an answer; None when it knows all of it."""
    operation = operation_of(app, response.request)
    # What the edge refuses before it knows the operation is described once, in the introduction.
    if operation is None or response.status_code in {httpx.codes.METHOD_NOT_ALLOWED, httpx.codes.REQUEST_HEADER_FIELDS_TOO_LARGE}:
        return None
    described = operation["responses"].get(str(response.status_code))
    if described is None:
        return f"status {response.status_code}"
    unknown = set(response.headers) & {"ratelimit", "location", "etag"} - {name.lower() for name in described.get("headers", {})}
    if response.status_code < 400 and unknown:
        return f"headers {unknown}"
    media_type = response.headers.get("content-type", "").partition(";")[0]
    if media_type == "application/problem+json":
        code = response.json()["code"]
        return None if code in described.get("content", {}).get(media_type, {}).get("examples", {}) else f"code {code}"
    if media_type == "application/json" and not {media_type, "*/*"} & described.get("content", {}).keys():
        return f"media type {media_type}"
    return None

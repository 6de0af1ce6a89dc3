"""Every failure as `application/problem+json` (RFC 9457), rendered here and nowhere else. What the caller sent is never repeated."""

import json
import re
from typing import Any, cast

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Match
from starlette.types import Scope

from krai.api import pages
from krai.errors import KraiError, Terminal, Transient

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_S = 2
DISK_RETRY_AFTER_S = 60
# So much of a refused body the server reads and forgets: a client whose connection is closed while it sends never sees the answer.
FORGOTTEN_BYTES = 64 << 20
BY_STATUS = {404: "not_found", 405: "method_not_allowed", 408: "request_timeout", 413: "too_large", 415: "unsupported_media_type"}
FOR_PEOPLE = frozenset({"/login", "/callback"})  # a browser shows what these answer
PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,40}", re.ASCII)


def render(error: KraiError, scope: Scope) -> Response:
    request_id = str(scope.get("request_id", ""))
    body: dict[str, Any] = {**error.to_doc(), "instance": f"urn:krai:request:{request_id}", "request_id": request_id}
    if error.errors:
        body["errors"] = [{"pointer": item.pointer, "code": item.code, "detail": item.detail} for item in error.errors]
    response = Response(json.dumps(body, ensure_ascii=False).encode(), error.problem.status, media_type=MEDIA_TYPE)
    retry_after_s = error.retry_after_s or (RETRY_AFTER_S if error.problem.status == 503 else None)  # noqa: PLR2004
    if retry_after_s is not None:
        response.headers["retry-after"] = str(retry_after_s)
    if error.problem.status == 401:  # noqa: PLR2004
        failed = ', error="invalid_token"' if error.code == "invalid_token" else ""  # RFC 6750
        response.headers["www-authenticate"] = f'Bearer realm="krai"{failed}, ApiKey realm="krai", header="x-api-key"'
    if error.code in {"request_timeout", "headers_too_large"} or not _rest_is_bearable(scope):
        response.headers["connection"] = "close"
    return response


def _rest_is_bearable(scope: Scope) -> bool:
    """True when the body, of which much may still be on its way, says how long it is and is not too long to be read for nothing."""
    headers = dict(scope["headers"])
    length = headers.get(b"content-length", b"0")
    return b"transfer-encoding" not in headers and re.fullmatch(rb"\d{1,9}", length) is not None and int(length) <= FORGOTTEN_BYTES


def install(app: FastAPI) -> None:
    app.add_exception_handler(KraiError, _krai_error)
    app.add_exception_handler(HTTPException, _http_exception)
    app.add_exception_handler(RequestValidationError, _invalid_parameters)


async def _krai_error(request: Request, error: Exception) -> Response:
    failure = cast("KraiError", error)
    if failure.code == "disk_full":
        # A job ends with it; a request is sound, and may find room later.
        failure = Transient("store_busy", "The disk is full.", retry_after_s=DISK_RETRY_AFTER_S)
    answer = render(failure, request.scope)
    if request.scope["path"] not in FOR_PEOPLE or "text/html" not in request.headers.get("accept", ""):
        return answer
    kept = {name: answer.headers[name] for name in ("retry-after", "www-authenticate") if name in answer.headers}
    return HTMLResponse(pages.no_sign_in(failure), answer.status_code, kept)


async def _http_exception(request: Request, error: Exception) -> Response:
    """What the router and the framework refuse by themselves."""
    refused = cast("HTTPException", error)
    response = render(_as_krai_error(refused.status_code), request.scope)
    if refused.status_code == 405:  # noqa: PLR2004
        response.headers["allow"] = ", ".join(sorted(_methods_here(request)))
    return response


def _as_krai_error(status: int) -> KraiError:
    if status >= 500:  # noqa: PLR2004
        return Transient("not_ready")
    return Terminal(BY_STATUS.get(status, "invalid_argument"))


def _methods_here(request: Request) -> set[str]:
    """All methods that the routes of this path take: the framework names only those of the first one."""
    found: set[str] = set()
    for method in ("GET", "POST", "PUT", "DELETE"):
        scope = {**request.scope, "method": method}
        if any(route.matches(scope)[0] is Match.FULL for route in request.app.router.routes):
            found.add(method)
    return found | ({"HEAD"} if "GET" in found and request.method != "HEAD" else set())


async def _invalid_parameters(request: Request, error: Exception) -> Response:
    """Query parameters, headers and paths that FastAPI checks."""
    wrong = []
    for item in cast("RequestValidationError", error).errors():
        name = str(item["loc"][-1])
        wrong.append(f"{name}: {item['msg']}" if PLAIN_NAME.fullmatch(name) else str(item["msg"]))
    return render(Terminal("invalid_argument", ". ".join(wrong)), request.scope)

"""What every answer has, whatever made it: a request id, orders for browsers, no caching of the API, a problem where something broke."""

import ipaddress
import re
import secrets
import time
from http import HTTPStatus

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from krai import metrics, observe
from krai.api import problems
from krai.api.shields import shields
from krai.errors import Terminal

REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{8,64}")
PRIVATE = ("/api/", "/settings", "/token", "/login", "/callback", "/logout")
MOST_HEADERS = 100
LARGEST_HEADERS_BYTES = 32 * 1024
PROBES = ("/healthz", "/readyz")
STARTS = {"http": "http.response.start", "websocket": "websocket.http.response.start"}
REFUSED = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
# Besides the events, whose GET does not end, these have a HEAD of their own or none.
OWN_HEAD = ("/files/", "/uploads/")


class Edge:
    """The outermost layer, as plain ASGI: it is passed by every request.

    Sets `scope["request_id"]` and `scope["traceparent"]`; a route adds headers to whatever is answered through `scope["answer_headers"]`.
    """

    def __init__(self, app: ASGIApp, *, https: bool, uploads_to: str | None = None) -> None:
        self._app = app
        self._https = https
        self._uploads_to = uploads_to

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in STARTS:
            await self._app(scope, receive, send)
            return
        request_id, path = _request_id(scope), scope["path"]
        added: list[tuple[bytes, bytes]] = [(b"x-request-id", request_id.encode()), *self._shields(path)]
        # A HEAD is a GET whose body the server leaves out.
        method = scope.get("method", "GET")  # a WebSocket begins as one
        as_get = method == "HEAD" and not path.startswith(OWN_HEAD) and not path.endswith("/events")
        known = method if method in metrics.METHODS else "HTTP"
        span = _begin(_header(scope, b"traceparent"), path, known)
        scope = {
            **scope,
            "method": "GET" if as_get else method,
            "request_id": request_id,
            "traceparent": span.traceparent,
            "answer_headers": added,
        }
        status, began_at = 0, time.monotonic()

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == STARTS[scope["type"]]:
                status = message["status"]
                headers = MutableHeaders(raw=[*message["headers"], *added])
                if path.startswith(PRIVATE):
                    headers["cache-control"] = "no-store"
                message = {**message, "headers": headers.raw}
            elif message["type"] == "websocket.accept":
                status, message = HTTPStatus.SWITCHING_PROTOCOLS, {**message, "headers": [*message.get("headers", []), added[0]]}
            await send(message)

        try:
            if _too_large(scope["headers"]):
                await problems.render(Terminal("headers_too_large"), scope)(scope, receive, answer)
            else:
                await self._app(scope, receive, answer)
        except Exception:
            # Logged here with the request's id, and answered with it: 500.
            route = getattr(scope.get("route"), "path", None)
            observe.log().exception("request failed", request_id=request_id, method=scope["method"], route=route, **span.logged)
            if status:
                raise  # the server can only cut the connection
            await problems.render(Terminal("internal"), scope)(scope, receive, answer)
        finally:
            route = getattr(scope.get("route"), "path", None)
            if status in REFUSED:
                said = {"status": status, "client": _client(scope), "route": route, "request_id": request_id}
                observe.log().info("caller refused", **said, **span.logged)
            metrics.request_answered(scope["method"], route, status, time.monotonic() - began_at)
            error = str(status) if status >= HTTPStatus.INTERNAL_SERVER_ERROR else None
            name = f"{known} {route}" if route else known
            span.end(name=name, error=error, http__route=route, http__response__status_code=status or None)

    def _shields(self, path: str) -> list[tuple[bytes, bytes]]:
        return shields(path, https=self._https, uploads_to=self._uploads_to)


def _begin(received: str | None, path: str, method: str) -> observe.Span:
    """Whoever looks every second whether krai lives wants no trace of it."""
    return observe.Untraced(observe.traceparent(received)) if path in PROBES else observe.begin_request(received, method)


def _too_large(headers: list[tuple[bytes, bytes]]) -> bool:
    return len(headers) > MOST_HEADERS or sum(len(name) + len(value) for name, value in headers) > LARGEST_HEADERS_BYTES


def _header(scope: Scope, wanted: bytes) -> str | None:
    """The header when it came once."""
    values = [value for name, value in scope["headers"] if name == wanted]
    return values[0].decode("latin-1") if len(values) == 1 else None


def _client(scope: Scope) -> str:
    """Its address, or that of the proxy before it; what a proxy passes on and is no address is nobody's."""
    host = (scope.get("client") or ("",))[0]
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        return "unknown"


def _request_id(scope: Scope) -> str:
    """The caller's own id when it is a harmless one, else a new one."""
    for name, value in scope["headers"]:
        if name == b"x-request-id" and REQUEST_ID.fullmatch(value):
            return str(value.decode())
    return secrets.token_hex(16)

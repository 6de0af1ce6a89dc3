"""Which pages of other origins may call krai from a browser (the Fetch standard's CORS protocol): those of `CORS_ORIGINS`."""

from collections.abc import Sequence

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

METHODS = ("GET", "POST", "PUT", "DELETE")
REQUEST_HEADERS = (
    *("authorization", "x-api-key", "content-type", "content-range", "idempotency-key", "if-none-match"),
    *("last-event-id", "prefer", "range", "traceparent", "x-request-id"),
)
ANSWER_HEADERS = (
    *("content-disposition", "content-range", "etag", "location", "preference-applied", "range"),
    *("ratelimit", "ratelimit-policy", "retry-after", "x-request-id"),
)
REMEMBERED_S = 600  # how long a browser does not ask again


class Cors:
    """Pages of all other origins are answered as if there were no such protocol: the browser keeps the answer from them."""

    def __init__(self, app: ASGIApp, origins: Sequence[str]) -> None:
        self._app = app
        self._origins = frozenset(origin.encode() for origin in origins)
        self._cors = CORSMiddleware(
            app,
            allow_origins=origins,
            allow_methods=METHODS,
            allow_headers=REQUEST_HEADERS,
            expose_headers=ANSWER_HEADERS,
            max_age=REMEMBERED_S,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        origins = [value for name, value in scope.get("headers", ()) if name == b"origin"]
        known = len(origins) == 1 and origins[0] in self._origins
        await (self._cors if known else self._app)(scope, receive, send)

"""Whether a request that brings a cookie was sent by a page of krai's own: browsers add cookies whoever asks (CSRF)."""

from starlette.requests import HTTPConnection

from krai.api.address import origin
from krai.errors import Terminal

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})  # RFC 9110, 9.2.1
OURS = frozenset({"same-origin", "none"})  # none: by somebody's own hand, from no page


def insist(connection: HTTPConnection, base_url: str) -> None:
    """Where a request changes something, or opens a WebSocket, the browser must say that it is ours: by Sec-Fetch-Site (Fetch Metadata),
    and one that does not know it, by Origin. A page of another origin has no business here with any method, also one of `CORS_ORIGINS`:
    those call with a credential of their own.

    Raises Terminal csrf.
    """
    origins, sites = (connection.headers.getlist(name) for name in ("origin", "sec-fetch-site"))
    if any(sent != origin(base_url) for sent in origins):
        raise Terminal("csrf")
    if connection.scope["type"] == "http" and connection.scope["method"] in SAFE:
        return
    if not (OURS.issuperset(sites) if sites else origins):
        raise Terminal("csrf")

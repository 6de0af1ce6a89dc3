"""Where clients reach krai, and which origin (RFC 6454) its pages have."""

import re
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection

HOST = re.compile(r"[A-Za-z0-9._-]+(:\d{1,5})?|\[[0-9A-Fa-f:.]+\](:\d{1,5})?", re.ASCII)
SCHEMES = {"ws": "http", "wss": "https"}  # a WebSocket's page has the origin of the other
PORTS = {"http": 80, "https": 443}


async def base_url(connection: HTTPConnection) -> str:
    """Where this request's client reaches krai, without a slash at the end."""
    public_url: str | None = connection.app.state.api.settings.public_url
    if public_url is not None:
        return public_url.rstrip("/")
    host = connection.headers.get("host", "")
    if not HOST.fullmatch(host):
        name, port = connection.scope.get("server") or ("localhost", None)
        host = f"{name}:{port}" if port else name
    scheme = connection.scope["scheme"]
    return f"{SCHEMES.get(scheme, scheme)}://{host}"


def origin(url: str) -> str:
    """As browsers write it: in small letters, without the port that goes without saying."""
    parts = urlsplit(url.lower())
    return f"{parts.scheme}://{parts.netloc.removesuffix(f':{PORTS.get(parts.scheme)}')}"

"""Requests as bytes, for clients refuse to send most of what a hostile one does."""

import json
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

Headers = Iterable[tuple[str, str]]
CHUNK_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class Answer:
    """`headers` with their names in small letters, in their order; `whole` is all that came."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    whole: bytes

    @property
    def text(self) -> str:
        return self.whole.decode("latin-1")

    def json(self) -> Any:
        return json.loads(self.body)

    def header(self, name: str) -> str | None:
        return dict(self.headers).get(name)

    def problem(self) -> dict[str, Any]:
        """What does not belong to this one request."""
        assert self.header("content-type") == "application/problem+json", self.text
        return {name: value for name, value in self.json().items() if name not in {"instance", "request_id"}}

    @property
    def code(self) -> str:
        """That of a problem."""
        return str(self.problem()["code"])


def compose(method: str, target: str, headers: Headers = (), body: bytes = b"", *, host: str = "krai.example") -> bytes:
    """One request that ends its connection. Header values are latin-1, and nothing is checked."""
    lines = [f"{method} {target} HTTP/1.1", f"Host: {host}", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in headers]
    lines += [f"Content-Length: {len(body)}"] if body else []
    return "\r\n".join((*lines, "", "")).encode("latin-1") + body


def exchange(port: int, *parts: bytes, within_s: float = 30) -> bytes:
    """All that the server says to these bytes until it closes the connection."""
    came = b""
    with socket.create_connection(("127.0.0.1", port), timeout=within_s) as connection:
        try:
            for part in parts:
                connection.sendall(part)
            while chunk := connection.recv(CHUNK_BYTES):
                came += chunk
        except ConnectionError:
            pass  # it was closed while there was more to send
    return came


def read(came: bytes) -> Answer:
    """The one answer that came."""
    head, _, body = came.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    assert first.startswith("HTTP/1.1 "), came[:200]
    pairs = (line.partition(":") for line in lines)
    return Answer(int(first.split(" ")[1]), tuple((name.lower(), value.strip()) for name, _, value in pairs), body, came)

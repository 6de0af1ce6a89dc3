"""How slow the other side of a connection may be: a drop now and then keeps a read alive, but not for ever."""

import ssl
import time
from dataclasses import dataclass
from typing import Any

import httpcore


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """At least `window_bytes` come in each `window_s` of waiting for them, and all of it within `total_s` of the look-up of the name."""

    window_s: float = 30
    window_bytes: int = 30 << 10
    total_s: float = 4 * 3600


class Paced(httpcore.NetworkStream):
    """A connection, plain or with TLS, that ends in ReadTimeout, WriteTimeout or ConnectTimeout once the other side falls behind.

    `started_s`: by the monotonic clock, when the connection was begun.
    """

    def __init__(self, stream: httpcore.NetworkStream, pace: Pace, started_s: float) -> None:
        self._stream = stream
        self._pace = pace
        self._started_s = started_s
        self._ends_s = started_s + pace.total_s
        self._waited_s = 0.0
        self._received_bytes = 0

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        started_s = time.monotonic()
        left_s = min(self._ends_s - started_s, self._pace.window_s - self._waited_s)
        if left_s <= 0:
            raise httpcore.ReadTimeout
        data = self._stream.read(max_bytes, left_s if timeout is None else min(timeout, left_s))
        self._waited_s += time.monotonic() - started_s
        self._received_bytes += len(data)
        if self._received_bytes >= self._pace.window_bytes:
            self._waited_s, self._received_bytes = 0.0, 0
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        left_s = self._ends_s - time.monotonic()
        if left_s <= 0:
            raise httpcore.WriteTimeout
        self._stream.write(buffer, left_s if timeout is None else min(timeout, left_s))

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        left_s = self._ends_s - time.monotonic()
        if left_s <= 0:
            raise httpcore.ConnectTimeout
        secured = self._stream.start_tls(ssl_context, server_hostname, left_s if timeout is None else min(timeout, left_s))
        return Paced(secured, self._pace, self._started_s)

    def close(self) -> None:
        self._stream.close()

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)

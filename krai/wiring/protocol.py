"""HTTP/1.1 as krai takes it: uvicorn's protocol, but with an end to a request's head, in time and in bytes, and problems for what is
no HTTP.
"""

import asyncio
import re
import secrets
import sys
from http import HTTPStatus

from httptools import HttpParserInvalidMethodError, HttpRequestParser
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from krai.api import problems
from krai.errors import KraiError, Terminal

HEAD_WITHIN_S = 8.0
LARGEST_HEAD_BYTES = 64 * 1024  # half of that is refused with the request's own id, once it is there
A_METHOD = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,32}(?= )")  # any token is one (RFC 9110, 9.1); the parser knows those of IANA
STAND_IN = b"TRACE"  # which no route takes either


class Protocol(HttpToolsProtocol):
    """A connection that has sent nothing, or part of a head, does not stay: otherwise a few thousand of them would keep all others out."""

    _late: asyncio.TimerHandle | None = None  # set while a head is awaited
    _head_bytes: int = 0
    _between: bool = True  # the next byte begins a request
    _beginning: bytes = b""  # what has come now, if it begins one
    _method: bytes | None = None  # of the request for which the parser is given a stand-in

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn's
        super().connection_made(transport)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._head_is_there()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._beginning = data if self._between else b""
        super().data_received(data)
        if self._late is not None and not self.transport.is_closing():
            self._head_bytes += len(data)
            if self._head_bytes > LARGEST_HEAD_BYTES:
                self._refuse(Terminal("headers_too_large"))

    def on_message_begin(self) -> None:
        self._between = False
        super().on_message_begin()
        self._await_head()

    def on_headers_complete(self) -> None:
        self._head_is_there()
        hosts = sum(name == b"host" for name, _ in self.headers)
        if hosts != 1 and self.parser.get_http_version() == "1.1":
            raise ValueError("RFC 9112, 3.2: a request has one Host")  # the parser makes a 400 of it
        super().on_headers_complete()
        if self._method is not None:
            self.scope["method"], self._method = self._method.decode("ascii"), None

    def on_message_complete(self) -> None:
        self._between = True
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's
        data, self._beginning = self._beginning, b""
        method = A_METHOD.match(data)
        if method and isinstance(sys.exception(), HttpParserInvalidMethodError):
            # The app says 405 and what it takes instead. All else about the request is judged as ever, by a parser without the failure.
            self.parser, self._method = HttpRequestParser(self), method[0]
            super().data_received(STAND_IN + data[method.end() :])
        else:
            self._refuse(Terminal("malformed_request"))

    def _await_head(self) -> None:
        if self._late is None:
            self._head_bytes = 0
            self._late = self.loop.call_later(HEAD_WITHIN_S, self._too_late)

    def _head_is_there(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _too_late(self) -> None:
        self._late = None
        if not self.transport.is_closing():
            self.transport.close()

    def _refuse(self, error: KraiError) -> None:
        """Answer for the server, which has no request to give to the app."""
        self._head_is_there()
        request_id = secrets.token_hex(16)
        answer = problems.render(error, {"request_id": request_id, "headers": []})
        status = HTTPStatus(answer.status_code)
        headers = [*answer.raw_headers, (b"x-request-id", request_id.encode()), (b"connection", b"close")]
        head = b"".join(name + b": " + value + b"\r\n" for name, value in dict(headers).items())
        self.transport.write(f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() + head + b"\r\n" + bytes(answer.body))
        self.transport.close()

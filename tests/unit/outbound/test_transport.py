from http.server import BaseHTTPRequestHandler

import httpcore
import httpx
import pytest

from krai.outbound.pace import Pace
from krai.outbound.transport import HTTPX_FAILURES
from tests.https_source import HttpsSource

# Bases of others, what a pool keeps to itself, and what only a proxy raises.
NEVER_RAISED = {"TimeoutException", "NetworkError", "ProtocolError", "ConnectionNotAvailable", "ProxyError"}


def test_no_failure_of_httpcore_is_forgotten() -> None:
    known = {name for name in httpcore.__all__ if isinstance(kind := getattr(httpcore, name), type) and issubclass(kind, Exception)}
    assert {kind.__name__ for kind in HTTPX_FAILURES} == known - NEVER_RAISED
    assert all(ours.__name__ == theirs.__name__ for theirs, ours in HTTPX_FAILURES.items())


def test_what_is_no_http_is_not_quoted(source: HttpsSource) -> None:
    def greet(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"220 secret.example ESMTP\r\n\r\n")

    source.answer = greet
    with source.outbound.client(Pace()) as client, pytest.raises(httpx.RemoteProtocolError) as error:
        client.get(source.url)
    assert "secret" not in str(error.value)

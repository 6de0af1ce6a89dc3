"""Rows 20 and 22 to 24: what is no HTTP, or would be two requests to two readers, or never ends."""

import re
import socket
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from tests.hostile import wire
from tests.hostile.case import EXPORTS, IMPORTS
from tests.hostile.ground import JSON, Ground, problem_of
from tests.hostile.wire import Answer

JOBS = "/api/v1/jobs"
KIB = 1024
HEAD_WITHIN_S, BODY_WITHIN_S = 10, 30
ENDLESS_CHUNKS = 1024  # of 64 KiB


@pytest.fixture(scope="module")
def mode() -> str:
    """The server is the same in both."""
    return "embedded"


# -- row 20: bodies ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("target", "most"), [(EXPORTS, 64 * KIB), (IMPORTS, 1088 * KIB), ("/token", 64 * KIB)])
def test_20_a_body_one_byte_too_long(ground: Ground, target: str, most: int) -> None:
    headers = list(ground.as_admin(JSON))
    assert problem_of(ground.ask("POST", target, headers, b" " * (most + 1)), 413) == "too_large"
    assert problem_of(ground.ask("POST", target, headers, b" " * most), 400) == "malformed_json"


def test_20_chunks_one_byte_too_many(ground: Ground) -> None:
    head = wire.compose("POST", EXPORTS, ground.as_admin(JSON, ("Transfer-Encoding", "chunked")))
    (answer,) = ground.exchange(head, *[b"4000\r\n" + b" " * 0x4000 + b"\r\n"] * 4, b"1\r\n \r\n")
    assert problem_of(answer, 413) == "too_large"


def test_20_chunks_without_end_are_cut_off(ground: Ground) -> None:
    """Whoever goes on sending may not see the answer: the connection is closed under it."""
    head = wire.compose("POST", EXPORTS, ground.as_admin(JSON, ("Transfer-Encoding", "chunked")))
    with socket.create_connection(("127.0.0.1", ground.deployment.api.port), timeout=30) as connection:
        connection.sendall(head)
        with pytest.raises(ConnectionError):
            connection.sendall((b"10000\r\n" + b" " * 0x10000 + b"\r\n") * ENDLESS_CHUNKS)


@pytest.mark.parametrize("length", ["99999999999999999999", "65537"])
def test_20_a_length_too_long_is_not_waited_for(ground: Ground, length: str) -> None:
    head = wire.compose("POST", EXPORTS, ground.as_admin(JSON, ("Content-Length", length)))
    (answer,) = ground.exchange(head)
    # What no counter holds is no length; either way nothing of it is read.
    assert (answer.status, answer.code) in {(413, "too_large"), (400, "malformed_request")}


# -- rows 20 and 24: what comes too slowly, all at once so that the waits do not add up ------------------------------------


@pytest.fixture(scope="module")
def slow(shared_ground: Ground) -> Iterator[dict[str, "Future[tuple[bytes, float]]"]]:
    """What came of a slow request, and after how many seconds the connection was closed."""
    port = shared_ground.deployment.api.port
    head = wire.compose("POST", EXPORTS, shared_ground.as_admin(JSON, ("Content-Length", "100")))
    started = b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-A: "
    with ThreadPoolExecutor() as pool:
        yield {
            "body": pool.submit(_drip, port, head + b"12345", every_s=None),
            "body-by-drops": pool.submit(_drip, port, head, every_s=1),
            "silence": pool.submit(_drip, port, b"", every_s=None),
            "head": pool.submit(_drip, port, started, every_s=None),
            "head-by-drops": pool.submit(_drip, port, started, every_s=1),
        }


def _drip(port: int, first: bytes, *, every_s: float | None) -> tuple[bytes, float]:
    """Send `first`, then a byte every so many seconds, until the server closes."""
    began_s, came = time.monotonic(), b""
    with socket.create_connection(("127.0.0.1", port), timeout=every_s or 2 * BODY_WITHIN_S) as connection:
        connection.sendall(first)
        while time.monotonic() - began_s < 2 * BODY_WITHIN_S:
            try:
                chunk = connection.recv(wire.CHUNK_BYTES)
            except TimeoutError:
                connection.sendall(b"a")
                continue
            except ConnectionError:
                break
            if not chunk:
                break
            came += chunk
    return came, time.monotonic() - began_s


Slow = dict[str, "Future[tuple[bytes, float]]"]


@pytest.mark.parametrize("name", ["silence", "head", "head-by-drops"])
def test_24_a_head_that_does_not_come_is_not_waited_for(slow: Slow, name: str) -> None:
    came, after_s = slow[name].result()
    assert came == b""
    assert after_s < HEAD_WITHIN_S


@pytest.mark.parametrize("name", ["body", "body-by-drops"])
def test_20_a_body_that_does_not_come_is_not_waited_for(slow: Slow, name: str) -> None:
    came, after_s = slow[name].result()
    assert problem_of(wire.read(came), 408) == "request_timeout"
    assert after_s < BODY_WITHIN_S


# -- row 22: methods --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["TRACE", "PUT", "PATCH", "POST", "CONNECT", "FOO", "get", "GETX", "M-SEARCH!", "F" * 32])
def test_22_another_method(ground: Ground, method: str) -> None:
    answer = ground.ask(method, f"{JOBS}/{'0' * 32}", ground.as_admin(("X-Canary", ground.canary())))
    assert problem_of(answer, 405) == "method_not_allowed"
    assert answer.header("allow") == "DELETE, GET, HEAD"


@pytest.mark.parametrize("method", ["F(O", "\xc9", "F" * 33, "GET,FOO", "@", "", "G\0T"])
def test_22_what_is_no_method_is_no_http(ground: Ground, method: str) -> None:
    answer = ground.ask(method, f"{JOBS}/{'0' * 32}", ground.as_admin())
    assert problem_of(answer, 400) == "malformed_request"


# -- row 23: one request or two --------------------------------------------------------------------------------------------

NEXT = "GET /healthz?{canary} HTTP/1.1\r\nHost: x\r\n\r\n"
SMUGGLING = {
    "length-and-chunks": "Host: x\r\n{json}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{{}}\r\n0\r\n\r\n",
    "chunks-and-length": "Host: x\r\n{json}Transfer-Encoding: chunked\r\nContent-Length: 50\r\n\r\n0\r\n\r\n",
    "two-lengths": "Host: x\r\n{json}Content-Length: 2\r\nContent-Length: 3\r\n\r\n{{}}x",
    "lengths-in-one": "Host: x\r\n{json}Content-Length: 2, 3\r\n\r\n{{}}x",
    "length-plus": "Host: x\r\n{json}Content-Length: +2\r\n\r\n{{}}",
    "length-minus": "Host: x\r\n{json}Content-Length: -1\r\n\r\n",
    "length-hex": "Host: x\r\n{json}Content-Length: 0x2\r\n\r\n{{}}",
    "xchunked": "Host: x\r\n{json}Transfer-Encoding: xchunked\r\n\r\n2\r\n{{}}\r\n0\r\n\r\n",
    "chunked-then-more": "Host: x\r\n{json}Transfer-Encoding: chunked, identity\r\n\r\n2\r\n{{}}\r\n0\r\n\r\n",
    "chunk-size-that-is-none": "Host: x\r\n{json}Transfer-Encoding: chunked\r\n\r\n-2\r\n{{}}\r\n0\r\n\r\n",
    "folded-header": "Host: x\r\nX-A: b\r\n c\r\n{json}\r\n",
    "two-hosts": "Host: x\r\nHost: y\r\n{json}\r\n",
    "no-host": "{json}\r\n",
    "space-before-the-colon": "Host: x\r\nX-A : b\r\n{json}\r\n",
    "NUL": "Host: x\r\nX-A: b\0c\r\n{json}\r\n",
    "CR-alone": "Host: x\r\nX-A: b\rX-B: c\r\n{json}\r\n",
    "header-without-a-name": "Host: x\r\n: b\r\n{json}\r\n",
    "header-without-a-colon": "Host: x\r\nX-A\r\n{json}\r\n",
    "bare-LF": "Host: x\nX-A: b\n{json}\n\n",
}


@pytest.mark.parametrize("name", SMUGGLING)
def test_23_one_answer_and_the_end(ground: Ground, name: str) -> None:
    credential = "".join(f"{header}: {value}\r\n" for header, value in ground.as_admin(JSON))
    bad = f"POST {EXPORTS} HTTP/1.1\r\n" + SMUGGLING[name].format(json=credential)
    (answer,) = ground.exchange((bad + NEXT.format(canary=ground.canary())).encode())
    assert problem_of(answer, 400) == "malformed_request"
    assert answer.header("connection") == "close"


@pytest.mark.parametrize(
    "line", ["GET /healthz HTTP/1.1\nHost: x\n\n", "GET /healthz HTTP/9.9\r\n", "GET /a b HTTP/1.1\r\n", "\x16\x03\x01\x02", "*\r\n"]
)
def test_23_what_is_no_request_at_all(ground: Ground, line: str) -> None:
    (answer,) = ground.exchange((line + "Host: x\r\n\r\n").encode())
    assert problem_of(answer, 400) == "malformed_request"


# -- row 24: heads ----------------------------------------------------------------------------------------------------------


def many(count: int) -> list[tuple[str, str]]:
    return [(f"X-{number}", "a") for number in range(count)]


def test_24_a_hundred_headers_and_one(ground: Ground) -> None:
    ours = len(re.findall(r"\r\n", wire.compose("GET", JOBS, ground.as_admin()).decode())) - 2
    assert ask(ground, *many(100 - ours)).status == 200
    assert problem_of(ask(ground, *many(101 - ours)), 431) == "headers_too_large"


@pytest.mark.parametrize("size_bytes", [32 * KIB, 60 * KIB, 300 * KIB])
def test_24_a_header_of_32_kib(ground: Ground, size_bytes: int) -> None:
    answer = ask(ground, ("X-A", ground.canary().ljust(size_bytes, "a")))
    assert problem_of(answer, 431) == "headers_too_large"


def ask(ground: Ground, *headers: tuple[str, str]) -> Answer:
    return ground.ask("GET", JOBS, ground.as_admin(*headers))

"""Sources from https URLs: whole, as they are, or not at all. A real server on this machine says what a test wants it to."""

import ssl
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import trustme

from krai.errors import KraiError, Terminal, Transient
from krai.job import Kind
from krai.transfer.download import download
from tests.unit.transfer.desk import Desk

CONTENT = b"id,name\n1,a\n2,b\n"
Answer = Callable[[BaseHTTPRequestHandler], None]


@dataclass
class Server:
    """What it answers is `answer`; `asked` are the headers of the last request."""

    port: int
    trust: ssl.SSLContext
    answer: Answer
    asked: dict[str, str]

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}/file.csv"


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def server(authority: trustme.CA) -> Iterator[Server]:
    trust = ssl.create_default_context()
    authority.configure_trust(trust)
    here = Server(0, trust, partial(say, body=CONTENT), {})

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            here.asked = {name.lower(): value for name, value in self.headers.items()}
            here.answer(self)

        def log_message(self, format: str, *_: object) -> None:  # noqa: A002 (the standard library's name)
            """Keep quiet."""

    listening = ThreadingHTTPServer(("localhost", 0), Handler)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(context)
    listening.socket = context.wrap_socket(listening.socket, server_side=True)
    here.port = listening.server_address[1]
    thread = threading.Thread(target=partial(listening.serve_forever, poll_interval=0.01))
    thread.start()
    yield here
    listening.shutdown()
    thread.join()
    listening.server_close()


def say(handler: BaseHTTPRequestHandler, status: int = 200, body: bytes = b"", length: int | None = None, **headers: str) -> None:
    handler.send_response(status)
    handler.send_header("Content-Length", str(len(body) if length is None else length))
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    handler.wfile.write(body)


def without_length(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.end_headers()
    handler.wfile.write(CONTENT)


def drop_by_drop(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    for _ in range(100):
        handler.wfile.write(b"x")
        time.sleep(0.01)


def test_a_file_is_fetched_as_it_is(server: Server, tmp_path: Path) -> None:
    heard: list[int] = []
    download(server.url, tmp_path / "copy", limit_bytes=1 << 20, tls=server.trust, told=heard.append)
    assert (tmp_path / "copy").read_bytes() == CONTENT
    assert heard[-1] == len(CONTENT)
    assert server.asked["accept-encoding"] == "identity"


@pytest.mark.parametrize(
    ("answer", "kind", "code"),
    [
        (partial(say, status=302, Location="https://localhost/"), Terminal, "source_redirect"),
        (partial(say, status=307, Location="http://169.254.169.254/"), Terminal, "source_redirect"),
        (partial(say, status=401, body=b"secret page"), Terminal, "source_http_error"),
        (partial(say, status=404), Terminal, "source_http_error"),
        (partial(say, status=204), Terminal, "source_http_error"),
        (partial(say, status=500), Transient, "source_unreachable"),
        (partial(say, status=429), Transient, "source_unreachable"),
        (partial(say, body=CONTENT, Content_Encoding="gzip"), Terminal, "source_encoding"),
        (partial(say, body=CONTENT, Content_Encoding="gzip, gzip"), Terminal, "source_encoding"),
        (without_length, Terminal, "source_length_unknown"),
        (partial(say, body=CONTENT, length=1000), Terminal, "source_truncated"),
        (partial(say, length=(1 << 20) + 1), Terminal, "source_too_large"),
        (drop_by_drop, Terminal, "source_timeout"),
    ],
)
def test_a_file_that_does_not_come_whole_and_plain_is_refused(
    server: Server, tmp_path: Path, answer: Answer, kind: type[KraiError], code: str
) -> None:
    server.answer = answer
    with pytest.raises(kind) as error:
        download(server.url, tmp_path / "copy", limit_bytes=1 << 20, tls=server.trust, grace_s=0.2 if answer is drop_by_drop else 30)
    assert error.value.code == code
    assert "secret" not in str(error.value)


def test_a_server_that_nobody_vouches_for_is_not_asked(server: Server, tmp_path: Path) -> None:
    with pytest.raises(Transient) as error:
        download(server.url, tmp_path / "copy", limit_bytes=1 << 20)
    assert error.value.code == "source_unreachable"
    assert server.asked == {}


def test_a_server_that_is_not_there_is_tried_again(tmp_path: Path) -> None:
    with pytest.raises(Transient) as error:
        download("https://localhost:1/", tmp_path / "copy", limit_bytes=1)
    assert error.value.code == "source_unreachable"


@pytest.mark.parametrize("url", ["http://localhost/", "file:///etc/passwd", "//localhost/", "https://", "https://[::1/"])
def test_only_https_is_spoken(url: str, tmp_path: Path) -> None:
    with pytest.raises(Terminal) as error:
        download(url, tmp_path / "copy", limit_bytes=1)
    assert error.value.code == "invalid_source_url"


def test_an_import_reads_from_a_url_where_that_is_on(desk: Desk, server: Server) -> None:
    with pytest.raises(Terminal) as error:
        desk.run(desk.job(Kind.IMPORT, source={"url": server.url}))
    assert error.value.code == "url_imports_off"
    desk.tools = replace(desk.tools, url_imports=True, tls=server.trust)
    assert desk.run(desk.job(Kind.IMPORT, source={"url": server.url})).result["records_processed"] == 2
    assert desk.table().to_pydict() == {"id": [1, 2], "name": ["a", "b"]}

"""Sources from https URLs: whole, as they are, or not at all. A real server on this machine says what a test wants it to."""

import gzip
import hashlib
import threading
import time
import traceback
from dataclasses import replace
from functools import partial
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from krai.errors import KraiError, Terminal, Transient
from krai.job import Kind
from krai.outbound.connect import Outbound
from krai.outbound.pace import Pace
from krai.settings import Settings
from krai.transfer.download import download
from krai.transfer.tools import Limits
from krai.wiring import embedded_tools
from tests.https_source import CONTENT, HERE, HOST, Answer, HttpsSource, say
from tests.unit.transfer.desk import Desk

LIMIT_BYTES = 1 << 20
METADATA = "169.254.169.254"


def fetch(source: HttpsSource, tmp_path: Path, pace: Pace | None = None) -> bytes:
    download(source.url, tmp_path / "copy", limit_bytes=LIMIT_BYTES, outbound=source.outbound, pace=pace or Pace())
    return (tmp_path / "copy").read_bytes()


def raw(handler: BaseHTTPRequestHandler, data: bytes, *, pause_s: float = 0) -> None:
    """Bytes as they are, or one at a time."""
    for piece in (data[at : at + 1] for at in range(len(data))) if pause_s else [data]:
        handler.wfile.write(piece)
        time.sleep(pause_s)


def head(*lines: str) -> bytes:
    return "\r\n".join(("HTTP/1.1 200 OK", *lines, "", "")).encode()


BOMB = gzip.compress(gzip.compress(b"\0" * (50 << 20)))


def test_a_file_is_fetched_as_it_is(source: HttpsSource, tmp_path: Path) -> None:
    heard: list[int] = []
    download(source.url, tmp_path / "copy", limit_bytes=LIMIT_BYTES, outbound=source.outbound, told=heard.append)
    assert (tmp_path / "copy").read_bytes() == CONTENT
    assert heard[-1] == len(CONTENT)
    assert source.asked["accept-encoding"] == "identity"


def test_what_is_packed_stays_packed(source: HttpsSource, tmp_path: Path) -> None:
    source.answer = partial(say, body=gzip.compress(CONTENT), Content_Type="application/gzip", Content_Encoding="Identity")
    assert gzip.decompress(fetch(source, tmp_path)) == CONTENT


@pytest.mark.parametrize(
    ("answer", "kind", "code"),
    [
        *((partial(say, status=status), Terminal, "source_redirect") for status in (300, 304, 399)),
        (partial(say, status=401, body=b"secret page"), Terminal, "source_http_401"),
        (partial(say, status=403, body=b"secret page"), Terminal, "source_http_error"),
        (partial(say, status=404), Terminal, "source_http_error"),
        (partial(say, status=204), Terminal, "source_http_error"),
        (partial(say, status=206, body=CONTENT), Terminal, "source_http_error"),
        (partial(say, status=500, body=b"secret page"), Transient, "source_http_500"),
        (partial(say, status=503), Transient, "source_http_500"),
        (partial(say, status=429), Transient, "source_unreachable"),
        (partial(say, body=CONTENT, Content_Encoding="gzip"), Terminal, "source_encoding"),
        (partial(say, body=BOMB, Content_Encoding="gzip, gzip"), Terminal, "source_encoding"),
        (partial(raw, data=head() + CONTENT), Terminal, "source_length_unknown"),
        (partial(raw, data=head("Transfer-Encoding: chunked") + b"2\r\nab\r\n0\r\n\r\n"), Terminal, "source_length_unknown"),
        (
            partial(raw, data=head("Content-Length: 2", "Transfer-Encoding: chunked") + b"4\r\nabcd\r\n0\r\n\r\n"),
            Terminal,
            "source_length_unknown",
        ),
        (partial(raw, data=head("Content-Length: 2", "Content-Length: 3") + b"abc"), Terminal, "source_truncated"),
        (partial(raw, data=head(f"Content-Length: {'9' * 5000}")), Terminal, "source_truncated"),
        (partial(raw, data=b"SSH-2.0-secret\r\n"), Terminal, "source_truncated"),
        (partial(say, body=b"x" * 12, length=1000), Terminal, "source_truncated"),
        (partial(say, length=LIMIT_BYTES + 1), Terminal, "source_too_large"),
        (partial(say, length=(5 << 30) + 1), Terminal, "source_too_large"),
    ],
)
def test_a_file_that_does_not_come_whole_and_plain_is_refused(
    source: HttpsSource, tmp_path: Path, answer: Answer, kind: type[KraiError], code: str
) -> None:
    source.answer = answer
    with pytest.raises(kind) as error:
        fetch(source, tmp_path)
    assert error.value.code == code
    assert "secret" not in "".join(traceback.format_exception(error.value))
    assert source.connects == 1


NO_LENGTH = {
    "to the end": partial(raw, data=head() + CONTENT),
    "chunks": partial(raw, data=head("Transfer-Encoding: chunked") + b"%x\r\n%b\r\n0\r\n\r\n" % (len(CONTENT), CONTENT)),
}


@pytest.mark.parametrize("name", NO_LENGTH)
def test_a_file_of_no_told_length_is_one_with_a_digest(desk: Desk, source: HttpsSource, name: str) -> None:
    source.answer = NO_LENGTH[name]
    desk.tools = replace(desk.tools, url_imports=True, outbound=source.outbound)
    with pytest.raises(Terminal, match="source_length_unknown"):
        desk.run(desk.job(Kind.IMPORT, source={"url": source.url}))
    sha256 = hashlib.sha256(CONTENT).hexdigest()
    assert desk.run(desk.job(Kind.IMPORT, source={"url": source.url}, sha256=sha256)).result["records_processed"] == 2
    source.answer = partial(raw, data=head() + CONTENT[:-4])
    with pytest.raises(Terminal, match="upload_mismatch"):
        desk.run(desk.job(Kind.IMPORT, source={"url": source.url}, sha256=sha256))
    desk.tools = replace(desk.tools, limits=Limits(source_bytes=len(CONTENT) - 1))
    source.answer = NO_LENGTH[name]
    with pytest.raises(Terminal, match="source_too_large"):
        desk.run(desk.job(Kind.IMPORT, source={"url": source.url}, sha256=sha256))


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("to", ["http://169.254.169.254/latest", "//127.0.0.1/", "/file.csv", f"https://{HOST}/other.csv", ""])
def test_a_redirect_is_followed_nowhere(source: HttpsSource, tmp_path: Path, status: int, to: str) -> None:
    source.answer = partial(say, status=status, Location=to)
    with pytest.raises(Terminal, match="source_redirect"):
        fetch(source, tmp_path)
    assert (source.connects, source.network.asked) == (1, [HOST])


@pytest.mark.parametrize("answer", [head("Content-Length: 1000") + b"x" * 1000, b"HTTP/1.1 100 Continue\r\n\r\n" * 100])
def test_a_source_that_comes_drop_by_drop_is_left(source: HttpsSource, tmp_path: Path, answer: bytes) -> None:
    source.answer = partial(raw, data=answer, pause_s=0.01)
    started_s = time.monotonic()
    with pytest.raises(Terminal, match="source_timeout"):
        fetch(source, tmp_path, pace=Pace(window_s=0.3, window_bytes=1000))
    assert time.monotonic() - started_s < 5


def test_a_source_that_is_slow_but_keeps_pace_is_read_to_its_end(source: HttpsSource, tmp_path: Path) -> None:
    source.answer = partial(raw, data=head(f"Content-Length: {len(CONTENT)}") + CONTENT, pause_s=0.012)
    assert fetch(source, tmp_path, pace=Pace(window_s=0.6, window_bytes=2)) == CONTENT
    with pytest.raises(Terminal, match="source_timeout"):
        fetch(source, tmp_path, pace=Pace(total_s=0.1))


def test_a_source_that_says_nothing_is_left(source: HttpsSource, tmp_path: Path) -> None:
    over = threading.Event()

    def wait(_: BaseHTTPRequestHandler) -> None:
        over.wait(30)

    source.answer = wait
    with pytest.raises(Terminal, match="source_timeout"):
        fetch(source, tmp_path, pace=Pace(window_s=0.2))
    over.set()


def test_a_server_that_nobody_vouches_for_is_not_asked(source: HttpsSource, tmp_path: Path) -> None:
    with pytest.raises(Transient, match="source_unreachable"):
        download(source.url, tmp_path / "copy", limit_bytes=1, outbound=replace(source.outbound, tls=None))
    assert source.asked == {}


def test_a_server_that_is_not_there_is_tried_again(source: HttpsSource, tmp_path: Path) -> None:
    for names in ({HOST: [["::1"]]}, {}):
        source.network.names = names
        with pytest.raises(Transient, match="source_unreachable"):
            download(source.url, tmp_path / "copy", limit_bytes=1, outbound=replace(source.outbound, allows=lambda _: True))


@pytest.mark.parametrize("addresses", [[METADATA], [HERE, METADATA], [HERE, "10.0.0.1"], ["::ffff:127.0.0.1"], ["::1"]])
def test_a_name_that_leads_inside_is_blocked(source: HttpsSource, tmp_path: Path, addresses: list[str]) -> None:
    source.network.names[HOST] = [addresses]
    with pytest.raises(Terminal, match="source_blocked"):
        fetch(source, tmp_path)
    assert (source.connects, source.network.asked) == (0, [HOST])


@pytest.mark.parametrize(
    ("url", "code"),
    [
        *(
            (url, "invalid_source_url")
            for url in ("http://example.org/", "file:///etc/passwd", "//example.org/", "https://", "https://[::1/")
        ),
        *((f"https://{host}/", "source_blocked") for host in (METADATA, "2852039166", "[::ffff:a9fe:a9fe]", "localhost", "metadata")),
    ],
)
def test_a_url_that_says_enough_is_not_even_looked_up(source: HttpsSource, tmp_path: Path, url: str, code: str) -> None:
    with pytest.raises(Terminal, match=code):
        download(url, tmp_path / "copy", limit_bytes=1, outbound=source.outbound)
    assert source.network.asked == []


@pytest.mark.parametrize("host", ["xn--a.example.org", "xn--zzzzzz.example.org"])
def test_a_name_that_stands_for_no_characters_is_not_looked_up(source: HttpsSource, tmp_path: Path, host: str) -> None:
    with pytest.raises(Terminal, match="invalid_source_url"):
        download(f"https://{host}/", tmp_path / "copy", limit_bytes=1, outbound=source.outbound)
    assert source.network.asked == []


def test_an_import_reads_from_a_url_where_that_is_on(desk: Desk, source: HttpsSource) -> None:
    desk.tools = replace(desk.tools, outbound=source.outbound)
    with pytest.raises(Terminal, match="url_imports_off"):
        desk.run(desk.job(Kind.IMPORT, source={"url": source.url}))
    desk.tools = replace(desk.tools, url_imports=True)
    assert desk.run(desk.job(Kind.IMPORT, source={"url": source.url})).result["records_processed"] == 2
    assert desk.table().to_pydict() == {"id": [1, 2], "name": ["a", "b"]}


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (partial(say, body=b"<!DOCTYPE html><html><body>sign in</body></html>", Content_Type="text/html"), "format_mismatch"),
        (partial(say, body=CONTENT * 100), "source_too_large"),
    ],
)
def test_an_import_of_what_is_no_file_fails(desk: Desk, source: HttpsSource, answer: Answer, code: str) -> None:
    source.answer = answer
    desk.tools = replace(desk.tools, url_imports=True, outbound=source.outbound, limits=Limits(source_bytes=1000))
    with pytest.raises(Terminal, match=code):
        desk.run(desk.job(Kind.IMPORT, source={"url": source.url}, format="csv"))


def test_no_setting_leads_anywhere_else(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    assert settings.url_imports == "on"
    assert embedded_tools.build(settings).outbound == Outbound()

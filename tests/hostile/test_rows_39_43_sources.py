"""Rows 39 to 43: what a URL leads to turns out to be hostile. A job as a child process runs it, with a real server at the other end.

That server is on this machine, under a public name, and the network is one of the test's own: krai itself would not call it.
"""

import gzip
import time
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from krai import transitions
from krai.errors import KraiError, Terminal, Transient
from krai.job import Kind
from krai.outbound.pace import Pace
from krai.settings import Settings
from krai.transfer.download import download
from krai.transfer.tools import Limits
from tests.https_source import HERE, HOST, Answer, HttpsSource, say, serving
from tests.unit.transfer.desk import Desk

METADATA = "169.254.169.254"
SECRET = b"what only krai's own network can see"
ROWS = b"id,name\n1,a\n2,b\n"
LARGEST_BYTES = Settings().max_source_mb << 20
MAX_ATTEMPTS = 5


@pytest.fixture
def source() -> Iterator[HttpsSource]:
    with serving() as here:
        yield here


@pytest.fixture
def desk(tmp_path: Path, source: HttpsSource) -> Desk:
    """With a dataset of one row in it."""
    desk = Desk(tmp_path)
    desk.tools = replace(desk.tools, url_imports=True, outbound=source.outbound, limits=Limits(source_bytes=LARGEST_BYTES))
    desk.load(b"id,name\n0,before\n")
    return desk


def import_from(desk: Desk, source: HttpsSource) -> str:
    """The code of the failure that an import from there ends with; its dataset is as it was, and nothing of the source is told."""
    before = desk.table()
    with pytest.raises(KraiError) as failure:
        desk.run(desk.job(Kind.IMPORT, source={"url": source.url}, format="csv"))
    assert desk.table().equals(before)
    assert SECRET.decode() not in "".join(traceback.format_exception(failure.value))
    assert METADATA not in str(failure.value.to_doc())
    return failure.value.code


def raw(handler: BaseHTTPRequestHandler, *, head: Sequence[str] = (), body: bytes = b"") -> None:
    handler.wfile.write("\r\n".join(("HTTP/1.1 200 OK", *head, "", "")).encode() + body)


def no_http(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"SSH-2.0-" + SECRET + b"\r\n")


# -- row 39: names ----------------------------------------------------------------------------------------------------------


def test_39_a_name_that_moves_between_two_looks_is_looked_up_once(desk: Desk, source: HttpsSource) -> None:
    source.answer = partial(say, body=ROWS)
    source.network.names[HOST] = [[HERE], [METADATA]]
    assert desk.run(desk.job(Kind.IMPORT, source={"url": source.url})).result["records_processed"] == 2
    assert (source.network.asked, source.connects) == ([HOST], 1)
    assert import_from(desk, source) == "source_blocked"
    assert (source.network.asked, source.connects) == ([HOST, HOST], 1)


@pytest.mark.parametrize(
    "addresses",
    [[METADATA], [HERE, METADATA], [METADATA, HERE], [HERE, "::ffff:10.0.0.1"], [HERE, "fd20:ce::254"], ["2002:a9fe:a9fe::"], ["::1"]],
)
def test_39_one_address_inside_is_enough(desk: Desk, source: HttpsSource, addresses: list[str]) -> None:
    source.network.names[HOST] = [addresses]
    assert import_from(desk, source) == "source_blocked"
    assert (source.network.asked, source.connects) == ([HOST], 0)


# -- rows 40 to 43: answers -------------------------------------------------------------------------------------------------

PLACES = (f"https://{METADATA}/latest/meta-data", f"http://{METADATA}/", "//127.0.0.1/", "/file.csv", f"https://{HOST}/other.csv", "")
ANSWERS: dict[str, tuple[Answer, str]] = {
    **{
        f"40-{status}-{number}": (partial(say, status=status, body=SECRET, Location=place), "source_redirect")
        for status in (301, 302, 303, 307, 308)
        for number, place in enumerate(PLACES)
    },
    "41-gzip-twice": (
        partial(say, body=gzip.compress(gzip.compress(bytes(50 << 20))), Content_Encoding="gzip, gzip"),
        "source_encoding",
    ),
    **{f"41-{coding}": (partial(say, body=ROWS, Content_Encoding=coding), "source_encoding") for coding in ("gzip", "br", "zstd", "x")},
    "42-12-of-1000": (partial(say, body=ROWS[:12], length=1000), "source_truncated"),
    "42-no-length": (partial(raw, body=ROWS), "source_length_unknown"),
    "42-chunks": (partial(raw, head=["Transfer-Encoding: chunked"], body=b"2\r\nid\r\n0\r\n\r\n"), "source_length_unknown"),
    "42-two-lengths": (partial(raw, head=["Content-Length: 2", "Content-Length: 3"], body=b"abc"), "source_truncated"),
    "42-5000-digits": (partial(raw, head=[f"Content-Length: {'9' * 5000}"], body=ROWS), "source_truncated"),
    "42-no-http": (no_http, "source_truncated"),
    "42-a-byte-too-large": (partial(say, length=LARGEST_BYTES + 1), "source_too_large"),
    "43-a-page-to-sign-in-at": (
        partial(say, body=b"<!DOCTYPE html><html><body>" + SECRET + b"</body></html>", Content_Type="text/html"),
        "format_mismatch",
    ),
    "43-401": (partial(say, status=401, body=SECRET), "source_http_401"),
    "43-403": (partial(say, status=403, body=SECRET), "source_http_error"),
    "43-404": (partial(say, status=404, body=SECRET), "source_http_error"),
    "43-206": (partial(say, status=206, body=ROWS), "source_http_error"),
    "43-500": (partial(say, status=500, body=SECRET), "source_http_500"),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_hostile_source(desk: Desk, source: HttpsSource, name: str) -> None:
    source.answer, code = ANSWERS[name]
    assert import_from(desk, source) == code
    assert (source.network.asked, source.connects) == ([HOST], 1), "asked once"
    assert source.asked["accept-encoding"] == "identity"
    assert not {"authorization", "cookie", "x-api-key", "referer"} & source.asked.keys()


def test_42_a_byte_a_second_is_too_slow(source: HttpsSource, tmp_path: Path) -> None:
    """Here with a window of a third of a second; krai's own is half a minute."""

    def drip(handler: BaseHTTPRequestHandler) -> None:
        raw(handler, head=["Content-Length: 1000"])
        for _ in range(1000):
            handler.wfile.write(b"a")
            time.sleep(0.01)

    source.answer = drip
    began_s = time.monotonic()
    with pytest.raises(Terminal, match="source_timeout"):
        download(source.url, tmp_path / "copy", limit_bytes=1000, outbound=source.outbound, pace=Pace(window_s=0.3, window_bytes=1000))
    assert time.monotonic() - began_s < 5


def test_43_an_error_of_the_source_is_tried_again_and_named_at_the_end(desk: Desk) -> None:
    failure = Transient("source_http_500", "The source answered with status 500.")
    job = replace(desk.job(Kind.IMPORT), max_attempts=MAX_ATTEMPTS)
    ends = [transitions.give_up(replace(job, attempt=attempt), failure) for attempt in range(1, MAX_ATTEMPTS + 1)]
    assert ends[:-1] == [None] * (MAX_ATTEMPTS - 1)
    last = ends[-1]
    assert last is not None
    assert (last.code, f"attempt {MAX_ATTEMPTS}" in last.detail) == ("source_http_500", True)

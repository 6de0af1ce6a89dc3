"""Rows 39 to 43: what a URL leads to turns out to be hostile. Imports of a running krai, from servers under public names."""

import gzip
import hashlib
import time
from collections.abc import Sequence
from functools import partial
from http.server import BaseHTTPRequestHandler

import pytest

from krai.settings import Settings
from tests.acceptance.deployment import EMBEDDED_IN_THE_GATE
from tests.acceptance.krai_client import Json
from tests.hostile.conftest import ATTEMPTS
from tests.hostile.ground import Ground
from tests.hostile.internet import DOMAIN, PUBLIC, Internet
from tests.https_source import Answer, say

pytestmark = EMBEDDED_IN_THE_GATE

METADATA = "169.254.169.254"
SECRET = b"what-only-the-network-of-krai-can-see"
ROWS = b"id,name\n1,a\n2,b\n"
SHA256, OTHER_SHA256 = hashlib.sha256(ROWS).hexdigest(), "0" * 64
LARGEST_BYTES = Settings().max_source_mb << 20
DATASET = "outside"
TOO_SLOW_WITHIN_S = 45  # half a minute without 30 KiB is too slow


@pytest.fixture(scope="module")
def shared_ground(connected_ground: Ground) -> Ground:
    """With a dataset of one row in it."""
    for secret in (SECRET.decode(), METADATA):
        connected_ground.keep_secret(secret)
    connected_ground.admin.import_(dataset=DATASET, source={"records": [{"id": 0, "name": "before"}]})
    return connected_ground


def import_from(ground: Ground, internet: Internet, host: str, **request: str) -> Json:
    """How an import from there ends; if it fails, its dataset is as it was."""
    before = ground.admin.dataset(DATASET)
    job_id = ground.admin.submit_import(dataset=DATASET, source={"url": internet.url(host)}, format="csv", **request)
    status = ground.admin.wait_until_finished(job_id)["status"]
    job: Json = ground.call(ground.admin, "GET", f"/api/v1/jobs/{job_id}").json()
    assert (ground.admin.dataset(DATASET) == before) == (status == "FAILED")
    return job


def code(job: Json) -> str | None:
    """Why it failed."""
    return None if job["error"] is None else str(job["error"]["code"])


def raw(handler: BaseHTTPRequestHandler, *, head: Sequence[str] = (), body: bytes = b"") -> None:
    handler.wfile.write("\r\n".join(("HTTP/1.1 200 OK", *head, "", "")).encode() + body)


def no_http(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"SSH-2.0-" + SECRET + b"\r\n")


def here(handler: BaseHTTPRequestHandler) -> None:
    """Lead to this very server by another address of it."""
    say(handler, status=302, Location=f"//127.0.0.1:{handler.connection.getsockname()[1]}/")


def drip(handler: BaseHTTPRequestHandler) -> None:
    raw(handler, head=["Content-Length: 1000"])
    for _ in range(1000):
        handler.wfile.write(b"a")
        time.sleep(1)


@pytest.fixture(scope="module", autouse=True)
def slow(mode: str, shared_ground: Ground, internet: Internet) -> str | None:
    """The id of an import that goes on beside all others, from a source that sends a byte a second. A child is the same in both modes."""
    url = internet.url(internet.host("drip", drip))
    return shared_ground.admin.submit_import(dataset="slow", source={"url": url}) if mode == "embedded" else None


# -- row 39: names ----------------------------------------------------------------------------------------------------------


def test_39_a_name_that_moves_between_two_looks_is_looked_up_once(ground: Ground, internet: Internet) -> None:
    host = internet.host("moves", partial(say, body=ROWS), [PUBLIC], [METADATA])
    assert import_from(ground, internet, host)["records_processed"] == 2
    assert (internet.looks(host), internet.asked[host]) == (1, 1)
    assert code(import_from(ground, internet, host)) == "source_blocked"
    assert (internet.looks(host), internet.asked[host]) == (2, 1)
    internet.holds()


INSIDE = {
    "link-local": [METADATA],
    "second": [PUBLIC, METADATA],
    "first": [METADATA, PUBLIC],
    "mapped": [PUBLIC, "::ffff:10.0.0.1"],
    "unique-local": [PUBLIC, "fd20:ce::254"],
    "6to4": ["2002:a9fe:a9fe::"],
    "here": ["127.0.0.1"],
    "here-too": ["::1"],
}


@pytest.mark.parametrize("name", INSIDE)
def test_39_one_address_inside_is_enough(ground: Ground, internet: Internet, name: str) -> None:
    host = internet.host(f"inside-{name}", partial(say, body=ROWS), INSIDE[name])
    assert code(import_from(ground, internet, host)) == "source_blocked"
    assert (internet.looks(host), internet.asked[host]) == (1, 0)
    internet.holds()


# -- rows 40 to 43: answers -------------------------------------------------------------------------------------------------

PLACES = (f"http://{METADATA}/", "//127.0.0.1/", "/file.csv", f"https://other.{DOMAIN}/", "")
ANSWERS: dict[str, tuple[Answer, str]] = {
    **{
        f"40-{status}": (partial(say, status=status, body=SECRET, Location=f"https://{METADATA}/latest/meta-data"), "source_redirect")
        for status in (301, 302, 303, 307, 308)
    },
    **{f"40-to-{number}": (partial(say, status=302, Location=place), "source_redirect") for number, place in enumerate(PLACES)},
    "40-to-here": (here, "source_redirect"),
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
}


@pytest.mark.parametrize("name", ANSWERS)
def test_hostile_source(ground: Ground, internet: Internet, name: str) -> None:
    answer, expected = ANSWERS[name]
    host = internet.host(name, answer)
    job = import_from(ground, internet, host)
    assert (code(job), job["attempt"]) == (expected, 1)
    assert (internet.looks(host), internet.asked[host]) == (1, 1), "asked once"
    internet.holds()


def test_42_a_source_without_a_length_is_told_whole_by_its_digest(ground: Ground, internet: Internet) -> None:
    host = internet.host("digest", partial(raw, body=ROWS))
    assert code(import_from(ground, internet, host, sha256=OTHER_SHA256)) == "upload_mismatch"
    assert import_from(ground, internet, host, sha256=SHA256)["records_processed"] == 2


def test_43_an_error_of_the_source_is_tried_again_and_named_at_the_end(ground: Ground, internet: Internet) -> None:
    host, attempts = internet.host("fails", partial(say, status=500, body=SECRET)), int(ATTEMPTS["KRAI_MAX_ATTEMPTS"])
    job = import_from(ground, internet, host)
    assert (code(job), job["attempt"]) == ("source_http_500", attempts)
    assert f"attempt {attempts}" in job["error"]["detail"]
    assert (internet.looks(host), internet.asked[host]) == (attempts, attempts)


def test_43_what_krai_says_to_a_source_is_nobodys_secret(ground: Ground, internet: Internet) -> None:
    host = internet.host("listens", partial(say, body=ROWS))
    assert import_from(ground, internet, host)["records_processed"] == 2
    asked = internet.server.asked
    assert (asked["host"], asked["accept-encoding"]) == (f"{host}:{internet.server.port}", "identity")
    assert not {"authorization", "cookie", "x-api-key", "referer"} & asked.keys()


# Last, for it takes longest.
def test_42_a_byte_a_second_is_too_slow(ground: Ground, slow: str | None) -> None:
    if slow is not None:
        job = ground.admin.wait_until_finished(slow, within_s=TOO_SLOW_WITHIN_S)
        assert (code(job), job["attempt"]) == ("source_timeout", 1)
        assert ground.admin.http.get("/api/v1/datasets/slow").status_code == 404

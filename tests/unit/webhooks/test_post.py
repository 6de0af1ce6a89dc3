"""One call of a receiver, a real server on this machine: what it may answer, and what is never asked."""

import socket
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import partial
from http.server import BaseHTTPRequestHandler

import pytest

from krai.outbound.connect import Outbound
from krai.webhooks.callbacks import Answer
from krai.webhooks.post import READ_BYTES, post
from tests.https_source import HERE, HOST, HttpsSource, say

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
METADATA = "169.254.169.254"


def call(source: HttpsSource, *, url: str | None = None, outbound: Outbound | None = None, total_s: float = 5) -> Answer:
    return post(url or source.url, b'{"a":1}', {"webhook-id": "msg_1"}, outbound=outbound or source.outbound, now=NOW, total_s=total_s)


def test_a_receiver_is_sent_the_body_and_its_headers(source: HttpsSource) -> None:
    source.answer = partial(say, status=204)
    assert call(source) == Answer(status=204)
    assert source.sent == b'{"a":1}'
    assert (source.asked["webhook-id"], source.asked["accept-encoding"], source.asked["user-agent"]) == ("msg_1", "identity", "krai")


@pytest.mark.parametrize("status", [400, 401, 404, 410, 429, 500, 503])
def test_whatever_is_not_2xx_is_a_failure(source: HttpsSource, status: int) -> None:
    source.answer = partial(say, status=status)
    assert call(source) == Answer(status=status, error="webhook_http_error")


@pytest.mark.parametrize("to", [f"https://{METADATA}/", "//127.0.0.1/", "https://other.example.org/"])
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_a_failure_and_not_followed(source: HttpsSource, status: int, to: str) -> None:
    source.answer = partial(say, status=status, Location=to)
    assert call(source) == Answer(status=status, error="webhook_redirect")
    assert (source.connects, source.network.asked) == (1, [HOST])


@pytest.mark.parametrize(
    ("said", "wait_s"),
    [
        ("120", 120),
        (format_datetime(NOW + timedelta(hours=1), usegmt=True), 3600),
        (format_datetime(NOW - timedelta(hours=1), usegmt=True), 0),
        *((nonsense, 0) for nonsense in ("-1", "soon", "1e9", "٣", "Wed, 99 Foo 2026 00:00:00 GMT", "")),
        ("9" * 40, 999_999_999),
    ],
)
def test_a_receiver_may_say_when_to_come_again(source: HttpsSource, said: str, wait_s: float) -> None:
    source.answer = partial(say, status=503, Retry_After=said.encode().decode("latin-1"))
    assert call(source) == Answer(status=503, error="webhook_http_error", retry_after_s=wait_s)


def test_no_more_than_the_beginning_of_an_answer_is_read(source: HttpsSource) -> None:
    written_bytes, over = [], threading.Event()

    def talk(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        try:
            while True:
                written_bytes.append(handler.wfile.write(b"x" * READ_BYTES))
        finally:
            over.set()

    source.answer = talk
    started_s = time.monotonic()
    assert call(source, total_s=20) == Answer(status=200)
    assert time.monotonic() - started_s < 10
    assert over.wait(10), "the connection is closed"
    assert sum(written_bytes) < 10 << 20


def test_an_answer_that_breaks_off_after_its_status_counts(source: HttpsSource) -> None:
    source.answer = partial(say, status=200, body=b"a", length=100)
    assert call(source) == Answer(status=200)


@pytest.mark.parametrize("word", [b"", b"HTTP/1.1 200 OK\r\nX: "])
def test_who_does_not_answer_is_left_in_time(source: HttpsSource, word: bytes) -> None:
    over = threading.Event()

    def wait(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(word)
        over.wait(30)

    source.answer = wait
    started_s = time.monotonic()
    assert call(source, total_s=0.3) == Answer(error="webhook_timeout")
    assert time.monotonic() - started_s < 5
    over.set()


def test_who_does_not_shake_hands_is_left_in_time(source: HttpsSource) -> None:
    with socket.create_server((HERE, 0)) as silent:
        started_s = time.monotonic()
        assert call(source, url=f"https://{HOST}:{silent.getsockname()[1]}/", total_s=0.3) == Answer(error="webhook_timeout")
        assert time.monotonic() - started_s < 5


def test_the_resolver_has_no_more_time_than_all_of_it(source: HttpsSource) -> None:
    def hang(_: str, timeout_s: float) -> Sequence[str]:
        assert timeout_s <= 0.3
        raise TimeoutError

    assert call(source, outbound=replace(source.outbound, resolve=hang), total_s=0.3) == Answer(error="webhook_timeout")


@pytest.mark.parametrize("addresses", [[METADATA], [HERE, METADATA], ["10.0.0.1"]])
def test_a_name_that_has_come_to_mean_a_private_address_is_not_called(source: HttpsSource, addresses: list[str]) -> None:
    source.network.names[HOST] = [addresses]
    assert call(source) == Answer(error="webhook_blocked")
    assert (source.connects, source.network.asked) == (0, [HOST])


@pytest.mark.parametrize("url", ["https://127.0.0.1/", "http://files.example.org/", "https://localhost/", "https://u:p@files.example.org/"])
def test_what_is_no_url_to_call_is_not_called(source: HttpsSource, url: str) -> None:
    assert call(source, url=url) == Answer(error="webhook_blocked")
    assert (source.connects, source.network.asked) == (0, [])


def test_a_name_that_stands_for_no_characters_is_no_defect(source: HttpsSource) -> None:
    assert call(source, url="https://xn--a.example.org/").error in {"webhook_blocked", "webhook_unreachable"}


def test_nobody_answers_or_somebody_else_does(source: HttpsSource) -> None:
    source.network.names["other.example.org"] = [[HERE]]
    assert call(source, url=f"https://other.example.org:{source.port}/") == Answer(error="webhook_unreachable")
    source.network.names.clear()
    assert call(source) == Answer(error="webhook_unreachable")

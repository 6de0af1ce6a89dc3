"""The way out, to a real server: which address is connected to, and what is never asked."""

import socket
import threading
import time
from dataclasses import replace
from http.server import BaseHTTPRequestHandler

import httpx
import pytest

from krai.outbound.addresses import NotPublic, is_public
from krai.outbound.connect import Outbound
from krai.outbound.pace import Pace
from tests.https_source import CONTENT, HERE, HOST, HttpsSource, say

METADATA = "169.254.169.254"


def get(source: HttpsSource, outbound: Outbound | None = None) -> httpx.Response:
    with (outbound or source.outbound).client(Pace()) as client:
        return client.get(source.url)


def test_a_source_is_reached_by_its_name(source: HttpsSource) -> None:
    answer = get(source)
    assert (answer.status_code, answer.content) == (200, CONTENT)
    assert (source.asked["host"], source.asked["user-agent"]) == (f"{HOST}:{source.port}", "krai")


def test_a_name_that_moves_to_a_private_address_is_looked_up_once(source: HttpsSource) -> None:
    # The metadata address cannot be connected to either: a test that leaves this machine fails.
    source.network.names[HOST] = [[HERE], [METADATA]]
    assert get(source).content == CONTENT
    assert (source.network.asked, source.connects) == ([HOST], 1)
    with pytest.raises(NotPublic):
        get(source)
    assert (source.network.asked, source.connects) == ([HOST, HOST], 1)


@pytest.mark.parametrize(
    "addresses", [[METADATA], [HERE, METADATA], [METADATA, HERE], [HERE, "::ffff:10.0.0.1"], [HERE, "fd20:ce::254"], [HERE, "fe80::1%lo"]]
)
def test_one_address_that_is_not_public_is_one_too_many(source: HttpsSource, addresses: list[str]) -> None:
    source.network.names[HOST] = [addresses]
    with pytest.raises(NotPublic):
        get(source)
    assert (source.network.asked, source.connects) == ([HOST], 0)


def test_nothing_on_this_machine_is_reached_by_default(source: HttpsSource) -> None:
    assert Outbound().allows is is_public
    with pytest.raises(NotPublic):
        get(source, Outbound(resolve=source.network.resolve, tls=source.trust))
    assert source.connects == 0


def test_the_next_address_is_tried_where_one_does_not_answer(source: HttpsSource) -> None:
    source.network.names[HOST] = [["::1", HERE]]
    outbound = replace(source.outbound, allows=lambda _: True)
    assert get(source, outbound).content == CONTENT
    assert source.connects == 1


@pytest.mark.parametrize("addresses", [[], ["::1"]])
def test_a_name_whose_addresses_do_not_answer_is_no_connection(source: HttpsSource, addresses: list[str]) -> None:
    source.network.names[HOST] = [addresses]
    with pytest.raises(httpx.ConnectError):
        get(source, replace(source.outbound, allows=lambda _: True))


def test_a_resolver_that_fails_or_hangs_is_no_connection(source: HttpsSource) -> None:
    source.network.names.clear()
    with pytest.raises(httpx.ConnectError):
        get(source)

    def hang(_host: str, timeout_s: float) -> list[str]:
        assert 0 < timeout_s <= 10
        raise TimeoutError

    with pytest.raises(httpx.ConnectTimeout):
        get(source, replace(source.outbound, resolve=hang))


def test_a_certificate_for_another_name_is_not_believed(source: HttpsSource) -> None:
    source.network.names["other.example.org"] = [[HERE]]
    with source.outbound.client(Pace()) as client, pytest.raises(httpx.ConnectError):
        client.get(f"https://other.example.org:{source.port}/")
    assert source.asked == {}


def test_a_proxy_of_the_environment_is_not_used(source: HttpsSource, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server((HERE, 0)) as proxy:
        for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "HTTP_PROXY"):
            monkeypatch.setenv(name, f"http://{HERE}:{proxy.getsockname()[1]}")
        assert get(source).content == CONTENT
        proxy.settimeout(0)
        with pytest.raises(BlockingIOError):
            proxy.accept()


def test_a_connection_serves_one_request(source: HttpsSource) -> None:
    def stay(handler: BaseHTTPRequestHandler) -> None:
        handler.protocol_version = "HTTP/1.1"
        handler.close_connection = False
        say(handler)

    source.answer = stay
    with source.outbound.client(Pace()) as client:
        assert [client.get(source.url).status_code for _ in range(2)] == [200, 200]
    assert source.connects == 2


def test_all_of_a_request_has_its_time(source: HttpsSource) -> None:
    over = threading.Event()

    def wait(_: BaseHTTPRequestHandler) -> None:
        over.wait(30)

    source.answer = wait
    started_s = time.monotonic()
    with source.outbound.client(Pace(total_s=0.2)) as client, pytest.raises(httpx.ReadTimeout):
        client.get(source.url)
    assert time.monotonic() - started_s < 5
    over.set()

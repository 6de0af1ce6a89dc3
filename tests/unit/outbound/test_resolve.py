import socket
import threading
from collections.abc import Callable
from typing import Any

import pytest

from krai.outbound.resolve import resolve

Resolver = Callable[..., list[Any]]


@pytest.fixture
def system(monkeypatch: pytest.MonkeyPatch) -> Callable[[Resolver], None]:
    """Puts another resolver in the place of the system's, which would ask the network."""
    return lambda resolver: monkeypatch.setattr(socket, "getaddrinfo", resolver)


def test_a_name_is_asked_for_once_as_it_is_and_every_address_told(system: Callable[[Resolver], None]) -> None:
    asked: list[str] = []

    def answer(host: str, _port: None, **_: Any) -> list[Any]:
        asked.append(host)
        return [(0, 0, 0, "", (address, 0)) for address in ("2606:4700::1", "1.1.1.1", "2606:4700::1")]

    system(answer)
    assert resolve("example.org", 5) == ["2606:4700::1", "1.1.1.1"]
    assert asked == ["example.org."]


@pytest.mark.parametrize("error", [socket.gaierror(-2, "unknown"), UnicodeError("label too long")])
def test_a_name_that_has_no_address_is_an_error_of_the_system(system: Callable[[Resolver], None], error: Exception) -> None:
    def fail(*_: Any, **__: Any) -> list[Any]:
        raise error

    system(fail)
    with pytest.raises(OSError, match=r"unknown|no such name"):
        resolve("example.org", 5)


def test_a_resolver_that_says_nothing_is_not_waited_for(system: Callable[[Resolver], None]) -> None:
    over = threading.Event()

    def wait(*_: Any, **__: Any) -> list[Any]:
        over.wait(30)
        return []

    system(wait)
    with pytest.raises(TimeoutError):
        resolve("example.org", 0.05)
    over.set()

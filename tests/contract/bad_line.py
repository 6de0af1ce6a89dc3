"""A line to a server on which something happens at a chosen request: others are faster, or it is lost, or its answer."""

import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Literal, Self

_ANSWER_BYTES = 40  # frames that only keep a connection going are shorter, also all kinds of them together
_ANSWERED_WITHIN_S = 10


@dataclass(frozen=True, kw_only=True)
class Event:
    """Happens to the piece of data that holds `marker`, after `skip` others that do."""

    marker: bytes
    skip: int
    loses: Literal["request", "answer"] | None
    before: Callable[[], object]
    after: Callable[[], object]


def nothing() -> None:
    """What happens besides."""


class BadLine:
    """A proxy on a port of its own; `happened` is set when the chosen request has met its fate."""

    def __init__(self, server: str) -> None:
        host, _, port = server.rpartition(":")
        self._server = (host, int(port))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._event: Event | None = None
        self.happened = threading.Event()
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self._listener.getsockname()[1]}"

    def at(
        self,
        marker: bytes,
        *,
        loses: Literal["request", "answer"] | None = None,
        skip: int = 0,
        before: Callable[[], object] = nothing,
        after: Callable[[], object] = nothing,
    ) -> None:
        """Do `before` and `after` around the next request that holds `marker`, and lose it, or its answer, or nothing."""
        self._event = Event(marker=marker, skip=skip, loses=loses, before=before, after=after)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, socket.create_connection(self._server) as server, suppress(OSError):
            answers = _Answers(server, client)
            while data := client.recv(1 << 16):
                event = self._event_at(data)
                if event is None:
                    server.sendall(data)
                    continue
                event.before()
                if event.loses == "answer":
                    answers.begin_to_swallow()
                if event.loses != "request":
                    server.sendall(data)
                if event.loses == "answer":
                    answers.wait()
                event.after()
                self.happened.set()
                if event.loses is not None:
                    client.shutdown(socket.SHUT_RDWR)
                    return

    def _event_at(self, data: bytes) -> Event | None:
        event = self._event
        if event is None or event.marker not in data:
            return None
        self._event = replace(event, skip=event.skip - 1) if event.skip else None
        return None if event.skip else event


class _Answers:
    """What the server says, passed on until an answer is to be lost."""

    def __init__(self, server: socket.socket, client: socket.socket) -> None:
        self._server = server
        self._client = client
        self._swallowing = False
        self._swallowed = 0
        threading.Thread(target=self._pass_on, daemon=True).start()

    def begin_to_swallow(self) -> None:
        self._swallowing = True

    def wait(self) -> None:
        """Until an answer has been swallowed, so that the server has done what it was asked for."""
        deadline = time.monotonic() + _ANSWERED_WITHIN_S
        while self._swallowed < _ANSWER_BYTES:
            assert time.monotonic() < deadline, "the server gives no answer"
            time.sleep(0.01)

    def _pass_on(self) -> None:
        with suppress(OSError):
            while data := self._server.recv(1 << 16):
                if self._swallowing:
                    self._swallowed += len(data)
                else:
                    self._client.sendall(data)
            self._client.shutdown(socket.SHUT_RDWR)

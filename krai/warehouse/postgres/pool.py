"""Connections that are kept for the next one who needs them."""

import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Generic, Protocol, TypeVar

_TRUSTED_S = 1.0


class Closeable(Protocol):
    def close(self) -> None: ...


C = TypeVar("C", bound=Closeable)


class Pool(Generic[C]):
    """Each connection is one thread's at a time. `alive` raises when a connection that was idle for a while has broken meanwhile."""

    def __init__(self, connect: Callable[[], C], alive: Callable[[C], object], broken: type[Exception]) -> None:
        self._connect = connect
        self._alive = alive
        self._broken = broken
        self._idle: list[tuple[C, float]] = []
        self._lock = threading.Lock()
        weakref.finalize(self, _close_all, self._idle, broken)

    @contextmanager
    def take(self) -> Iterator[C]:
        connection = self._idle_one() or self._connect()
        try:
            yield connection
        except BaseException:
            # Whatever state it is in, nobody else shall find out.
            self._close(connection)
            raise
        with self._lock:
            self._idle.append((connection, time.monotonic()))

    def _idle_one(self) -> C | None:
        while True:
            with self._lock:
                if not self._idle:
                    return None
                connection, since = self._idle.pop()
            if time.monotonic() - since < _TRUSTED_S:
                return connection
            try:
                self._alive(connection)
            except self._broken:
                self._close(connection)
            else:
                return connection

    def _close(self, connection: C) -> None:
        with suppress(self._broken):
            connection.close()


def _close_all(idle: list[tuple[C, float]], broken: type[Exception]) -> None:
    for connection, _ in idle:
        with suppress(broken):
            connection.close()

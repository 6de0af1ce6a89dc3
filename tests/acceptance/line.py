"""A bad line between krai and a store: slow, silent, refusing, or broken in the middle. Knows nothing of what passes but its bytes."""

import socket
import threading
import time
from contextlib import suppress
from typing import Self

PIECE_BYTES = 16 << 10
ANSWER_BYTES = 40  # the frames of HTTP/2 that are no answer are shorter, also all of them together
UNAVAILABLE = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class Line:
    """Listens on a port of its own and passes everything on to `server` (host:port), until told otherwise.

    `faults` counts how often it has done what it was told.
    """

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self.server = ""
        self.faults = 0
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._passing = threading.Event()
        self.mend()

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()
        self.mend()
        self.cut()

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    def mend(self) -> None:
        """From now on everything passes."""
        self._bytes_per_s: float | None = None
        self._refusals = 0
        self._breaks = 0
        self._break_after_bytes = 0
        self._lost: bytes | None = None
        self._stall_when_lost = False
        self._passing.set()

    def cut(self) -> None:
        """Every connection ends; new ones are taken."""
        for end in list(self._open):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def slow(self, bytes_per_s: float) -> None:
        """Each connection takes its time, in each direction."""
        self._bytes_per_s = bytes_per_s

    def stall(self) -> None:
        """Nothing passes, and nobody is told."""
        self.faults += 1
        self._passing.clear()

    def refuse(self, times: int) -> None:
        """The next requests are answered 503 (HTTP) and do not arrive."""
        self._refusals = times

    def break_off(self, times: int, *, after_bytes: int) -> None:
        """The next connections that carry so many bytes in one direction end there."""
        self._break_after_bytes = after_bytes
        self._breaks = times

    def lose_answer(self, marker: bytes, *, then_stall: bool = False) -> None:
        """The next request that holds `marker` arrives; its answer does not, and the connection ends. Or all of them stall."""
        self._lost = marker
        self._stall_when_lost = then_stall

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        host, _, port = self.server.rpartition(":")
        with client, suppress(OSError), socket.create_connection((host, int(port))) as server:
            self._open |= {client, server}
            _Connection(self, client, server).run()
            self._open -= {client, server}

    def spend(self, fault: str) -> bool:
        """True when one more of the faults that are counted beforehand is due."""
        with self._lock:
            left: int = getattr(self, fault)
            setattr(self, fault, max(0, left - 1))
            self.faults += left > 0
            return left > 0

    def pass_on(self, data: bytes, target: socket.socket) -> None:
        self._passing.wait()
        if self._bytes_per_s is not None:
            self.faults += 1
            time.sleep(len(data) / self._bytes_per_s)
        target.sendall(data)

    def breaks_at(self, carried_bytes: int) -> bool:
        return self._breaks > 0 and carried_bytes >= self._break_after_bytes and self.spend("_breaks")

    def loses_answer_to(self, data: bytes) -> bool:
        with self._lock:
            if self._lost is None or self._lost not in data:
                return False
            self._lost = None
            return True

    def answer_was_lost(self) -> None:
        self.faults += 1
        if self._stall_when_lost:
            self._passing.clear()


class _Connection:
    """Both directions of one connection; either end closes both."""

    def __init__(self, line: Line, client: socket.socket, server: socket.socket) -> None:
        self._line = line
        self._client = client
        self._server = server
        self._answer_lost = False
        self._swallowed_bytes = 0

    def run(self) -> None:
        answers = threading.Thread(target=self._carry, args=(self._server, self._client), daemon=True)
        answers.start()
        self._carry(self._client, self._server)
        answers.join()

    def _carry(self, source: socket.socket, target: socket.socket) -> None:
        asks, carried_bytes = source is self._client, 0
        with suppress(OSError):
            while data := source.recv(PIECE_BYTES):
                if asks and self._line.spend("_refusals"):
                    self._client.sendall(UNAVAILABLE)
                    break
                if not asks and self._answer_lost:
                    self._swallowed_bytes += len(data)
                    if self._swallowed_bytes < ANSWER_BYTES:
                        continue
                    self._line.answer_was_lost()
                    break
                self._answer_lost |= asks and self._line.loses_answer_to(data)
                self._line.pass_on(data, target)
                carried_bytes += len(data)
                if self._line.breaks_at(carried_bytes):
                    break
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

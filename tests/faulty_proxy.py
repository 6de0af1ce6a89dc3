"""A proxy in front of a server, for tests of what happens when the network or the server fails in the middle of something.

with FaultyProxy(server) as proxy:                    # any TCP: one fault is for one connection
with FaultyProxy(server, http=True) as proxy:         # HTTP/1.1: one fault is for one request
    proxy.fail(Fault(answered=0), only="^POST")       # the next POST is carried out, but its answer is lost
    proxy.hold()                                      # from now on nothing passes, in either direction, until release()
    proxy.cut()                                       # all connections there are break (RST)
"""

import re
import select
import socket
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

BLOCK = 1 << 16
LOOK_EVERY_S = 0.02
RESET = struct.pack("ii", 1, 0)  # close() with this as SO_LINGER sends RST


@dataclass(frozen=True)
class Fault:
    """What happens to a connection or request: once it wants more than this to pass, it breaks (RST).

    `sent` counts the bytes towards the server, `answered` those back, HTTP heads included; so `answered=0` lets the server do what it
    was asked, and loses the answer. `hangs`: nothing passes any more instead, and nobody is told.
    """

    sent: int | None = None
    answered: int | None = None
    hangs: bool = False
    status: int | None = None  # with HTTP: answered by the proxy itself, the server hears nothing


class FaultyProxy:
    """`target` is host:port. `delay_s` holds up every 64 KiB; `drop_answers` lets nothing back, on all connections."""

    def __init__(self, target: str, *, http: bool = False) -> None:
        host, _, port = target.rpartition(":")
        self._target = (host, int(port))
        self._http = http
        self._faults: list[tuple[re.Pattern[str], Fault]] = []
        self._lock = threading.Lock()
        self._cuts = 0
        self._held = False
        self._closed = False
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.delay_s = 0.0
        self.drop_answers = False
        self.requests: list[str] = []  # with HTTP: method and target of all that came
        self.heads: list[str] = []  # the same with their headers
        self.connections = 0

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self._listener.getsockname()[1]}"

    def fail(self, *faults: Fault, only: str = "") -> None:
        """Each fault happens once, to the next connection, or to the next request whose `METHOD target` matches `only`."""
        with self._lock:
            self._faults += [(re.compile(only), fault) for fault in faults]

    def mend(self) -> None:
        """Forget the faults that have not happened."""
        with self._lock:
            self._faults.clear()

    @property
    def failed(self) -> bool:
        """Whether every fault has happened."""
        return not self._faults

    def hold(self) -> None:
        self._held = True

    def release(self) -> None:
        self._held = False

    def cut(self) -> None:
        self._cuts += 1

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closed = True
        self._listener.close()

    def _accept(self) -> None:
        while not self._closed:
            ready, _, _ = select.select([self._listener], [], [], LOOK_EVERY_S) if self._listener.fileno() >= 0 else ([], [], [])
            if not ready:
                continue
            try:
                client, _ = self._listener.accept()
            except OSError:
                return  # closed in this moment
            self.connections += 1
            threading.Thread(target=self._serve, args=(client, self._cuts), daemon=True).start()

    def _serve(self, client: socket.socket, cuts: int) -> None:
        server: socket.socket | None = None
        try:
            head = _head(client) if self._http else b""
            if self._http and not head:
                return
            fault = self._fault_of(head)
            if fault.status is not None:
                _answer(client, head, fault.status)
                return
            server = socket.create_connection(self._target)
            _Relay(client, server, fault).run(_one_request(head), lambda: self._may_pass(cuts), self)
        except OSError:
            pass  # one of the two has gone, and so does the other
        finally:
            client.close()
            if server is not None:
                server.close()

    def _fault_of(self, head: bytes) -> Fault:
        request = head.partition(b" HTTP/")[0].decode("latin-1")
        with self._lock:
            if self._http:
                self.requests.append(request)
                self.heads.append(head.partition(b"\r\n\r\n")[0].decode("latin-1"))
            for entry in self._faults:
                if entry[0].search(request):
                    self._faults.remove(entry)
                    return entry[1]
        return Fault()

    def _may_pass(self, cuts: int) -> bool:
        """Raises ConnectionResetError for a connection that is to break."""
        if self._closed or self._cuts != cuts:
            raise ConnectionResetError
        return not self._held


@dataclass
class _Relay:
    """One connection, and what of it has passed."""

    client: socket.socket
    server: socket.socket
    fault: Fault
    sent: int = 0
    answered: int = 0

    def run(self, head: bytes, may_pass: Callable[[], bool], proxy: FaultyProxy) -> None:
        open_sides = {self.client, self.server}
        try:
            self._forward(head, self.client)
            while open_sides:
                if not may_pass():
                    time.sleep(LOOK_EVERY_S)
                    continue
                for side in select.select(list(open_sides), [], [], LOOK_EVERY_S)[0]:
                    data = side.recv(BLOCK)
                    time.sleep(proxy.delay_s)
                    if not data:
                        open_sides.remove(side)
                        self._other(side).shutdown(socket.SHUT_WR)
                    elif not (proxy.drop_answers and side is self.server):
                        self._forward(data, side)
        except _HangsError:
            while True:
                may_pass()
                time.sleep(LOOK_EVERY_S)
        except OSError:
            for side in (self.client, self.server):
                side.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            raise

    def _forward(self, data: bytes, side: socket.socket) -> None:
        most, passed = (self.fault.sent, self.sent) if side is self.client else (self.fault.answered, self.answered)
        passes = data if most is None else data[: most - passed]
        if passes:
            self._other(side).sendall(passes)
        if side is self.client:
            self.sent += len(passes)
        else:
            self.answered += len(passes)
        if len(passes) < len(data):
            raise _HangsError if self.fault.hangs else ConnectionResetError

    def _other(self, side: socket.socket) -> socket.socket:
        return self.server if side is self.client else self.client


class _HangsError(Exception):
    """Nothing passes any more."""


def _head(client: socket.socket) -> bytes:
    """What has come up to the end of the request's head, perhaps with the beginning of its body; nothing when the client has gone."""
    head = b""
    while b"\r\n\r\n" not in head:
        data = client.recv(BLOCK)
        if not data:
            return b""
        head += data
    return head


def _one_request(head: bytes) -> bytes:
    """The request with `Connection: close`, so that each one comes on a connection of its own."""
    lines, end, body = head.partition(b"\r\n\r\n")
    kept = [line for line in lines.split(b"\r\n") if not line.lower().startswith(b"connection:")]
    return b"\r\n".join([*kept, b"Connection: close"]) + end + body if head else b""


def _answer(client: socket.socket, head: bytes, status: int) -> None:
    """After the whole request has come: a client that is still sending would see a broken connection instead."""
    found = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
    missing = (int(found[1]) if found else 0) - len(head.partition(b"\r\n\r\n")[2])
    while missing > 0 and (data := client.recv(BLOCK)):
        missing -= len(data)
    client.sendall(
        f"HTTP/1.1 {status} Fault\r\nContent-Length: 2\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n{{}}".encode()
    )

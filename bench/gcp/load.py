"""A client that costs a server's machine next to nothing: requests are bytes made beforehand, answers are not read beyond their length."""

import asyncio
import json
import re
import time
from dataclasses import dataclass
from typing import Any

from bench.gcp.house import KEY

LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")
WARM_UP_S = 1.0


def post(path: str, body: Any) -> bytes:
    content = json.dumps(body).encode()
    head = f"POST {path} HTTP/1.1\r\nhost: localhost\r\nx-api-key: {KEY}\r\ncontent-type: application/json\r\n"
    return f"{head}content-length: {len(content)}\r\n\r\n".encode() + content


@dataclass(slots=True)
class Connection:
    """One kept-alive HTTP/1.1 connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    @classmethod
    async def open(cls, port: int) -> "Connection":
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    async def ask(self, request: bytes) -> None:
        """Raises RuntimeError when the answer is no success."""
        self.writer.write(request)
        head = await self.reader.readuntil(b"\r\n\r\n")
        length = LENGTH.search(head)
        body = await self.reader.readexactly(int(length[1]) if length else 0)
        if not head.startswith(b"HTTP/1.1 2"):
            message = f"the server answered {head[:30]!r} {body[:500]!r}"
            raise RuntimeError(message)


async def rate(port: int, request: bytes, *, clients: int, for_s: float) -> float:
    """Answers a second to so many clients, each of which sends its next request when it has the answer to its last."""
    connections = [await Connection.open(port) for _ in range(clients)]
    await _drive(connections, request, WARM_UP_S)
    began = time.perf_counter()
    answered = await _drive(connections, request, for_s)
    took_s = time.perf_counter() - began
    for connection in connections:
        connection.writer.close()
    return answered / took_s


async def send(port: int, request: bytes, *, clients: int, count: int) -> None:
    """Send the request `count` times, by so many clients."""
    left = iter(range(count))

    async def one() -> None:
        connection = await Connection.open(port)
        for _ in left:
            await connection.ask(request)
        connection.writer.close()

    await asyncio.gather(*(one() for _ in range(clients)))


async def _drive(connections: list[Connection], request: bytes, for_s: float) -> int:
    until = time.perf_counter() + for_s

    async def one(connection: Connection) -> int:
        answered = 0
        while time.perf_counter() < until:
            await connection.ask(request)
            answered += 1
        return answered

    return sum(await asyncio.gather(*(one(connection) for connection in connections)))

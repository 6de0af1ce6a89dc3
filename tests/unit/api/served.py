"""The API of a house behind a real server, and its events as they come."""

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import uvicorn

from krai.api.app import create_app
from krai.wiring.protocol import Protocol
from tests.unit.api.house import KEY, House


@asynccontextmanager
async def serve(house: House, **options: Any) -> AsyncIterator[tuple[uvicorn.Server, int, asyncio.Event]]:
    """The API of the house on a free port, and the event that tells it to stop."""
    stopping = asyncio.Event()
    app = create_app(house.app.state.api.settings, house.stores, stopping=stopping, **options)
    server = uvicorn.Server(uvicorn.Config(app, http=Protocol, log_config=None, access_log=False, timeout_graceful_shutdown=20))
    server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign,assignment] # pytest's own stay
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        while not server.started:  # noqa: ASYNC110 - the server has no event for it
            await asyncio.sleep(0.01)
        try:
            yield server, listening.getsockname()[1], stopping
        finally:
            stopping.set()
            server.should_exit = True
            await asyncio.wait_for(serving, 10)


@dataclass(frozen=True)
class Event:
    id: int
    name: str
    job: dict[str, Any]


def read(block: Iterable[str]) -> Event | None:
    """The event that these lines of a stream make (HTML, 9.2.6); None: nothing but comments."""
    fields = dict(line.split(": ", 1) for line in block if not line.startswith(":"))
    return Event(int(fields["id"]), fields["event"], json.loads(fields["data"])) if fields else None


@asynccontextmanager
async def listening(port: int, job_id: str, key: str = KEY) -> AsyncIterator[AsyncGenerator[Event]]:
    """The events of a job, from when the server has answered."""

    async def events(answer: httpx.Response) -> AsyncGenerator[Event]:
        block: list[str] = []
        async for line in answer.aiter_lines():
            if line:
                block.append(line)
                continue
            if event := read(block):
                yield event
            block.clear()

    url = f"http://127.0.0.1:{port}/api/v1/jobs/{job_id}/events"
    async with asyncio.timeout(20), httpx.AsyncClient(headers={"x-api-key": key}) as client, client.stream("GET", url) as answer:
        assert answer.status_code == httpx.codes.OK
        async with aclosing(events(answer)) as told:
            yield told

"""The API of a house behind a real server."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn

from krai.api.app import create_app
from krai.wiring.protocol import Protocol
from tests.unit.api.house import House


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

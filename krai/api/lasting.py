"""Connections that outlive a request: whoever may listen when it begins may have been removed a minute later."""

import asyncio
import hashlib
import time

from starlette.requests import HTTPConnection

from krai.access import Principal
from krai.api.auth import authenticate
from krai.errors import Terminal, Transient

ASKED_EVERY_S = 30.0
MOST_KEPT = 1000
CREDENTIALS = (b"x-api-key", b"authorization", b"cookie")


class Callers:
    """Who a credential stands for, asked for once every half minute however many connections have begun with it."""

    def __init__(self) -> None:
        self._asked: dict[bytes, tuple[float, asyncio.Future[Principal | None]]] = {}

    def know(self, credential: bytes, caller: Principal) -> None:
        """Somebody was asked for just now."""
        known: asyncio.Future[Principal | None] = asyncio.get_running_loop().create_future()
        known.set_result(caller)
        self._put(credential, known)

    async def now(self, credential: bytes, connection: HTTPConnection) -> Principal | None:
        """None when the credential is good for nothing. Raises Transient."""
        asked_at, asking = self._asked.get(credential, (0.0, None))
        if asking is None or time.monotonic() - asked_at >= ASKED_EVERY_S:
            asking = asyncio.ensure_future(_ask(connection))
            self._put(credential, asking)
        return await asyncio.shield(asking)

    def _put(self, credential: bytes, asked: asyncio.Future[Principal | None]) -> None:
        since = time.monotonic() - ASKED_EVERY_S
        if len(self._asked) > MOST_KEPT:
            self._asked = {name: asked for name, asked in self._asked.items() if asked[0] > since}
        self._asked[credential] = time.monotonic(), asked


class Lasting:
    """Who listens, asked for again by the credential that the connection began with."""

    def __init__(self, callers: Callers, connection: HTTPConnection, caller: Principal) -> None:
        self._callers = callers
        self._connection = connection
        self._caller = caller
        sent = [(name, value) for name, value in connection.scope["headers"] if name in CREDENTIALS]
        self._credential = hashlib.sha256(repr(sent).encode()).digest()
        callers.know(self._credential, caller)

    async def still(self) -> bool:
        """False from when the credential is good for less, or for nothing. What cannot be asked now is asked the next time."""
        try:
            now = await self._callers.now(self._credential, self._connection)
        except Transient:
            return True
        return now is not None and now.id == self._caller.id and now.scopes >= self._caller.scopes


async def _ask(connection: HTTPConnection) -> Principal | None:
    try:
        return await authenticate(connection)
    except Terminal:
        return None

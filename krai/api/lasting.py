"""Connections that outlive a request: whoever may listen when it begins may have been removed a minute later."""

import time

from starlette.requests import HTTPConnection

from krai.access import Principal
from krai.api.auth import authenticate
from krai.errors import Terminal, Transient

ASKED_EVERY_S = 30.0


class Lasting:
    """Who listens, asked for again every half minute by the credential that the connection began with."""

    def __init__(self, connection: HTTPConnection, caller: Principal) -> None:
        self._connection = connection
        self._caller = caller
        self._asked_at = time.monotonic()

    async def still(self) -> bool:
        """False from when the credential is good for less, or for nothing. What cannot be asked now is asked the next time."""
        if time.monotonic() - self._asked_at >= ASKED_EVERY_S:
            self._asked_at = time.monotonic()
            try:
                now = await authenticate(self._connection)
            except Transient:
                return True
            except Terminal:
                return False
            return now.id == self._caller.id and now.scopes >= self._caller.scopes
        return True

"""What one issuer publishes, its places and its keys: asked for seldom, once for all who wait, and kept through its outages.

Times are of the monotonic clock: a wrong clock, or one that is put right, neither ages the keys nor keeps them young.
"""

import asyncio
import math
import time
from collections.abc import Callable

import httpx

from krai import observe
from krai.errors import Transient
from krai.identity import discovery, documents, public_keys
from krai.identity.discovery import Places
from krai.identity.documents import Unreadable
from krai.identity.public_keys import PublicKey

FRESH_S = 3600  # where the provider does not say
SHORTEST_FRESH_S = 300
LONGEST_FRESH_S = 24 * 3600
USABLE_S = 24 * 3600  # since they were asked for, when newer ones cannot be had
UNKNOWN_PAUSE_S = 60  # between two looks for a key that is not among them
STALE_PAUSE_S = 60  # after a failure, with old keys to go on with
EMPTY_PAUSE_S = 5  # after a failure, without


class Provider:
    """The issuer `issuer`, as it describes itself by OpenID Connect Discovery 1.0."""

    def __init__(self, issuer: str, client: httpx.AsyncClient, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._issuer = issuer
        self._client = client
        self._monotonic = monotonic
        self._keys: tuple[PublicKey, ...] = ()
        self._places: Places | None = None
        self._usable_until_s = -math.inf
        self._due_s = -math.inf
        self._next_look_s = -math.inf
        self._flight: asyncio.Task[None] | None = None

    async def find_keys(self, alg: str, kid: str | None) -> list[PublicKey]:
        """The keys that can have signed; without `kid` all those for `alg`.

        A `kid` that is not there may be a new one: it is looked for, once a minute at most.

        Raises Transient auth_unavailable when there are no keys at all.
        """
        looked = self._monotonic() >= self._due_s
        if looked:
            await self._refresh()
        found = self._among_ours(alg, kid)
        if found or kid is None:
            return found
        look = not looked and (self._flight is not None or self._monotonic() >= self._next_look_s)
        if looked or look:
            self._next_look_s = self._monotonic() + UNKNOWN_PAUSE_S
        if look:
            await self._refresh()
        return self._among_ours(alg, kid)

    async def places(self) -> Places | None:
        """Where people sign in, None: nowhere. Raises Transient auth_unavailable when nothing is known of the issuer."""
        if self._monotonic() >= self._due_s:
            await self._refresh()
        self._insist()
        return self._places

    async def close(self) -> None:
        if self._flight is not None:
            self._flight.cancel()
            await asyncio.wait({self._flight})

    def _insist(self) -> None:
        now_s = self._monotonic()
        if now_s >= self._usable_until_s:
            raise Transient("auth_unavailable", retry_after_s=max(1, math.ceil(self._due_s - now_s)))

    def _among_ours(self, alg: str, kid: str | None) -> list[PublicKey]:
        self._insist()
        return [key for key in self._keys if key.alg == alg and kid in (None, key.kid)]

    async def _refresh(self) -> None:
        """A caller that gives up leaves the others their answer."""
        if self._flight is None:
            self._flight = asyncio.create_task(self._fetch())
            self._flight.add_done_callback(self._landed)
        await asyncio.shield(self._flight)

    def _landed(self, _: asyncio.Task[None]) -> None:
        self._flight = None

    async def _fetch(self) -> None:
        asked_s = self._monotonic()
        try:
            places, keys, fresh_s = await self._read()
        except Unreadable as error:
            now_s = self._monotonic()
            pause_s = STALE_PAUSE_S if now_s < self._usable_until_s else EMPTY_PAUSE_S
            self._due_s = max(self._due_s, now_s + pause_s)
            observe.log().warning("provider not read", issuer=self._issuer, reason=str(error))
        else:
            self._places, self._keys = places, keys
            self._due_s = asked_s + fresh_s
            self._usable_until_s = asked_s + USABLE_S

    async def _read(self) -> tuple[Places | None, tuple[PublicKey, ...], int]:
        """What it publishes, and for how many seconds they need not be asked for again. Raises Unreadable."""
        described = await discovery.read(self._client, self._issuer)
        published = await documents.read(self._client, described.jwks_uri)
        keys = public_keys.read(published.value.get("keys"))
        if not keys:
            raise Unreadable("it publishes no key for RS256 or ES256")
        told_s = FRESH_S if published.max_age_s is None else published.max_age_s
        return described.places, keys, min(max(told_s, SHORTEST_FRESH_S), LONGEST_FRESH_S)

"""How many jobs and uploads a caller may create: a moving window, kept by this process or by a Redis that all processes share."""

import asyncio
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import limits
from limits.errors import StorageError
from limits.strategies import RateLimiter
from slowapi import Limiter

from krai import observe
from krai.errors import Terminal

NAME = "create"
PATIENCE_S = 0.5  # longer than Redis ever needs, and no request waits longer for it


@dataclass(frozen=True, slots=True)
class Allowance:
    """What is left for a caller: `remaining` requests until the oldest one is forgotten in `reset_s` seconds."""

    allowed: bool
    limit: int
    window_s: int
    remaining: int
    reset_s: int

    @property
    def headers(self) -> list[tuple[bytes, bytes]]:
        """draft-ietf-httpapi-ratelimit-headers."""
        policy = f'"{NAME}";q={self.limit};w={self.window_s}'
        left = f'"{NAME}";r={self.remaining};t={self.reset_s}'
        return [(b"ratelimit-policy", policy.encode()), (b"ratelimit", left.encode())]

    def demand(self) -> None:
        """Raises Terminal rate_limited."""
        if not self.allowed:
            detail = f"{self.limit} requests in {self.window_s} seconds are allowed."
            raise Terminal("rate_limited", detail, retry_after_s=max(1, self.reset_s))


class CreateLimit:
    """`rule` as in `KRAI_RATE_LIMIT_CREATE`: `100/15minutes`, or `off`. `storage` is a Redis URL that all processes of a `deployment`
    share, and other deployments may use too; None: each process counts for itself, as all do while Redis does not answer.
    """

    def __init__(self, rule: str, storage: str | None, deployment: str) -> None:
        self._deployment = deployment
        self._item = None if rule == "off" else limits.parse(rule)
        self._own = _limiter("memory://")
        self._shared = None if storage is None else _limiter(storage, socket_connect_timeout=PATIENCE_S, socket_timeout=PATIENCE_S)

    async def take(self, who: str) -> Allowance | None:
        """One request less for `who`; None when there is no limit."""
        return await self._allowance(who, take=True)

    async def look(self, who: str) -> Allowance | None:
        return await self._allowance(who, take=False)

    async def _allowance(self, who: str, *, take: bool) -> Allowance | None:
        if self._item is None:
            return None
        if self._shared is not None:
            try:
                return await asyncio.to_thread(_ask, self._shared, self._item, (self._deployment, NAME, who), take=take)
            except StorageError as error:
                observe.log().warning("limits are not shared", error=type(error.storage_error).__name__)
        return _ask(self._own, self._item, (self._deployment, NAME, who), take=take)


def _limiter(storage: str, **options: float) -> RateLimiter:
    wanted: dict[str, Any] = {"wrap_exceptions": True, **options}
    limiter = Limiter(key_func=lambda: NAME, strategy="moving-window", storage_uri=storage, storage_options=wanted)
    return limiter.limiter


def _ask(limiter: RateLimiter, item: limits.RateLimitItem, key: Sequence[str], *, take: bool) -> Allowance:
    allowed = limiter.hit(item, *key) if take else True
    window = limiter.get_window_stats(item, *key)
    reset_s = max(0, math.ceil(window.reset_time - time.time()))
    return Allowance(allowed, item.amount, item.get_expiry(), max(0, window.remaining), reset_s)

"""How many requests a caller may make: a window that moves, kept by this process or by a Redis that all processes share."""

import asyncio
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import limits
from limits.errors import StorageError
from limits.strategies import RateLimiter
from slowapi import Limiter
from starlette.types import Scope

from krai import observe
from krai.errors import Terminal
from krai.known import Known

PATIENCE_S = 0.5  # longer than Redis ever needs, and no request waits longer for it
POLICY, LEFT = b"ratelimit-policy", b"ratelimit"
BLOCK_KEPT_S = 10.0
LARGEST_BLOCK = 0.01  # of the limit


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """What is left to a caller of one policy: `remaining` of `quota` in `window_s` seconds, more in `reset_s` seconds.

    `unit` is one of draft-ietf-httpapi-ratelimit-headers, None: requests. What has no window ends with what it counts.
    """

    name: str
    allowed: bool
    quota: int
    remaining: int
    window_s: int | None = None
    reset_s: int | None = None
    unit: Literal["content-bytes", "concurrent-requests"] | None = None

    @property
    def headers(self) -> dict[bytes, str]:
        """draft-ietf-httpapi-ratelimit-headers."""
        unit = "" if self.unit is None else f';qu="{self.unit}"'
        window = "" if self.window_s is None else f";w={self.window_s}"
        reset = "" if self.reset_s is None else f";t={self.reset_s}"
        return {POLICY: f'"{self.name}";q={self.quota}{unit}{window}', LEFT: f'"{self.name}";r={self.remaining}{reset}'}


def show(scope: Scope, allowances: Sequence[Allowance]) -> None:
    """Put them on whatever this request is answered with, after those that stand there."""
    added: list[tuple[bytes, bytes]] = scope["answer_headers"]
    for name in (POLICY, LEFT):
        values = [value.decode() for there, value in added if there == name] + [allowance.headers[name] for allowance in allowances]
        added[:] = [header for header in added if header[0] != name]
        if values:
            added.append((name, ", ".join(values).encode()))


@dataclass(slots=True)
class _Block:
    """Requests that were taken from the shared count and not made yet."""

    taken: int
    left: int
    allowance: Allowance


class RateLimit:
    """`rule` as in the settings: `100/15minutes`, or `off`. `storage` is a Redis URL that all processes of a `deployment` share, and
    other deployments may use too; None: each process counts for itself, as all do while Redis does not answer.

    `exact`: each request is remembered with its time. Otherwise the window is made of two counters, whose size does not depend on the
    limit, and a busy caller's requests are taken from Redis in blocks, so that few of them wait for it.
    """

    def __init__(self, name: str, rule: str, storage: str | None, deployment: str, *, exact: bool) -> None:
        self._name = name
        self._deployment = deployment
        self._item = None if rule == "off" else limits.parse(rule)
        self._amount = 0 if self._item is None else self._item.amount
        self._own = _limiter("memory://", exact=exact)
        patience = {"socket_connect_timeout": PATIENCE_S, "socket_timeout": PATIENCE_S}
        self._shared = None if storage is None else _limiter(storage, exact=exact, **patience)
        self._largest_block = 1 if exact or storage is None else max(1, int(self._amount * LARGEST_BLOCK))
        self._blocks: Known[_Block] = Known()

    async def take(self, scope: Scope, who: str) -> None:
        """One request less for `who`, and what is left is shown. Raises Terminal rate_limited."""
        if self._item is None:
            return
        allowance = await self._take(self._item, who)
        show(scope, [allowance])
        if not allowance.allowed:
            detail = f"{allowance.quota} requests in {allowance.window_s} seconds are allowed."
            raise Terminal("rate_limited", detail, retry_after_s=max(1, allowance.reset_s or 0))

    async def look(self, scope: Scope, who: str) -> None:
        """What is left is shown, and nothing is taken."""
        if self._item is not None:
            show(scope, [await self._ask(self._item, who, cost=0)])

    async def _take(self, item: limits.RateLimitItem, who: str) -> Allowance:
        block = self._blocks.get(who, BLOCK_KEPT_S)
        if block is None or not block.left:
            size = 1 if block is None else min(2 * block.taken, self._largest_block)
            allowance = await self._ask(item, who, cost=size)
            if size > 1 and not allowance.allowed:
                size, allowance = 1, await self._ask(item, who, cost=1)
            if self._largest_block == 1 or not allowance.allowed:
                return allowance
            block = _Block(size, size, allowance)
            self._blocks.put(who, block, time.monotonic())
        block.left -= 1
        return replace(block.allowance, remaining=block.allowance.remaining + block.left)

    async def _ask(self, item: limits.RateLimitItem, who: str, *, cost: int) -> Allowance:
        if self._shared is not None:
            try:
                return await asyncio.to_thread(self._count, self._shared, item, who, cost)
            except StorageError as error:
                observe.log().warning("limits are not shared", error=type(error.storage_error).__name__)
        return self._count(self._own, item, who, cost)

    def _count(self, limiter: RateLimiter, item: limits.RateLimitItem, who: str, cost: int) -> Allowance:
        key = (self._deployment, self._name, who)
        allowed = limiter.hit(item, *key, cost=cost) if cost else True
        window = limiter.get_window_stats(item, *key)
        return Allowance(
            name=self._name,
            allowed=allowed,
            quota=item.amount,
            remaining=max(0, window.remaining),
            window_s=item.get_expiry(),
            reset_s=max(0, math.ceil(window.reset_time - time.time())),
        )


def _limiter(storage: str, *, exact: bool, **options: float) -> RateLimiter:
    wanted: dict[str, Any] = {"wrap_exceptions": True, **options}
    strategy = "moving-window" if exact else "sliding-window-counter"
    limiter = Limiter(key_func=lambda: "", strategy=strategy, storage_uri=storage, storage_options=wanted)
    return limiter.limiter

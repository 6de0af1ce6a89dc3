"""How many jobs and uploads a caller may create: a moving window, kept in this process's memory."""

import math
import time
from dataclasses import dataclass

import limits
from slowapi import Limiter

from krai.errors import Terminal

NAME = "create"


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
    """`rule` as in `KRAI_RATE_LIMIT_CREATE`: `100/15minutes`, or `off`."""

    def __init__(self, rule: str) -> None:
        self._item = None if rule == "off" else limits.parse(rule)
        self._limiter = Limiter(key_func=lambda: NAME, strategy="moving-window", storage_uri="memory://").limiter

    def take(self, who: str) -> Allowance | None:
        """One request less for `who`; None when there is no limit."""
        return self._allowance(who, take=True)

    def look(self, who: str) -> Allowance | None:
        return self._allowance(who, take=False)

    def _allowance(self, who: str, *, take: bool) -> Allowance | None:
        if self._item is None:
            return None
        allowed = self._limiter.hit(self._item, NAME, who) if take else True
        window = self._limiter.get_window_stats(self._item, NAME, who)
        reset_s = max(0, math.ceil(window.reset_time - time.time()))
        return Allowance(allowed, self._item.amount, self._item.get_expiry(), max(0, window.remaining), reset_s)

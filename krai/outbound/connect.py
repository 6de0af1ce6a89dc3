"""How krai calls what callers name: sources of imports, and whatever else has a URL of theirs."""

import ssl
from collections.abc import Callable
from dataclasses import dataclass

import httpx

from krai.outbound.addresses import is_public
from krai.outbound.pace import Pace
from krai.outbound.pinned import Pinned
from krai.outbound.resolve import Resolve, resolve
from krai.outbound.transport import Transport

_CONNECT_TIMEOUT_S = 10
_READ_TIMEOUT_S = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Outbound:
    """The way out; as it is by default it leads to the public internet alone.

    `resolve` gives all addresses of a name, `allows` says of one whether it may be called, and `tls` which certificates are
    trusted; None: those of public authorities.
    """

    resolve: Resolve = resolve
    allows: Callable[[str], bool] = is_public
    tls: ssl.SSLContext | None = None

    def client(self, pace: Pace) -> httpx.Client:
        """A client that follows no redirect and knows no proxy or .netrc of this machine. Its requests raise NotPublic too."""
        tls = httpx.create_ssl_context(trust_env=False) if self.tls is None else self.tls
        return httpx.Client(
            transport=Transport(Pinned(self.resolve, self.allows, pace), tls),
            timeout=httpx.Timeout(_READ_TIMEOUT_S, connect=_CONNECT_TIMEOUT_S),
            headers={"Accept-Encoding": "identity", "User-Agent": "krai"},
            follow_redirects=False,
            trust_env=False,
        )

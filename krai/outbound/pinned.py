"""Connections to checked addresses: a name is resolved once, and what was checked is what is connected to.

A second look at the name could get another answer (DNS rebinding), so there is none.
"""

import time
from collections.abc import Callable, Iterable, Sequence

import httpcore

from krai.outbound.addresses import NotPublic
from krai.outbound.pace import Pace, Paced
from krai.outbound.resolve import Resolve


class Pinned(httpcore.NetworkBackend):
    """Connects to the first address of a host that answers, if all of them are allowed. TLS goes on asking for the name."""

    def __init__(self, resolve: Resolve, allows: Callable[[str], bool], pace: Pace) -> None:
        self._resolve = resolve
        self._allows = allows
        self._pace = pace
        self._tcp = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """`timeout` holds for all of it, the resolver and every address. Raises NotPublic, ConnectError, ConnectTimeout."""
        started_s, total_s = time.monotonic(), self._pace.total_s
        ends_s = started_s + (total_s if timeout is None else min(timeout, total_s))
        addresses = self._addresses(host, ends_s - time.monotonic())
        options = None if socket_options is None else list(socket_options)
        failure: Exception = httpcore.ConnectError("the name has no address")
        for number, address in enumerate(addresses):
            share_s = (ends_s - time.monotonic()) / (len(addresses) - number)
            if share_s <= 0:
                raise httpcore.ConnectTimeout
            try:
                return Paced(self._tcp.connect_tcp(address, port, share_s, local_address, options), self._pace, started_s)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure

    def _addresses(self, host: str, timeout_s: float) -> Sequence[str]:
        try:
            addresses = self._resolve(host, timeout_s)
        except TimeoutError:
            raise httpcore.ConnectTimeout from None
        except OSError:
            raise httpcore.ConnectError from None
        # One that is not public is enough: the others may be there to get a foot in the door.
        if not all(map(self._allows, addresses)):
            raise NotPublic
        return addresses

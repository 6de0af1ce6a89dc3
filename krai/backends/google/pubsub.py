"""A connection to Pub/Sub, and the border at which Google's errors become krai's."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

import grpc.aio
from google.api_core.exceptions import Aborted, GoogleAPICallError, ServerError, TooManyRequests
from google.auth.exceptions import DefaultCredentialsError
from google.pubsub_v1 import PublisherAsyncClient, SubscriberAsyncClient
from google.pubsub_v1.services.publisher.transports import PublisherGrpcAsyncIOTransport
from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcAsyncIOTransport

from krai import observe
from krai.errors import Transient
from krai.settings import UnsafeSettings

A = TypeVar("A")

SERVICE = "pubsub.googleapis.com:443"
TRIES = 3
TRY_S = 3.0
ALL_TRIES_S = 6.0
PAUSE_S = 0.1
LAST_CALLS_S = 1.0  # what is under way when the connection is closed gets this long
PASSING = (ServerError, TooManyRequests, Aborted)

# How long an attempt to connect may take, and how long to wait for the next one: gRPC's own twenty seconds and two minutes would
# outlast the fault.
RECONNECT = (("grpc.min_reconnect_backoff_ms", 3000), ("grpc.initial_reconnect_backoff_ms", 100), ("grpc.max_reconnect_backoff_ms", 1000))
# Finds out that the other end has gone without a word. The emulator takes such questions for an attack, and needs none.
KEEPALIVE = (("grpc.keepalive_time_ms", 30_000), ("grpc.keepalive_timeout_ms", 5_000))


class Connection:
    """Connects by itself whenever it is used. Made within the event loop that uses it.

    `emulator` is its host:port, None for Google's service with the process's own credentials. Raises UnsafeSettings without any.
    """

    def __init__(self, emulator: str | None) -> None:
        if emulator is not None:
            self._channel = grpc.aio.insecure_channel(emulator, options=RECONNECT)
        else:
            try:
                self._channel = SubscriberGrpcAsyncIOTransport.create_channel(SERVICE, options=(*RECONNECT, *KEEPALIVE))
            except DefaultCredentialsError as error:
                raise UnsafeSettings(f"GOOGLE_APPLICATION_CREDENTIALS: Google's libraries find no credentials: {error}") from None
        self.publisher = PublisherAsyncClient(transport=PublisherGrpcAsyncIOTransport(channel=self._channel))
        self.subscriber = SubscriberAsyncClient(transport=SubscriberGrpcAsyncIOTransport(channel=self._channel))
        self._closing = asyncio.Event()

    async def ask(
        self,
        method: Callable[..., Awaitable[A]],
        request: object,
        *,
        tries: int = TRIES,
        timeout_s: float = TRY_S,
        raises: tuple[type[GoogleAPICallError], ...] = (),
    ) -> A:
        """What `method` of one of the clients answers.

        Raises those of Google's errors that are in `raises`; Transient store_busy for all others, not_ready after `close`.
        """
        loop = asyncio.get_running_loop()
        until = loop.time() + max(ALL_TRIES_S, timeout_s)
        for number in range(1, tries + 1):
            if self._closing.is_set():
                raise _stopping()
            try:
                return await method(request=request, retry=None, timeout=min(timeout_s, until - loop.time()))
            except raises:
                raise
            except GoogleAPICallError as error:
                pause_s = PAUSE_S * 4 ** (number - 1) * random.uniform(0.5, 1.5)  # noqa: S311 - spreading load is no secret
                if number == tries or not isinstance(error, PASSING) or loop.time() + pause_s >= until:
                    raise _translate(error) from error
                await asyncio.sleep(pause_s)
            except asyncio.CancelledError:
                # gRPC says the same when the channel was closed and when somebody has cancelled this task.
                task = asyncio.current_task()
                if self._closing.is_set() and task is not None and not task.cancelling():
                    raise _stopping() from None
                raise
        raise AssertionError("the last try has returned or raised")

    async def close(self) -> None:
        self._closing.set()
        await self._channel.close(LAST_CALLS_S)


def _stopping() -> Transient:
    return Transient("not_ready", "krai is stopping.", retry_after_s=1)


def _translate(error: GoogleAPICallError) -> Transient:
    if not isinstance(error, PASSING):
        # It may pass as well, but hardly without an operator: something is missing or forbidden.
        observe.log().error("Pub/Sub refuses", error=type(error).__name__, detail=error.message)
    return Transient("store_busy", f"Pub/Sub answers {type(error).__name__}.", retry_after_s=1)

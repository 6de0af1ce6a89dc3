"""Between krai and Pub/Sub's emulator: notes each request, and refuses some or loses their answers."""

from collections import Counter, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial

import grpc
import grpc.aio


@dataclass
class Proxy:
    """`calls` counts requests by method. The next requests of a method end with its `refusals`, whether or not they are passed on."""

    host: str
    calls: Counter[str] = field(default_factory=Counter)
    refusals: dict[str, deque[grpc.StatusCode]] = field(default_factory=dict)
    passes_on: bool = False  # a refused request takes effect all the same: only its answer is lost

    def refuse(self, method: str, *codes: grpc.StatusCode, passed_on: bool = False) -> None:
        self.refusals[method] = deque(codes)
        self.passes_on = passed_on


@asynccontextmanager
async def proxy_of(emulator: str) -> AsyncIterator[Proxy]:
    server = grpc.aio.server()
    proxy = Proxy(f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}")
    async with grpc.aio.insecure_channel(emulator) as channel:
        server.add_generic_rpc_handlers((_Forward(proxy, channel),))
        await server.start()
        try:
            yield proxy
        finally:
            await server.stop(0)


class _Forward(grpc.GenericRpcHandler):  # type: ignore[misc] # gRPC has no annotations
    def __init__(self, proxy: Proxy, channel: grpc.aio.Channel) -> None:
        self._proxy = proxy
        self._channel = channel

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler:
        return grpc.unary_unary_rpc_method_handler(partial(self._forward, details.method))

    async def _forward(self, path: str, request: bytes, context: grpc.aio.ServicerContext) -> bytes:
        method = path.rpartition("/")[2]
        self._proxy.calls[method] += 1
        refusals = self._proxy.refusals.get(method)
        if refusals and not self._proxy.passes_on:
            await context.abort(refusals.popleft(), "refused")
        answer = b""
        try:
            answer = await self._channel.unary_unary(path)(request, timeout=context.time_remaining())
        except grpc.aio.AioRpcError as error:
            await context.abort(error.code(), error.details())
        if refusals:
            await context.abort(refusals.popleft(), "the answer is lost")
        return answer

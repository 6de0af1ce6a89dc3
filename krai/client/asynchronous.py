"""Carries out the steps of flows on an event loop."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any, TypeVar, cast

import httpx

from krai.client.connection import FAILURES, Connection, answered
from krai.client.steps import Answer, Flow, Give, Open, Pause, Read, Request, Step, Transmit, Work

T = TypeVar("T")


class AsyncCarrier:
    """Carries out the steps of one flow; it has at most one answer open."""

    def __init__(self, http: httpx.AsyncClient, connection: Connection) -> None:
        self._http = http
        self._connection = connection
        self._opened: tuple[httpx.Response, AsyncIterator[bytes], Request] | None = None
        self._value: Any = None

    async def run(self, flow: Flow[T]) -> T:
        """Carry out the flow, and give what it ends with."""
        async for _ in self.steps(flow):
            pass
        return cast("T", self._value)

    async def steps(self, flow: Flow[Any]) -> AsyncIterator[Any]:
        """What the flow gives on its way."""
        try:
            step = next(flow)
            while True:
                if isinstance(step, Give):
                    yield step.value
                try:
                    result = await self._carry_out(step)
                except BaseException as error:  # noqa: BLE001 - the flow itself decides what becomes of it
                    step = flow.throw(error)
                else:
                    step = flow.send(result)
        except StopIteration as end:
            self._value = end.value
        finally:
            flow.close()
            await self._close()

    async def _carry_out(self, step: Step) -> Any:
        match step:
            case Transmit(request):
                return await self._transmit(request)
            case Open(request):
                return await self._open(request)
            case Read():
                return await self._read()
            case Pause(seconds):
                await asyncio.sleep(seconds)
            case Work(function):
                return await asyncio.to_thread(function)
        return None

    async def _transmit(self, request: Request) -> Answer:
        try:
            response = await self._http.send(self._connection.build(self._http, request))
        except FAILURES as error:
            raise self._connection.disconnected(error, request) from None
        return answered(response, response.content)

    async def _open(self, request: Request) -> Answer:
        await self._close()
        try:
            response = await self._http.send(self._connection.build(self._http, request), stream=True)
            self._opened = (response, response.aiter_raw(), request)
            return answered(response, b"" if response.is_success else await response.aread())
        except FAILURES as error:
            raise self._connection.disconnected(error, request) from None

    async def _read(self) -> bytes:
        if self._opened is None:
            return b""
        _, data, request = self._opened
        try:
            return await anext(data, b"")
        except FAILURES as error:
            raise self._connection.disconnected(error, request) from None

    async def _close(self) -> None:
        if self._opened is not None:
            with suppress(*FAILURES):
                await self._opened[0].aclose()
            self._opened = None


class AsyncCarriers:
    """One for each flow, on the same connections."""

    def __init__(self, connection: Connection, transport: httpx.AsyncBaseTransport | None) -> None:
        self._connection = connection
        self._http = httpx.AsyncClient(transport=transport)

    def new(self) -> AsyncCarrier:
        return AsyncCarrier(self._http, self._connection)

    async def close(self) -> None:
        await self._http.aclose()

"""Carries out the steps of flows one after the other."""

import time
from collections.abc import Generator, Iterator
from contextlib import suppress
from typing import Any, TypeVar

import httpx

from krai.client.connection import FAILURES, Connection, answered
from krai.client.steps import Answer, Flow, Give, Open, Pause, Read, Request, Step, Transmit, Work

T = TypeVar("T")


class Carrier:
    """Carries out the steps of one flow; it has at most one answer open."""

    def __init__(self, http: httpx.Client, connection: Connection) -> None:
        self._http = http
        self._connection = connection
        self._opened: tuple[httpx.Response, Iterator[bytes], Request] | None = None

    def run(self, flow: Flow[T]) -> T:
        """Carry out the flow, and give what it ends with."""
        steps = self.steps(flow)
        while True:
            try:
                next(steps)
            except StopIteration as end:
                value: T = end.value
                return value

    def steps(self, flow: Flow[T]) -> Generator[Any, None, T]:
        """What the flow gives on its way."""
        try:
            step = next(flow)
            while True:
                if isinstance(step, Give):
                    yield step.value
                try:
                    result = self._carry_out(step)
                except BaseException as error:  # noqa: BLE001 - the flow itself decides what becomes of it
                    step = flow.throw(error)
                else:
                    step = flow.send(result)
        except StopIteration as end:
            value: T = end.value
            return value
        finally:
            flow.close()
            self._close()

    def _carry_out(self, step: Step) -> Any:
        match step:
            case Transmit(request):
                return self._transmit(request)
            case Open(request):
                return self._open(request)
            case Read():
                return self._read()
            case Pause(seconds):
                time.sleep(seconds)
            case Work(function):
                return function()
        return None

    def _transmit(self, request: Request) -> Answer:
        try:
            response = self._http.send(self._connection.build(self._http, request))
        except FAILURES as error:
            raise self._connection.disconnected(error, request) from None
        return answered(response, response.content)

    def _open(self, request: Request) -> Answer:
        self._close()
        try:
            response = self._http.send(self._connection.build(self._http, request), stream=True)
            self._opened = (response, response.iter_raw(), request)
            return answered(response, b"" if response.is_success else response.read())
        except FAILURES as error:
            raise self._connection.disconnected(error, request) from None

    def _read(self) -> bytes:
        if self._opened is None:
            return b""
        _, data, request = self._opened
        try:
            return next(data, b"")
        except FAILURES as error:
            raise self._connection.disconnected(error, request) from None

    def _close(self) -> None:
        if self._opened is not None:
            with suppress(*FAILURES):
                self._opened[0].close()
            self._opened = None


class Carriers:
    """One for each flow, on the same connections."""

    def __init__(self, connection: Connection, transport: httpx.BaseTransport | None) -> None:
        self._connection = connection
        self._http = httpx.Client(transport=transport)

    def new(self) -> Carrier:
        return Carrier(self._http, self._connection)

    def close(self) -> None:
        self._http.close()

"""The line between krai and Firestore, to count what is asked and to let calls fail, before they arrive or after they took effect."""

import random
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import grpc
import pytest
from google.cloud.firestore_v1.types import BatchGetDocumentsRequest, BatchWriteRequest, CommitRequest

Fate = tuple[grpc.StatusCode, bool]  # how a call fails, and whether it takes effect all the same
LOST_ANSWER: Fate = (grpc.StatusCode.DEADLINE_EXCEEDED, True)
LOST_CALL: Fate = (grpc.StatusCode.UNAVAILABLE, False)


async def nothing() -> None:
    """What happens meanwhile."""


@dataclass
class Line:
    counted: Counter[str] = field(default_factory=Counter)  # writes and reads as Google bills them (a query counts as one), and calls
    _next: list[Fate] = field(default_factory=list)
    _meanwhile: Callable[[], Awaitable[Any]] = nothing
    _dice: Callable[[], Fate | None] = lambda: None

    def fail(self, *fates: Fate, meanwhile: Callable[[], Awaitable[Any]] = nothing) -> None:
        """The next commits meet these fates; `meanwhile` happens as soon as the first has failed."""
        self._next, self._meanwhile = list(fates), meanwhile

    def rain(self, share: float, seed: int) -> None:
        """From now on so many of all calls fail, half of them after they took effect."""
        dice = random.Random(seed)  # noqa: S311 - no secret
        codes = (grpc.StatusCode.ABORTED, grpc.StatusCode.UNAVAILABLE)
        self._dice = lambda: None if dice.random() >= share else (dice.choice(codes), dice.random() < 0.5)

    def break_down(self, code: grpc.StatusCode) -> None:
        self._dice = lambda: (code, False)

    def clear(self) -> None:
        self._dice = lambda: None

    def fate_of(self, request: Any) -> Fate | None:
        self.counted["calls"] += 1
        match request:
            case CommitRequest() | BatchWriteRequest():
                self.counted["writes"] += len(request.writes)
                if self._next:
                    return self._next.pop(0)
            case BatchGetDocumentsRequest():
                self.counted["reads"] += len(request.documents)
            case _:
                self.counted["reads"] += 1
        return self._dice()

    async def happen_meanwhile(self) -> None:
        meanwhile, self._meanwhile = self._meanwhile, nothing
        await meanwhile()


def _failure(code: grpc.StatusCode) -> grpc.aio.AioRpcError:
    return grpc.aio.AioRpcError(code, grpc.aio.Metadata(), grpc.aio.Metadata(), details="the line is bad")


class _Commits(grpc.aio.UnaryUnaryClientInterceptor):  # type: ignore[misc]  # grpc has no annotations
    def __init__(self, line: Line) -> None:
        self._line = line

    async def intercept_unary_unary(self, continuation: Any, client_call_details: Any, request: Any) -> Any:
        fate = self._line.fate_of(request)
        if fate is None:
            return await continuation(client_call_details, request)
        code, takes_effect = fate
        if takes_effect:
            await (await continuation(client_call_details, request))
        await self._line.happen_meanwhile()
        raise _failure(code)


class _Reads(grpc.aio.UnaryStreamClientInterceptor):  # type: ignore[misc]  # the same
    def __init__(self, line: Line) -> None:
        self._line = line

    async def intercept_unary_stream(self, continuation: Any, client_call_details: Any, request: Any) -> Any:
        fate = self._line.fate_of(request)
        if fate is not None:
            raise _failure(fate[0])
        return await continuation(client_call_details, request)


def lay(monkeypatch: pytest.MonkeyPatch) -> Line:
    """The line of every connection that is opened from now on."""
    line = Line()
    opened = partial(grpc.aio.insecure_channel, interceptors=[_Commits(line), _Reads(line)])
    monkeypatch.setattr(grpc.aio, "insecure_channel", opened)
    return line

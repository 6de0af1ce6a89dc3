"""What a client does, without doing it: a flow is a generator that yields steps and is sent what came of them.

`krai.client.sync` and `krai.client.asynchronous` carry the steps out; all else is here once, for both.
"""

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, TypeVar

T = TypeVar("T")


class Disconnected(Exception):
    """There was no answer, or not all of it. `sent` is False when the request cannot have arrived."""

    def __init__(self, reason: str, *, sent: bool = True) -> None:
        self.reason = reason
        self.sent = sent
        super().__init__(reason)


@dataclass(frozen=True, slots=True)
class Request:
    """`url` is a path of krai, to which the credential is sent, or a whole address, to which it is not."""

    method: str
    url: str = field(repr=False)
    params: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = field(default=None, repr=False)
    timeout_s: float = 60.0  # without a byte

    @property
    def own(self) -> bool:
        return self.url.startswith("/")


@dataclass(frozen=True, slots=True)
class Answer:
    """`headers` by their names in small letters."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(default=b"", repr=False)

    @property
    def ok(self) -> bool:
        return HTTPStatus.OK <= self.status < HTTPStatus.MULTIPLE_CHOICES


@dataclass(frozen=True, slots=True)
class Transmit:
    """Send the request, answer with an Answer. Raises Disconnected."""

    request: Request


@dataclass(frozen=True, slots=True)
class Open:
    """Send the request, answer with an Answer whose body is to come by Read; what was opened before is closed. Raises Disconnected."""

    request: Request


@dataclass(frozen=True, slots=True)
class Read:
    """The next bytes of what was opened, none at its end. Raises Disconnected."""


@dataclass(frozen=True, slots=True)
class Pause:
    seconds: float


@dataclass(frozen=True, slots=True)
class Work:
    """Something that takes its time on this machine, such as reading a file."""

    function: Callable[[], Any]


@dataclass(frozen=True, slots=True)
class Give:
    """A value for who iterates over the flow."""

    value: Any


Step = Transmit | Open | Read | Pause | Work | Give
Flow = Generator[Step, Any, T]


def transmit(request: Request) -> Flow[Answer]:
    answer: Answer = yield Transmit(request)
    return answer


def open_(request: Request) -> Flow[Answer]:
    answer: Answer = yield Open(request)
    return answer


def read() -> Flow[bytes]:
    data: bytes = yield Read()
    return data


def work(function: Callable[[], T]) -> Flow[T]:
    result: T = yield Work(function)
    return result


def listening(flow: Flow[T], hear: Callable[[Any], None] | None) -> Flow[T]:
    """The flow, with what it gives told to `hear` instead."""
    try:
        step = next(flow)
        while True:
            if isinstance(step, Give):
                if hear is not None:
                    hear(step.value)
                step = flow.send(None)
                continue
            try:
                result = yield step
            except BaseException as error:  # noqa: BLE001 - the flow itself decides about it
                step = flow.throw(error)
            else:
                step = flow.send(result)
    except StopIteration as end:
        value: T = end.value
        return value
    finally:
        flow.close()

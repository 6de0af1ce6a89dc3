"""Counts what a process asks of Google, from outside: Python loads this before anything else when its folder is on PYTHONPATH.

Every message that gRPC sends or receives is noted in the folder COUNT_TO, in a file of the process that does it: a line with `>` for a
request and `<` for an answer, the method, how many things are in it, and where it goes. Written at once, for children are killed.
"""

import multiprocessing
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc
import grpc.aio

KINDS = ("unary_unary", "unary_stream", "stream_unary", "stream_stream")
# What one request or answer is billed by; of other methods each counts as one.
ITEMS = {"Commit": "writes", "BatchWrite": "writes", "Publish": "messages", "Acknowledge": "ack_ids", "ModifyAckDeadline": "ack_ids"}
ANSWERED = {"Pull": "received_messages", "ListDocuments": "documents"}
PARTS = {"BatchGetDocuments": ("found", "missing"), "RunQuery": ("document",)}


def _sent(method: str, message: Any) -> int:
    return len(getattr(message, ITEMS[method])) if method in ITEMS else 1


def _received(method: str, message: Any) -> int:
    if method in PARTS:
        return sum(part in message for part in PARTS[method])
    return len(getattr(message, ANSWERED[method])) if method in ANSWERED else 1


def _note(sign: str, method: str, amount: int, where: str) -> None:
    process = multiprocessing.current_process().name
    role = Path(sys.argv[0]).stem if process == "MainProcess" else "child"
    with Path(os.environ["COUNT_TO"], f"{role}-{os.getpid()}").open("a") as file:
        file.write(f"{role} {sign} {method} {amount} {where or '-'}\n")


def _counting(factory: Callable[..., Any]) -> Callable[..., Any]:
    """A channel's `unary_unary` or the like, whose calls are noted."""

    def wrapped(
        path: str,
        request_serializer: Callable[[Any], bytes] | None = None,
        response_deserializer: Callable[[bytes], Any] | None = None,
        *rest: Any,
        **options: Any,
    ) -> Any:
        method = path.rpartition("/")[2]

        def serialize(message: Any) -> bytes:
            where = getattr(message, "subscription", "") or getattr(message, "topic", "")
            _note(">", method, _sent(method, message), where.rpartition("/")[2])
            return request_serializer(message) if request_serializer else message

        def deserialize(data: bytes) -> Any:
            message = response_deserializer(data) if response_deserializer else data
            _note("<", method, _received(method, message), "")
            return message

        return factory(path, serialize, deserialize, *rest, **options)

    return wrapped


def _count_channels_of(module: Any) -> None:
    for name in ("insecure_channel", "secure_channel"):
        make = getattr(module, name)

        def counted(*args: Any, make: Callable[..., Any] = make, **options: Any) -> Any:
            channel = make(*args, **options)
            for kind in KINDS:
                setattr(channel, kind, _counting(getattr(channel, kind)))
            return channel

        setattr(module, name, counted)


_count_channels_of(grpc)
_count_channels_of(grpc.aio)

"""A file that others write to, and that is only written forwards."""

import io
from collections.abc import Callable
from typing import Any


class Sink(io.RawIOBase):
    """Hands on what is written to it, and knows how much that was."""

    def __init__(self, write: Callable[[bytes | memoryview], None]) -> None:
        self._write = write
        self._position = 0

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def write(self, data: Any) -> int:
        self._write(data)
        self._position += len(data)
        return len(data)

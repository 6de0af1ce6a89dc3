"""Messages of a child as they arrive, without ever waiting for the rest of one: a child may stop in the middle, or lie about the length.

They are framed as `multiprocessing.connection` does: the length as four bytes (big-endian, signed), and so many bytes.
"""

import os
import struct
from dataclasses import dataclass, field

MOST_BYTES = 64 << 20  # the names of 10,000 columns of an import, twice and all of them escaped, have a third of it
_READ_BYTES = 64 << 10
_LENGTH = struct.Struct("!i")


@dataclass(slots=True)
class Incoming:
    """What was read from the descriptor and is not a whole message yet."""

    descriptor: int
    _held: bytearray = field(default_factory=bytearray)

    def read(self) -> list[bytes]:
        """The messages that are complete by now; to be called when there is something to read.

        Raises EOFError at the end, ValueError when one is longer than it may be, OSError.
        """
        if not (data := os.read(self.descriptor, _READ_BYTES)):
            raise EOFError
        self._held += data
        messages = []
        while (message := self._next()) is not None:
            messages.append(message)
        return messages

    @property
    def within_message(self) -> bool:
        return bool(self._held)

    def _next(self) -> bytes | None:
        if len(self._held) < _LENGTH.size:
            return None
        (length,) = _LENGTH.unpack_from(self._held)
        if not 0 <= length <= MOST_BYTES:  # -1 announces a length that four bytes cannot hold
            raise ValueError("A child announced a message that is too long.")
        end = _LENGTH.size + length
        if len(self._held) < end:
            return None
        message = bytes(memoryview(self._held)[_LENGTH.size : end])
        del self._held[:end]
        return message

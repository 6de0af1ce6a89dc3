"""Files on their way to krai: read in pieces, and their SHA-256 with them."""

import hashlib
import os
from pathlib import Path
from typing import BinaryIO, Protocol

from krai.client.problem import BadFile

PIECE_BYTES = 8 << 20  # Cloud Storage takes multiples of 256 KiB
PREFIX_BYTES = 1 << 20
READ_BYTES = 1 << 20


class Source(Protocol):
    """`size_bytes` is None as long as nobody knows it."""

    @property
    def size_bytes(self) -> int | None: ...

    def piece(self, offset: int) -> bytes:
        """At most PIECE_BYTES from `offset` on, which is never smaller than the one before. Raises BadFile."""

    def sha256(self) -> str:
        """Of the whole file, once it was read."""


class FileSource:
    """A file that must stay as it is while it is sent."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = path.open("rb")
        self._stat = os.fstat(self._file.fileno())
        self._sum = hashlib.sha256()
        self._summed = 0

    @property
    def size_bytes(self) -> int | None:
        return self._stat.st_size

    def fingerprint(self) -> str:
        """By which the file is known again: size, time of its last change, and how it begins."""
        begin = os.pread(self._file.fileno(), PREFIX_BYTES, 0)
        return f"{self._stat.st_size}-{self._stat.st_mtime_ns}-{hashlib.sha256(begin).hexdigest()}"

    def piece(self, offset: int) -> bytes:
        self._sum_up_to(offset)
        data = os.pread(self._file.fileno(), PIECE_BYTES, offset)
        if offset == self._summed:
            self._add(data)
        if len(data) < min(PIECE_BYTES, self._stat.st_size - offset):
            raise self._changed()
        return data

    def sha256(self) -> str:
        self._sum_up_to(self._stat.st_size)
        now = os.fstat(self._file.fileno())
        if (now.st_size, now.st_mtime_ns) != (self._stat.st_size, self._stat.st_mtime_ns):
            raise self._changed()
        return self._sum.hexdigest()

    def close(self) -> None:
        self._file.close()

    def _sum_up_to(self, offset: int) -> None:
        while self._summed < offset:
            data = os.pread(self._file.fileno(), min(READ_BYTES, offset - self._summed), self._summed)
            if not data:
                raise self._changed()
            self._add(data)

    def _add(self, data: bytes) -> None:
        self._sum.update(data)
        self._summed += len(data)

    def _changed(self) -> BadFile:
        return BadFile(f"{self.path.name} has changed while it was sent; nothing was imported. Send it again when it stays as it is.")


class StreamSource:
    """What comes once and then no more, such as standard input: the piece under way is kept until all of it has arrived."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._sum = hashlib.sha256()
        self._first = 0
        self._piece = b""
        self._ahead = b""
        self._began = False
        self.size_bytes: int | None = None

    def piece(self, offset: int) -> bytes:
        if not self._began:
            self._began, self._ahead = True, self._take()
        if offset >= self._first + len(self._piece) and self.size_bytes is None:
            self._first += len(self._piece)
            self._piece, self._ahead = self._ahead, self._take()
            self._sum.update(self._piece)
            if not self._ahead:
                self.size_bytes = self._first + len(self._piece)
        if offset < self._first:
            raise BadFile("krai has lost a part of what came by standard input. Send it again.")
        return self._piece[offset - self._first :]

    def sha256(self) -> str:
        return self._sum.hexdigest()

    def _take(self) -> bytes:
        gathered = bytearray()
        while len(gathered) < PIECE_BYTES and (data := self._stream.read(PIECE_BYTES - len(gathered))):
            gathered += data
        return bytes(gathered)

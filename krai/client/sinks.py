"""Where files from krai go: beside their place until they are whole, or into a stream."""

import hashlib
import os
from pathlib import Path
from typing import BinaryIO, Protocol

from krai.client.problem import BadFile

READ_BYTES = 1 << 20
PART = ".part"


def part_of(target: Path) -> Path:
    return target.with_name(target.name + PART)


class Sink(Protocol):
    """Where the bytes go. `position` is how many there are."""

    position: int

    def write(self, data: bytes) -> None: ...

    def restart(self) -> None:
        """Raises BadFile where what was written cannot be taken back."""

    def sha256(self) -> str: ...


class PartFile:
    """`users.csv.part` beside `users.csv`. What it has from before is kept."""

    def __init__(self, target: Path) -> None:
        self.target = target
        self.path = part_of(target)
        self._file = self.path.open("ab")
        self._sum = hashlib.sha256()
        self.position = 0
        with self.path.open("rb") as there:
            while data := there.read(READ_BYTES):
                self._sum.update(data)
                self.position += len(data)

    def write(self, data: bytes) -> None:
        self._file.write(data)
        self._sum.update(data)
        self.position += len(data)

    def restart(self) -> None:
        self._file.truncate(0)
        self._sum, self.position = hashlib.sha256(), 0

    def sha256(self) -> str:
        return self._sum.hexdigest()

    def place(self) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        self.path.replace(self.target)

    def discard(self) -> None:
        self.close()
        self.path.unlink(missing_ok=True)

    def close(self) -> None:
        self._file.close()


class StreamSink:
    """What is written here, such as standard output, is gone."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._sum = hashlib.sha256()
        self.position = 0

    def write(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            # A stream without a buffer, such as stdout with PYTHONUNBUFFERED, takes no more than there is room for.
            rest = rest[self._stream.write(rest) :]
        self._sum.update(data)
        self.position += len(data)

    def restart(self) -> None:
        if self.position:
            raise BadFile("The file cannot be gone on with where it was broken off, and what was written cannot be taken back.")

    def sha256(self) -> str:
        return self._sum.hexdigest()

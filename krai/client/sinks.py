"""Where files from krai go: beside their place until they are whole, or into a stream."""

import fcntl
import hashlib
import os
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Protocol

from krai.client.problem import BadFile, FileInUse

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
    """`users.csv.part` beside `users.csv`, for one download alone. What it has from before is kept. Raises FileInUse."""

    def __init__(self, target: Path) -> None:
        self.target = target
        self.path = part_of(target)
        self._file = _alone(self.path)
        self.position = os.fstat(self._file.fileno()).st_size

    def write(self, data: bytes) -> None:
        self._file.write(data)
        self.position += len(data)

    def restart(self) -> None:
        self._file.truncate(0)
        self.position = 0

    def sha256(self) -> str:
        """Of what is in the file, whoever wrote it."""
        self._file.flush()
        with self.path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def place(self) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())
        # Until it is in its place the lock is held: closing the file lets go of it.
        self.path.replace(self.target)
        self.close()

    def discard(self) -> None:
        self.path.unlink(missing_ok=True)
        self.close()

    def close(self) -> None:
        self._file.close()


def _alone(path: Path) -> BinaryIO:
    """The file at `path`, to be added to by nobody else until it is closed. Raises FileInUse."""
    while True:
        file = path.open("ab")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            name = path.name.removesuffix(PART)
            raise FileInUse(f"{name} is being written by another download. Call again when that has ended, or use another name.") from None
        except OSError:
            return file  # files of some networks cannot be locked; what is in the file is checked in the end
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(file.fileno()), path.stat()):
                return file
        file.close()  # another download has just put it in its place, or removed it


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

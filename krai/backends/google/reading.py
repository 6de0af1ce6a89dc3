"""One generation of an object as a file: any part of it, and a chunk at a time."""

import errno
import io
import os

from google.api_core.exceptions import NotFound
from google.cloud.storage import Blob as Object

from krai.backends.google.bucket import ONCE, Bucket
from krai.backends.google.trying import keep_trying
from krai.errors import Terminal
from krai.ports import Blob

CHUNK_BYTES = 8 << 20


def blob_of(found: Object) -> Blob:
    return Blob(path=found.name, size_bytes=int(found.size), generation=str(found.generation))


def open_object(bucket: Bucket, blob: Blob | None, generation: str | None) -> io.BufferedReader:
    """What was found at a path, from its beginning; `generation` is the one that is wanted, None: any. Holds one chunk.

    Raises FileNotFoundError, Terminal source_changed. So do reads, when the object is deleted or replaced meanwhile, and Transient.
    """
    if blob is None:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
    if generation not in {None, blob.generation}:
        raise Terminal("source_changed")
    return io.BufferedReader(_Chunks(bucket, blob), CHUNK_BYTES)


class _Chunks(io.RawIOBase):
    """Asks for a chunk in each read, so a connection lives no longer than that and one that breaks costs no more."""

    def __init__(self, bucket: Bucket, blob: Blob) -> None:
        self._bucket = bucket
        self._blob = blob
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        begin = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._blob.size_bytes}[whence]
        if begin + offset < 0:
            raise ValueError("before the beginning of the file")
        self._position = begin + offset
        return self._position

    def tell(self) -> int:
        return self._position

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override] # the stubs want the protocol that is new in 3.12
        end = min(self._position + min(len(buffer), CHUNK_BYTES), self._blob.size_bytes)
        if end <= self._position:
            return 0
        data = self._fetch(self._position, end)
        buffer[: len(data)] = data
        self._position = end
        return len(data)

    def readall(self) -> bytes:
        """In chunks: what is inherited asks for 8 KiB at a time."""
        pieces = bytearray()
        while self._position < self._blob.size_bytes:
            end = min(self._position + CHUNK_BYTES, self._blob.size_bytes)
            pieces += self._fetch(self._position, end)
            self._position = end
        return bytes(pieces)

    def _fetch(self, first: int, end: int) -> bytes:
        def ask(_: int) -> bytes:
            source = self._bucket.here().blob(self._blob.path, generation=int(self._blob.generation))
            data: bytes = source.download_as_bytes(start=first, end=end - 1, checksum=None, **ONCE)
            if len(data) != end - first:
                raise ConnectionError(f"{end - first} bytes were asked for, {len(data)} came")
            return data

        try:
            return keep_trying(ask)
        except NotFound:
            # A bucket without versions keeps one generation: this one is gone.
            if self._bucket.look(self._blob.path) is None:
                raise FileNotFoundError(self._blob.path) from None
            raise Terminal("source_changed") from None

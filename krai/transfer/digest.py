"""A file on its way out: written, measured and hashed in one go."""

import base64
import hashlib
import os
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import google_crc32c
import numpy as np

_FLUSH_EVERY_BYTES = 32 << 20


class OutputFile:
    """A local file under `path`; `sha256` is hexadecimal, `crc32c` base64 of its big-endian bytes, as Cloud Storage has it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.size_bytes = 0
        self._file = path.open("wb")
        self._sha256 = hashlib.sha256()
        self._crc32c = 0
        self._abandoned = False
        # The file goes to the disk while it is written, so that making it durable at the end finds little left to do.
        self._disk = ThreadPoolExecutor(1, thread_name_prefix="disk")
        self._flushed: Future[None] | None = None
        self._flushed_bytes = 0

    def write(self, data: "bytes | memoryview") -> None:
        if self._abandoned:
            return
        self._file.write(data)
        self._sha256.update(data)
        self._crc32c = google_crc32c.extend(self._crc32c, np.frombuffer(data, np.uint8))  # it takes no memoryview
        self.size_bytes += len(data)
        if self.size_bytes - self._flushed_bytes > _FLUSH_EVERY_BYTES and (self._flushed is None or self._flushed.done()):
            if self._flushed is not None:
                self._flushed.result()  # raises what the disk had to say: it says so once
            self._flushed_bytes = self.size_bytes
            self._flushed = self._disk.submit(os.fsync, self._file.fileno())

    def close(self) -> None:
        self._disk.shutdown()
        self._file.close()
        if self._flushed is not None:
            self._flushed.result()

    def abandon(self) -> None:
        """Nobody wants the file any more: what is still written, such as its end when a writer is closed, goes nowhere."""
        self._abandoned = True
        self._disk.shutdown()
        self._file.close()

    def digests(self) -> dict[str, Any]:
        crc32c = base64.b64encode(self._crc32c.to_bytes(4, "big")).decode()
        return {"size_bytes": self.size_bytes, "sha256": self._sha256.hexdigest(), "crc32c": crc32c}

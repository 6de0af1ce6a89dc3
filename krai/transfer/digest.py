"""A file on its way out: written, measured and hashed in one go."""

import base64
import hashlib
import io
from contextlib import suppress
from pathlib import Path
from typing import Any

import google_crc32c
import numpy as np

from krai.durable import DurableFile

_BUFFER_BYTES = 1 << 20


class OutputFile:
    """A local file under `path`; `sha256` is hexadecimal, `crc32c` base64 of its big-endian bytes, as Cloud Storage has it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.size_bytes = 0
        self._file = io.BufferedWriter(DurableFile(path), _BUFFER_BYTES)
        self._sha256 = hashlib.sha256()
        self._crc32c = 0
        self._abandoned = False

    def write(self, data: "bytes | memoryview") -> None:
        if self._abandoned:
            return
        self._file.write(data)
        self._sha256.update(data)
        self._crc32c = google_crc32c.extend(self._crc32c, np.frombuffer(data, np.uint8))  # it takes no memoryview
        self.size_bytes += len(data)

    def close(self) -> None:
        """Raises what the disk has to say."""
        self._file.close()

    def abandon(self) -> None:
        """Nobody wants the file any more: what is still written, such as its end when a writer is closed, goes nowhere."""
        self._abandoned = True
        with suppress(OSError):
            self._file.close()

    def digests(self) -> dict[str, Any]:
        crc32c = base64.b64encode(self._crc32c.to_bytes(4, "big")).decode()
        return {"size_bytes": self.size_bytes, "sha256": self._sha256.hexdigest(), "crc32c": crc32c}

"""Files of the embedded mode that are still there after a power cut: what a commit names was on the disk before it."""

import io
import os
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import fs
from pyiceberg.io.pyarrow import PyArrowFileIO

from krai.durable import make_folders, sync_folder

_BUFFER_BYTES = 1 << 20
_WRITE_OUT_BYTES = 8 << 20


class LocalFiles(fs.LocalFileSystem):  # type: ignore[misc]  # pyarrow has no types
    """Makes the folders of a new file, and makes both durable: its name when it is opened, its bytes when it is closed."""

    def open_output_stream(self, path: str, *_: Any, **__: Any) -> pa.NativeFile:
        file = Path(path)
        make_folders(file.parent)
        # Arrow takes it that a write writes all; a bare file on a disk that runs full may write less.
        stream = io.BufferedWriter(_Durable(path, "w"), _BUFFER_BYTES)
        sync_folder(file.parent)
        return pa.PythonFile(stream, mode="w")


class LocalFileIO(PyArrowFileIO):
    """How pyiceberg comes to these files; the catalog names this class."""

    def _initialize_local_fs(self) -> fs.FileSystem:
        return LocalFiles()


class _Durable(io.FileIO):
    """Goes to the disk while it is written, so that making it durable at the end finds little left to do."""

    def __init__(self, path: str, mode: str) -> None:
        super().__init__(path, mode)
        self._written_bytes = self._begun_bytes = 0

    def write(self, data: Any) -> int:
        count = super().write(data)
        self._written_bytes += count
        if (fresh_bytes := self._written_bytes - self._begun_bytes) >= _WRITE_OUT_BYTES and hasattr(os, "posix_fadvise"):
            # Linux begins to write what it is told that nobody needs, and keeps it in memory until it is written.
            os.posix_fadvise(self.fileno(), self._begun_bytes, fresh_bytes, os.POSIX_FADV_DONTNEED)
            self._begun_bytes = self._written_bytes
        return count

    def close(self) -> None:
        if not self.closed:
            os.fsync(self.fileno())
        super().close()

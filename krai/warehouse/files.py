"""Files of the embedded mode that are still there after a power cut: what a commit names was on the disk before it."""

import io
import os
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import fs
from pyiceberg.io.pyarrow import PyArrowFileIO

_BUFFER_BYTES = 1 << 20


class LocalFiles(fs.LocalFileSystem):  # type: ignore[misc]  # pyarrow has no types
    """Makes the folders of a new file, and makes both durable: its name when it is opened, its bytes when it is closed."""

    def open_output_stream(self, path: str, *_: Any, **__: Any) -> pa.NativeFile:
        file = Path(path)
        _make_folders(file.parent)
        # Arrow takes it that a write writes all; a bare file on a disk that runs full may write less.
        stream = io.BufferedWriter(_Durable(path, "w"), _BUFFER_BYTES)
        _sync(file.parent)
        return pa.PythonFile(stream, mode="w")


class LocalFileIO(PyArrowFileIO):
    """How pyiceberg comes to these files; the catalog names this class."""

    def _initialize_local_fs(self) -> fs.FileSystem:
        return LocalFiles()


class _Durable(io.FileIO):
    def close(self) -> None:
        if not self.closed:
            os.fsync(self.fileno())
        super().close()


def _make_folders(folder: Path) -> None:
    if folder.is_dir():
        return
    _make_folders(folder.parent)
    folder.mkdir(exist_ok=True)
    _sync(folder.parent)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

"""Files of the embedded mode that are still there after a power cut: what a commit names was on the disk before it."""

import io
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import fs
from pyiceberg.io.pyarrow import PyArrowFileIO

from krai.durable import DurableFile, make_folders, sync_folder

_BUFFER_BYTES = 1 << 20


class LocalFiles(fs.LocalFileSystem):  # type: ignore[misc]  # pyarrow has no types
    """Makes the folders of a new file, and makes both durable: its name when it is opened, its bytes when it is closed."""

    def open_output_stream(self, path: str, *_: Any, **__: Any) -> pa.NativeFile:
        file = Path(path)
        make_folders(file.parent)
        # Arrow takes it that a write writes all; a bare file on a disk that runs full may write less.
        stream = io.BufferedWriter(DurableFile(path), _BUFFER_BYTES)
        sync_folder(file.parent)
        return pa.PythonFile(stream, mode="w")


class LocalFileIO(PyArrowFileIO):
    """How pyiceberg comes to these files; the catalog names this class."""

    def _initialize_local_fs(self) -> fs.FileSystem:
        return LocalFiles()

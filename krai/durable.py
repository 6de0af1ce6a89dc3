"""Files and folders that are still there after a power cut."""

import contextlib
import io
import os
from pathlib import Path
from typing import Any

_WRITE_OUT_BYTES = 8 << 20


class DurableFile(io.FileIO):
    """A new file, which is on the disk once it is closed. It goes there while it is written, so that little is left to do at the end.

    What the disk has to say of any of it is raised by `close`. A write may take less than it is given, as that of any bare file.
    """

    def __init__(self, path: str | Path) -> None:
        super().__init__(path, "w")
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
        try:
            if not self.closed:
                os.fsync(self.fileno())
        finally:
            super().close()


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable, as fsync of a file alone does not."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_folders(folder: Path) -> None:
    """Create a folder and its missing parents, durably."""
    if folder.is_dir():
        return
    make_folders(folder.parent)
    with contextlib.suppress(FileExistsError):
        folder.mkdir()
    sync_folder(folder.parent)

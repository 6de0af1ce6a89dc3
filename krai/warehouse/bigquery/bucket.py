"""The bucket between krai and BigQuery: files of parts on their way in, and of rows on their way out.

    jobs/{job}/e{epoch}/bigquery/…    beside the other files of the attempt they belong to

Each is removed as soon as it was read. What is left of an attempt whose process died goes with the attempt's other files.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import fs

from krai.errors import Transient

_BUFFER_BYTES = 8 << 20  # what goes to a bucket at once; Arrow itself asks anew for every 256 KiB


@dataclass(frozen=True, slots=True)
class Bucket:
    """Paths begin with the bucket's name, and `gs://` before them makes them addresses."""

    name: str
    files: fs.FileSystem

    def path(self, job_id: str, epoch: int, name: str) -> str:
        return f"{self.name}/jobs/{job_id}/e{epoch}/bigquery/{name}"

    def begin(self, path: str) -> pa.NativeFile:
        """A file that is there when it was closed."""
        with _answering():
            return self.files.open_output_stream(path, buffer_size=_BUFFER_BYTES)

    def read(self, folder: str) -> list[pa.Table]:
        """The Parquet files in a folder."""
        with _answering():
            return [self._table(path) for path in self._paths(folder)]

    def remove(self, path: str) -> None:
        """It may be gone, and nobody waits for its end."""
        with suppress(OSError):
            self.files.delete_file(path)

    def remove_all(self, folder: str) -> None:
        with suppress(OSError):
            for path in self._paths(folder):
                self.remove(path)

    def _paths(self, folder: str) -> list[str]:
        found = self.files.get_file_info(fs.FileSelector(folder, allow_not_found=True))
        return sorted(info.path for info in found if info.is_file)

    def _table(self, path: str) -> pa.Table:
        with self.files.open_input_file(path) as stream:
            return pq.ParquetFile(stream, pre_buffer=True).read(use_threads=False)


@contextmanager
def _answering() -> Iterator[None]:
    try:
        yield
    except OSError:
        raise Transient("store_busy", "The bucket does not answer, or a file in it is gone.") from None

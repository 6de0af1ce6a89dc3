"""DuckDB for work that may not fit into memory: with a limit, and with words of ours for what goes wrong."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import duckdb
import pyarrow as pa

from krai.errors import KraiError, Terminal, Transient

_THREADS = 2
# It works on what it is handed and reaches for nothing else: no file but its own, no extension, no variable of this process.
_SETTINGS = {
    "threads": str(_THREADS),
    "python_enable_replacements": "false",
    "autoload_known_extensions": "false",
    "autoinstall_known_extensions": "false",
}
_LOCK = "SET enable_external_access = false; SET lock_configuration = true"
_DISK = ("No space left", "max_temp_directory_size", "Disk quota exceeded", "File too large")


def open_spilling(folder: Path | None, memory: str) -> duckdb.DuckDBPyConnection:
    """A database in memory. What does not fit into `memory` goes to the folder, which is made for that; None: it has to fit."""
    connection = duckdb.connect(config={**_SETTINGS, "memory_limit": memory, "temp_directory": "" if folder is None else str(folder)})
    connection.execute(_LOCK)
    return connection


class Handed:
    """Batches on their way into DuckDB, which would tell of what fails there in words only."""

    def __init__(self) -> None:
        self._failure: BaseException | None = None

    def over(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        self._failure = None
        try:
            yield from batches
        except BaseException as error:
            self._failure = error
            raise

    def failure(self, error: Exception) -> BaseException:
        """What has really gone wrong: where the batches come from, or else in DuckDB."""
        return self._failure or translated(error)


def translated(error: Exception) -> KraiError:
    """What DuckDB, or the disk it works on, has failed by."""
    said = str(error)
    if any(words in said for words in _DISK):
        return Terminal("disk_full")
    if "Out of Memory" in said:
        return Terminal("memory_limit", "The rows are too long to be sorted, or their keys to be looked up.")
    return Transient("internal", "The rows could not be sorted, or their keys not looked up.")

"""Sorted runs on disk, and one sorted row of rows made of them: an external merge sort with memory that does not grow with the rows.

A run is an Arrow IPC file whose last column `KEY` (binary) orders its rows bytewise; no two rows of all runs have the same key.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from krai.pipeline import in_order

KEY = "key"
_FAN_IN = 32  # runs that are merged into one
_BLOCK_BYTES = 256 << 10  # what is read of a run at least
_MEMORY_BYTES = 16 << 20  # what is read of all of them together
_LONGEST_READ = 16  # blocks
_AHEAD = 2
_PACKED = pa.ipc.IpcWriteOptions(compression="lz4")


class Runs:
    """Runs in a folder. Those that are too many to be merged at once are first merged into fewer."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._paths: list[Path] = []
        self._made = 0
        self._schema: pa.Schema | None = None

    def add(self, rows: pa.RecordBatchReader) -> None:
        """A run of its own, of rows that are sorted; all runs have one schema. Raises OSError."""
        self._schema = rows.schema
        self._paths.append(self._write(rows))

    def merged(self, limit: int | None) -> Iterator[Callable[[], pa.RecordBatch]]:
        """The first `limit` rows, with their keys, in order; each piece is put together where it is called. Raises OSError."""
        while len(self._paths) > _FAN_IN:
            self._paths = [self._as_one(self._paths[first : first + _FAN_IN]) for first in range(0, len(self._paths), _FAN_IN)]
        yield from _merged(self._paths, limit)

    def _as_one(self, paths: list[Path]) -> Path:
        if len(paths) == 1:
            return paths[0]
        merged = self._write(in_order(_call, _merged(paths, None), ahead=_AHEAD))
        for path in paths:
            path.unlink()
        return merged

    def _write(self, batches: Iterable[pa.RecordBatch]) -> Path:
        path = self._folder / f"run-{self._made}"
        self._made += 1
        with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, self._schema, options=_PACKED) as writer:
            for batch in batches:
                rows = max(1, _BLOCK_BYTES * batch.num_rows // max(1, batch.nbytes))
                for start in range(0, batch.num_rows, rows):
                    writer.write_batch(batch.slice(start, rows))
        return path


class _Run:
    """A run as far as it has not been merged; `blocks` of it are read at a time."""

    def __init__(self, path: Path, blocks: int, opened: ExitStack) -> None:
        self._reader = pa.ipc.open_file(opened.enter_context(pa.OSFile(str(path), "rb")))
        self._blocks = blocks
        self._next = 0
        self._position = 0

    def read(self) -> bool:
        """The next rows; False when there are none."""
        until = min(self._next + self._blocks, self._reader.num_record_batches)
        if self._next == until:
            return False
        self._batch = pa.concat_batches([self._reader.get_batch(number) for number in range(self._next, until)])
        self._next, self._position = until, 0
        self._keys = _Keys(self._batch.column(KEY))
        self.last = self._keys[len(self._keys) - 1]
        self._first = self._keys[0]
        return True

    def take(self, last: bytes) -> pa.RecordBatch | None:
        """The rows, of those that are read, up to the one with this key; None when there are none."""
        if self._first > last:
            return None
        start, self._position = self._position, bisect_right(self._keys, last, self._position)
        if not self.spent:
            self._first = self._keys[self._position]
        return self._batch.slice(start, self._position - start)

    @property
    def spent(self) -> bool:
        return self._position == len(self._keys)


class _Keys:
    """A column of binary values as a sequence of bytes."""

    def __init__(self, column: pa.Array) -> None:
        self._column = column

    def __len__(self) -> int:
        return len(self._column)

    def __getitem__(self, place: int) -> bytes:
        value: bytes = self._column[place].as_py()
        return value


def _merged(paths: list[Path], limit: int | None) -> Iterator[Callable[[], pa.RecordBatch]]:
    blocks = min(_LONGEST_READ, max(1, _MEMORY_BYTES // (_BLOCK_BYTES * max(1, len(paths)))))
    with ExitStack() as opened:
        runs = [run for run in (_Run(path, blocks, opened) for path in paths) if run.read()]
        left = limit
        while runs and left != 0:
            # No run has a row before the end of this one that is not read yet.
            last = min(run.last for run in runs)
            taken = [rows for run in runs if (rows := run.take(last)) is not None]
            yield partial(_put_together, taken, left)
            if left is not None:
                left = max(0, left - sum(rows.num_rows for rows in taken))
            runs = [run for run in runs if not run.spent or run.read()]


def _put_together(parts: list[pa.RecordBatch], most: int | None) -> pa.RecordBatch:
    rows = pa.concat_batches(parts)
    in_order = rows if len(parts) == 1 else rows.take(pc.sort_indices(rows.column(KEY)))
    return in_order.slice(0, most)


def _call(part: Callable[[], pa.RecordBatch]) -> pa.RecordBatch:
    return part()

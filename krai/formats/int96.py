"""INT96, the times of Parquet before it had timestamps: a day and the nanoseconds since its midnight.

In 64 bits nanoseconds reach from 1677 to 2262, and microseconds, which they are read as here, beyond all years of a dataset. Nanoseconds
are wrong by a multiple of 2**64 where they have no room, but what they are more than the microseconds is right: by it is seen which times
have digits that are lost.
"""

from collections.abc import Iterator, Sequence
from typing import BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

UNIT = "us"
_PER_UNIT = 1000


def int96_columns(footer: pq.FileMetaData) -> list[str]:
    columns = [footer.schema.column(place) for place in range(footer.num_columns)]
    return [column.path for column in columns if column.physical_type == "INT96"]


class Nanoseconds:
    """Those of the columns `names`, read along with the batches of a file in which they are microseconds."""

    def __init__(self, file: BinaryIO, names: Sequence[str], buffer_bytes: int) -> None:
        self._names = names
        self._batches: Iterator[pa.RecordBatch] = iter(())
        if names:
            self._batches = pq.ParquetFile(file, buffer_size=buffer_bytes).iter_batches(columns=list(names), use_threads=False)
        self._ahead: pa.RecordBatch | None = None

    def beside(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """The next batch, with those columns as text, all nine digits of a second where there are so many, that microseconds do not keep.

        Raises ArrowInvalid for a damaged file.
        """
        if not self._names or not batch.num_rows:
            return batch
        finer = self._next(batch.num_rows)
        for name in self._names:
            times = batch.column(name)
            rest = _numbers(finer[name].combine_chunks()) - _numbers(times) * _PER_UNIT
            if rest.any():
                digits = pc.utf8_lpad(pa.array(rest).cast(pa.string()), 3, "0")
                digits = pc.if_else(pa.array(rest != 0), digits, "")
                text = pc.binary_join_element_wise(times.cast(pa.string()), digits, "")
                batch = batch.set_column(batch.schema.get_field_index(name), name, text)
        return batch

    def _next(self, rows: int) -> pa.Table:
        pieces = []
        while rows:
            if self._ahead is None or not self._ahead.num_rows:
                self._ahead = next(self._batches, None)
            if self._ahead is None:
                raise pa.ArrowInvalid("a column is shorter than the others")
            pieces.append(self._ahead.slice(0, rows))
            self._ahead = self._ahead.slice(rows)
            rows -= pieces[-1].num_rows
        return pa.Table.from_batches(pieces)


def _numbers(times: pa.Array) -> "np.ndarray[tuple[int], np.dtype[np.int64]]":
    numbers: np.ndarray[tuple[int], np.dtype[np.int64]] = pc.fill_null(times.cast(pa.int64()), 0).to_numpy(zero_copy_only=False)
    return numbers

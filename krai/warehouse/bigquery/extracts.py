"""The rows of a snapshot by way of the bucket: BigQuery writes Parquet files there, many at once, and krai reads those.

How it cuts and orders them is its own affair: rows come with their places, and are sorted when they are here.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

import numpy as np
import pyarrow as pa

from krai import failpoint
from krai.pipeline import in_order
from krai.warehouse.bigquery import names
from krai.warehouse.bigquery.bucket import Bucket
from krai.warehouse.bigquery.columns import ROW
from krai.warehouse.bigquery.failures import translated
from krai.warehouse.bigquery.history import Span, text
from krai.warehouse.bigquery.jobs import Jobs
from krai.warehouse.selecting import ranges

_BUNCH_BYTES = 32 << 20  # of what one job extracts; as many are under way at once, in BigQuery and in memory
_UNDER_WAY = 3
_PLACE = "place"

Bunch = Sequence[tuple[int, int]]  # ranges of rows that follow each other: the first, and the row after the last


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """The attempt that reads, and where its files are meanwhile; `turns` number its jobs."""

    bucket: Bucket
    job_id: str
    epoch: int
    turns: Iterator[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Extract:
    """The pieces of a snapshot with the columns of `schema`, called `stored` in its table. A piece is in memory when it comes.

    `select` makes the query for expressions and a range of rows, and `texts` are its parameters.
    """

    jobs: Jobs
    reader: Reader
    schema: pa.Schema
    stored: Sequence[str]
    select: Callable[[str, int, int], str]
    texts: dict[str, str]
    bunches: Sequence[Bunch]

    def __iter__(self) -> Iterator[Callable[[], pa.Table]]:
        numbered = zip(self.bunches, self.reader.turns, strict=False)
        for pieces in in_order(self._read, numbered, ahead=_UNDER_WAY, threads=_UNDER_WAY):
            yield from pieces

    def _read(self, numbered: tuple[Bunch, int]) -> list[Callable[[], pa.Table]]:
        bunch, number = numbered
        reader = self.reader
        folder = reader.bucket.path(reader.job_id, reader.epoch, f"x{number}")
        options = f"uri = {text(f'gs://{folder}/*.parquet')}, format = 'PARQUET', compression = 'SNAPPY', overwrite = TRUE"
        statement = f"EXPORT DATA OPTIONS ({options}) AS {self.select(self._selected, bunch[0][0], bunch[-1][1])}"
        try:
            with translated():
                self.jobs.run(statement, names.job(reader.job_id, reader.epoch, f"x{number}"), self.texts, label=reader.job_id)
            failpoint.reach("after_extract")
            tables = reader.bucket.read(folder)
        finally:
            reader.bucket.remove_all(folder)
        return self._pieces(pa.concat_tables(tables).combine_chunks(), bunch) if tables else []

    @property
    def _selected(self) -> str:
        cells = (_written(f"`{column}`", field.type) for column, field in zip(self.stored, self.schema, strict=True))
        return ", ".join([f"{ROW} AS {_PLACE}", *(f"{cell} AS c{number}" for number, cell in enumerate(cells))])

    def _pieces(self, found: pa.Table, bunch: Bunch) -> list[Callable[[], pa.Table]]:
        found = found.sort_by(_PLACE)
        table = pa.table([_read_back(found.column(f"c{n}"), field.type) for n, field in enumerate(self.schema)], schema=self.schema)
        cuts = np.searchsorted(found.column(_PLACE).to_numpy(), [first for first, _ in bunch] + [bunch[-1][1]])
        return [partial(table.slice, start, end - start) for start, end in pairwise(cuts)]


def bunches(written: Iterable[Span], end_row: int) -> list[Bunch]:
    """The rows before `end_row`, as they are extracted together and handed on apart."""
    made: list[Bunch] = []
    held: list[Span] = []
    held_bytes = 0
    for span in written:
        if held and held_bytes + span[2] > _BUNCH_BYTES:
            made.append(list(ranges(held, end_row)))
            held, held_bytes = [], 0
        held.append(span)
        held_bytes += span[2]
    return [bunch for bunch in [*made, list(ranges(held, end_row))] if bunch]


def _written(column: str, arrow: pa.DataType) -> str:
    """The cells as something that Parquet has one meaning for: times are counted, decimals are text."""
    if pa.types.is_timestamp(arrow):
        return f"UNIX_MICROS({column})" if arrow.tz else f"UNIX_MICROS(TIMESTAMP({column}))"
    if pa.types.is_date(arrow):
        return f"UNIX_DATE({column})"
    return f"CAST({column} AS STRING)" if pa.types.is_decimal(arrow) else column


def _read_back(column: pa.ChunkedArray, arrow: pa.DataType) -> pa.ChunkedArray:
    return column.cast(pa.int32()).cast(arrow) if pa.types.is_date(arrow) else column.cast(arrow)

"""The typed rows of imports under way: each part is a Parquet file, then a table that no commit has taken yet.

Columns of a part are named by digests of their names, so that any name will do. How its rows were written stands in the table's
description.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq
from google.api_core.exceptions import NotFound

from krai.errors import Transient
from krai.formats.row_groups import open_writer, write_group
from krai.warehouse.bigquery import columns
from krai.warehouse.bigquery.columns import ROW
from krai.warehouse.bigquery.failures import translated
from krai.warehouse.bigquery.jobs import Jobs
from krai.warehouse.bigquery.waiting import Waiting

Piece = tuple[int, int]  # rows, and their bytes in Arrow

KEPT = "expiration_timestamp = TIMESTAMP_ADD(CURRENT_TIMESTAMP(), INTERVAL 7 DAY)"  # BigQuery itself removes what was left behind
_MOST_PIECES = 600  # a description has 16,384 letters


class TablePart:
    """Implements `Part`: its table is made when it is closed."""

    def __init__(self, jobs: Jobs, waiting: Waiting, location: str, job_id: str) -> None:
        self.location = location
        self._jobs = jobs
        self._job_id = job_id
        self._waiting = waiting
        self._writer: pq.ParquetWriter | None = None
        self._schema = pa.schema([])
        self._pieces: list[Piece] = []
        self._rows = 0

    def write(self, table: pa.Table) -> None:
        places = pa.array(range(self._rows, self._rows + table.num_rows), pa.int64())
        named = table.rename_columns([staged(name) for name in table.schema.names]).append_column(ROW, places)
        with translated():
            if self._writer is None:
                columns.check(table.schema)
                self._schema = table.schema
                self._writer = open_writer(self._waiting.begin(), named)
            write_group(self._writer, named)
        self._pieces.append((table.num_rows, table.nbytes))
        self._rows += table.num_rows

    def close(self) -> None:
        with translated():
            try:
                if self._writer is not None:
                    self._writer.close()
                self._make_table()
                if self._rows:
                    self._waiting.load(self._jobs, self.location, f"krai-{self.location}", label=self._job_id)
            finally:
                self._waiting.remove()

    def _make_table(self) -> None:
        there = {name: staged(name) for name in self._schema.names}
        made = ", ".join([*columns.definitions(there, self._schema), f"{ROW} INT64"])
        told = json.dumps(_fewer(self._pieces))
        statement = f"CREATE TABLE {self._jobs.named(self.location)} ({made}) OPTIONS (description = '{told}', {KEPT})"
        with translated():
            self._jobs.run(statement, f"krai-{self.location}-table", label=self._job_id)


@dataclass(frozen=True, slots=True)
class Written:
    """A closed part: the names of its columns are those of `staged`."""

    location: str
    columns: frozenset[str]
    pieces: Sequence[Piece]

    @property
    def rows(self) -> int:
        return sum(rows for rows, _ in self.pieces)


def staged(name: str) -> str:
    """The column of a part for a column of a file."""
    return "c" + hashlib.sha256(name.encode()).hexdigest()[:20]


def closed(jobs: Jobs, location: str) -> Written:
    """Raises Transient when the part was swept away, as those of an attempt are that others take for dead."""
    with translated():
        try:
            table = jobs.table(location)
        except NotFound:
            raise Transient("store_busy", "A part of the import is not there any more.") from None
    pieces = [(rows, size_bytes) for rows, size_bytes in json.loads(table.description or "[]")]
    written = Written(location, frozenset(field.name for field in table.schema), pieces)
    if table.num_rows != written.rows:
        raise Transient("store_busy", "A part of the import has not arrived as a whole.")
    return written


def _fewer(pieces: Sequence[Piece]) -> list[Piece]:
    """Pieces put together until they are few enough; a part is bounded in bytes, so they stay so, too."""
    while len(pieces) > _MOST_PIECES:
        pairs = [pieces[start : start + 2] for start in range(0, len(pieces), 2)]
        pieces = [(sum(rows for rows, _ in pair), sum(size_bytes for _, size_bytes in pair)) for pair in pairs]
    return list(pieces)

"""The rows of a snapshot, cut into pieces of bounded size, in the order in which they were imported."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial

import pyarrow as pa

from krai.warehouse.bigquery.columns import ROW, to_arrow
from krai.warehouse.bigquery.extracts import Extract, Reader, bunches
from krai.warehouse.bigquery.failures import translated
from krai.warehouse.bigquery.filters import Filter
from krai.warehouse.bigquery.history import Snapshot, Span
from krai.warehouse.bigquery.jobs import Jobs
from krai.warehouse.bigquery.tables import there_at
from krai.warehouse.selecting import ranges


@dataclass(frozen=True, slots=True)
class Rows:
    """Those of a snapshot that a filter lets through."""

    jobs: Jobs
    snapshot: Snapshot
    filter: Filter | None = None
    label: str = ""

    def refused(self) -> int:
        """How many the filter does not let through."""
        if self.filter is None:
            return 0
        query = f"SELECT COUNT(*) - COUNTIF({self.filter.condition}) AS refused FROM {self._table} WHERE {self._there}"
        return self._number(query)

    def end_row(self, limit: int | None) -> int:
        """The row before which there are the first `limit` of them, or all."""
        if limit is None or (self.filter is None and limit >= self.snapshot.rows):
            return self.snapshot.end_row
        first = f"SELECT {ROW} FROM {self._table} WHERE {self._taken} ORDER BY {ROW} LIMIT {limit}"
        return self._number(f"SELECT COALESCE(MAX({ROW}) + 1, 0) AS end_row FROM ({first})")

    def pieces(self, schema: pa.Schema, written: Iterable[Span], end_row: int) -> Iterator[Callable[[], pa.Table]]:
        """One for each range of rows before `end_row`, with the columns of `schema`."""
        # A query has a column at least, so that rows can be counted.
        selected = ", ".join(f"`{self.snapshot.stored[name]}`" for name in schema.names) or ROW
        for first, last in ranges(written, end_row):
            yield partial(self._read, f"{self._select(selected, first, last)} ORDER BY {ROW}", schema)

    def extracted(self, schema: pa.Schema, written: Iterable[Span], end_row: int, reader: Reader) -> Extract:
        """The same, in the same order, by way of the bucket."""
        stored = [self.snapshot.stored[name] for name in schema.names]
        made = bunches(written, end_row)
        return Extract(jobs=self.jobs, reader=reader, schema=schema, stored=stored, select=self._select, texts=self._texts, bunches=made)

    def _select(self, selected: str, first: int, last: int) -> str:
        return f"SELECT {selected} FROM {self._table} WHERE {ROW} >= {first} AND {ROW} < {last} AND {self._taken}"

    def _read(self, query: str, schema: pa.Schema) -> pa.Table:
        tables = [to_arrow(page, schema) for page in self.jobs.pages(query, self._texts, label=self.label)]
        return pa.concat_tables([schema.empty_table(), *tables]).combine_chunks()

    def _number(self, query: str) -> int:
        with translated():
            (row,) = self.jobs.ask(query, self._texts, label=self.label)
        return int(row[0])

    @property
    def _texts(self) -> dict[str, str]:
        return {} if self.filter is None else self.filter.texts

    @property
    def _table(self) -> str:
        return self.jobs.named(self.snapshot.table)

    @property
    def _there(self) -> str:
        return there_at(self.snapshot.snapshot_id)

    @property
    def _taken(self) -> str:
        return self._there if self.filter is None else f"{self._there} AND {self.filter.condition}"

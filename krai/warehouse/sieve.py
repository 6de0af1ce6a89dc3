"""The filter of one scan at work on Iceberg's files: which need not be read, which rows stay, and how many do not."""

import threading
from collections.abc import Hashable

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyiceberg.conversions import from_bytes
from pyiceberg.manifest import DataFile
from pyiceberg.schema import Schema
from pyiceberg.types import PrimitiveType

from krai.formats.types import columns_of
from krai.predicate.parse import parse
from krai.predicate.tree import columns_in
from krai.warehouse.bounds import Bounds, may_match
from krai.warehouse.columns import arrow_schema
from krai.warehouse.matching import matching


class Sieve:
    """`schema` is that of the columns the filter asks about. Counting a place again takes the place of the earlier count.

    Raises Terminal invalid_filter.
    """

    def __init__(self, text: str, schema: Schema) -> None:
        known = arrow_schema(schema)
        self._predicate = parse(text, columns_of(known))
        # A filter that asks about no column still counts rows, so one is read for it.
        asked = columns_in(self._predicate) or {known.names[0]}
        self.schema = pa.schema([field for field in known if field.name in asked])
        self._fields = [
            (field.name, field.field_id, field.field_type)
            for field in schema.fields
            if field.name in asked and isinstance(field.field_type, PrimitiveType)
        ]
        self._dropped: dict[Hashable, int] = {}
        self._lock = threading.Lock()

    def may_hold(self, file: DataFile) -> bool:
        return may_match(self._predicate, {name: _of_file(file, number, kind) for name, number, kind in self._fields})

    def may_hold_group(self, group: pq.RowGroupMetaData, held: pa.Schema) -> bool:
        """`held` are the columns of the file. What was written as another type says nothing."""
        places = {group.column(number).path_in_schema: number for number in range(group.num_columns)}
        bounds = {}
        for field in self.schema:
            if field.name not in held.names:
                bounds[field.name] = Bounds(rows=group.num_rows, nulls=group.num_rows)
            elif field.name in places and held.field(field.name).type == field.type:
                bounds[field.name] = _bounds(group.column(places[field.name]).statistics, field.type, group.num_rows)
        return may_match(self._predicate, bounds)

    def mask(self, place: Hashable, rows: pa.Table) -> pa.ChunkedArray:
        """For each of the rows at this place whether it stays; `rows` have the columns of `schema`."""
        stays = matching(self._predicate, rows)
        self.drop(place, rows.num_rows - (pc.sum(stays).as_py() or 0))
        return stays

    def drop(self, place: Hashable, rows: int) -> None:
        with self._lock:
            self._dropped[place] = rows

    def dropped(self) -> int:
        with self._lock:
            return sum(self._dropped.values())


def _of_file(file: DataFile, number: int, kind: PrimitiveType) -> Bounds:
    low, high = (file.lower_bounds or {}).get(number), (file.upper_bounds or {}).get(number)
    return Bounds(
        rows=file.record_count,
        nulls=(file.null_value_counts or {}).get(number),
        low=None if low is None else from_bytes(kind, low),
        high=None if high is None else from_bytes(kind, high),
    )


def _bounds(statistics: pq.Statistics | None, kind: pa.DataType, rows: int) -> Bounds:
    if statistics is None:
        return Bounds(rows=rows)
    nulls = statistics.null_count if statistics.has_null_count else None
    if not statistics.has_min_max:
        return Bounds(rows=rows, nulls=nulls)
    if pa.types.is_temporal(kind):
        return Bounds(rows=rows, nulls=nulls, low=statistics.min_raw, high=statistics.max_raw)
    return Bounds(rows=rows, nulls=nulls, low=statistics.min, high=statistics.max)

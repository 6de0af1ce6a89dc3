"""Keys of rows against keys of other rows, also when they do not fit into memory: DuckDB joins them, on disk when it has to.

A row is known by its place: the number of its file times 2⁴⁰, plus its position in the file.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import reduce
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyiceberg.expressions import And, BooleanExpression, GreaterThanOrEqual, LessThanOrEqual
from pyiceberg.expressions.visitors import _InclusiveMetricsEvaluator
from pyiceberg.io import FileIO
from pyiceberg.manifest import DataFile
from pyiceberg.schema import Schema

from krai.warehouse.pieces import DataPart, Kept
from krai.warehouse.positions import NOWHERE, Gone, Positions, positions_between
from krai.warehouse.spilling import Handed, open_spilling

_MEMORY = "256MiB"
_FILE_BITS = 40
_AT_LEAST: Callable[..., BooleanExpression] = GreaterThanOrEqual
_AT_MOST: Callable[..., BooleanExpression] = LessThanOrEqual


class Keys:
    """The keys of some rows. `schema` has the key columns; what does not fit into memory goes to the folder `scratch`, if there is one."""

    def __init__(self, schema: pa.Schema, scratch: Path | None) -> None:
        self.schema = schema
        self._ranges: dict[str, tuple[pa.Scalar, pa.Scalar]] = {}
        self._duckdb = open_spilling(None if scratch is None else scratch / "keys", _MEMORY)
        self._handed = Handed()
        self._names = [f"k{number}" for number in range(len(schema))]

    def close(self) -> None:
        self._duckdb.close()

    def take(self, rows: Iterable[pa.Table]) -> Positions:
        """Keep the keys of these rows, of equal ones the last; the places of the others. Once."""
        columns = ", ".join(self._names)
        self._stream(self._noted(rows), self.schema)
        self._run("CREATE TABLE taken AS SELECT * FROM incoming")
        self._run(f"CREATE TABLE newest AS SELECT max(place) AS place, {columns} FROM taken GROUP BY {columns}")  # noqa: S608
        repeated = self._places("SELECT place FROM taken ANTI JOIN newest USING (place)", "place")[0]
        self._run("DROP TABLE taken")
        return repeated

    def __len__(self) -> int:
        return int(self._run("SELECT count(*) AS count FROM newest")["count"][0])

    def matches(self, rows: Iterable[pa.Table], key: pa.Schema) -> tuple[Positions, int]:
        """The places of those rows whose key is among these, and how many of these there are such rows for. `key` has their types."""
        self._stream(rows, key)
        same = " AND ".join(f"incoming.{name} = newest.{name}" for name in self._names)
        query = f"SELECT incoming.place AS place, newest.place AS match FROM incoming JOIN newest ON {same}"  # noqa: S608
        places, matched = self._places(query, "place", "match")
        return places, len(np.unique(matched))

    def may_be_in(self) -> BooleanExpression | None:
        """What the columns of a file must be like so that it can have one of these keys, None: no file can be ruled out by that."""
        limits = [
            limit for name, (low, high) in self._ranges.items() for limit in (_AT_LEAST(name, low.as_py()), _AT_MOST(name, high.as_py()))
        ]
        return reduce(And, limits) if limits else None

    def _noted(self, rows: Iterable[pa.Table]) -> Iterator[pa.Table]:
        """The rows, with the ranges of their keys noted; not of floating point, for files say nothing of NaN."""
        ranged = [
            (field.name, name)
            for field, name in zip(self.schema, self._names, strict=True)
            if pa.types.is_integer(field.type) or pa.types.is_date(field.type) or pa.types.is_string(field.type)
        ]
        for table in rows:
            for name, column in ranged if table.num_rows else ():
                before = self._ranges.get(name, ())
                found = pc.min_max(pa.chunked_array([table.column(column).combine_chunks(), pa.array(before, table.column(column).type)]))
                self._ranges[name] = (found["min"], found["max"])
            yield table

    def _stream(self, rows: Iterable[pa.Table], key: pa.Schema) -> None:
        types = [pa.field("place", pa.int64()), *(pa.field(name, field.type) for name, field in zip(self._names, key, strict=True))]
        batches = (batch for table in rows for batch in table.to_batches())
        self._duckdb.register("incoming", pa.RecordBatchReader.from_batches(pa.schema(types), self._handed.over(batches)))

    def _places(self, query: str, *columns: str) -> list[Positions]:
        found = self._run(query)
        return [np.asarray(found[column], dtype=np.int64) for column in columns]

    def _run(self, query: str) -> dict[str, Any]:
        try:
            return self._duckdb.execute(query).fetchnumpy()
        except (duckdb.Error, pa.ArrowException, OSError) as error:
            raise self._handed.failure(error) from error


class KeyedFiles:
    """Data files as rows with keys and places. `gone` rows are left out; of files that `only` names, all others are."""

    def __init__(self, io: FileIO, schema: Schema, kept: Kept) -> None:
        self._io = io
        self._schema = schema
        self._kept = kept

    def rows(
        self, files: Sequence[DataFile], key: pa.Schema, *, gone: Gone | None = None, only: Gone | None = None, near: Keys | None = None
    ) -> Iterator[pa.Table]:
        """`near`: files that cannot have one of these keys are not opened."""
        within = None if near is None else near.may_be_in()
        may_match = None if within is None else _InclusiveMetricsEvaluator(self._schema, within).eval
        for number, file in enumerate(files):
            if only is not None and file.file_path not in only:
                continue
            if may_match is None or may_match(file):
                yield from self._rows_of(file, number, key, (gone or {}).get(file.file_path, NOWHERE), (only or {}).get(file.file_path))

    def _rows_of(self, file: DataFile, number: int, key: pa.Schema, gone: Positions, only: Positions | None) -> Iterator[pa.Table]:
        if len(gone) == file.record_count:
            return
        part = DataPart(self._io, file, key, self._kept)
        pieces = [(first, count, part.piece(group)) for group, first, count in part.groups()]
        for first, count, piece in pieces:
            table = piece()
            places = np.arange(first, first + count) + (number << _FILE_BITS)
            named = pa.table([pa.array(places), *table.columns], names=["place", *(f"k{column}" for column in range(len(key)))])
            if only is not None:
                named = named.take(pa.array(positions_between(only, first, first + count) - first))
            elif len(gone):
                live = np.ones(count, dtype=np.bool_)
                live[positions_between(gone, first, first + count) - first] = False
                named = named.filter(pa.array(live))
            yield named


def by_file(places: Positions, files: Sequence[DataFile]) -> Gone:
    """The positions in each file, of places in any order."""
    places = np.unique(places)
    numbers = places >> _FILE_BITS
    positions = places & ((1 << _FILE_BITS) - 1)
    return {files[int(number)].file_path: positions[numbers == number] for number in np.unique(numbers)}

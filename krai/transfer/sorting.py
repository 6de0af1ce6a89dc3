"""The rows of a scan in another order, also when they are more than memory holds: DuckDB sorts them, in files of the job's own folder.

Nulls come last in both directions, NaN is greater than all numbers, text goes by code point, and rows that are equal stay in table order.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa

from krai.errors import Transient
from krai.job import Stage
from krai.pipeline import in_order
from krai.transfer.meter import Meter
from krai.warehouse.port import Scan
from krai.warehouse.spilling import Handed, open_spilling

_MEMORY = "256MiB"  # DuckDB merges what it has spilled with less only up to some 10 M rows
_AHEAD = 2
_PIECE_ROWS = 1 << 15
_READING = 0.5  # of the work
_PLACE = "place"


def sort(scan: Scan, order_by: Sequence[str], *, columns: Sequence[str], limit: int | None, spool: Path, meter: Meter) -> Scan:
    """`columns` of the scan's rows, ordered by its columns (`-name` descends); the first `limit` of them. To be read once.

    Raises, while it is read, what the scan raises, and Terminal disk_full and memory_limit.
    """
    schema = pa.schema([scan.schema.field(name) for name in columns])
    parts = _pieces(_Source(scan, meter), _select(scan.schema, order_by, columns, limit), schema, spool / "sorting")
    return replace(scan, schema=schema, parts=parts, limit=limit)


def _pieces(source: "_Source", select: str, schema: pa.Schema, folder: Path) -> Iterator[Callable[[], pa.Table]]:
    connection, handed = open_spilling(folder, _MEMORY), Handed()
    try:
        connection.register("source", pa.RecordBatchReader.from_batches(source.schema, handed.over(source.batches())))
        sorted_rows = connection.sql(select).to_arrow_reader(_PIECE_ROWS)
        for batch in sorted_rows:
            table = pa.table([column.cast(field.type) for column, field in zip(batch.columns, schema, strict=True)], schema=schema)
            yield partial(table.slice, 0)
    except (duckdb.Error, pa.ArrowException, OSError) as error:
        raise handed.failure(error) from error
    finally:
        connection.close()


class _Source:
    """All rows of a scan for DuckDB, with the place each has: columns are called by number, for its names do not tell a from A."""

    def __init__(self, scan: Scan, meter: Meter) -> None:
        self.schema = pa.schema([*(field.with_name(_name(number)) for number, field in enumerate(scan.schema)), (_PLACE, pa.int64())])
        self._scan = scan
        self._meter = meter

    def batches(self) -> Iterator[pa.RecordBatch]:
        rows = 0
        for table in in_order(_call, self._scan.parts, ahead=_AHEAD):
            places = pa.array(np.arange(rows, rows + table.num_rows, dtype=np.int64))
            rows += table.num_rows
            yield from pa.table([*table.columns, places], schema=self.schema).to_batches()
            passed = rows + self._scan.rows - self._scan.matching()
            self._meter.say(Stage.READING, _READING * passed / max(1, self._scan.rows))
        pa.default_memory_pool().release_unused()
        if rows != self._scan.expected():
            raise Transient("store_busy", f"The snapshot has {self._scan.expected()} rows, {rows} were read.")


def _call(part: Callable[[], pa.Table]) -> pa.Table:
    return part()


def _name(number: int) -> str:
    return f"c{number}"


def _select(schema: pa.Schema, order_by: Sequence[str], columns: Sequence[str], limit: int | None) -> str:
    def named(name: str) -> str:
        return _name(schema.names.index(name))

    keys = [f"{named(key.removeprefix('-'))} {'DESC' if key.startswith('-') else 'ASC'} NULLS LAST" for key in order_by]
    taken = ", ".join(map(named, columns))
    cut = "" if limit is None else f" LIMIT {limit}"
    return f"SELECT {taken} FROM source ORDER BY {', '.join(keys)}, {_PLACE}{cut}"  # noqa: S608 (numbers, and words of ours)

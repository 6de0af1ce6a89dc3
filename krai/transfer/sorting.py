"""The rows of a scan in another order, also when they are more than memory holds.

DuckDB sorts as many as memory holds, and gives each a key whose bytes have the order asked for; what it has sorted is merged by that.
Nulls come last in both directions, NaN is greater than all numbers, text goes by code point, and rows that are equal stay in table order.
"""

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa

from krai.errors import Transient
from krai.job import Stage
from krai.pipeline import in_order
from krai.transfer.merging import KEY, Runs
from krai.transfer.meter import Meter
from krai.warehouse.port import Scan
from krai.warehouse.spilling import open_spilling, translated

_MEMORY = "128MiB"
_LOAD_BYTES = 16 << 20
_AHEAD = 2
_PIECE_ROWS = 1 << 15
_READING = 0.5  # of the work
_PLACE = "place"


def sort(scan: Scan, order_by: Sequence[str], *, columns: Sequence[str], limit: int | None, spool: Path, meter: Meter) -> Scan:
    """`columns` of the scan's rows, ordered by its columns (`-name` descends); the first `limit` of them. To be read once.

    Raises, while it is read, what the scan raises, and Terminal disk_full and memory_limit.
    """
    schema = pa.schema([scan.schema.field(name) for name in columns])
    batches = _sorted(_Source(scan, meter), _select(scan.schema, order_by, columns, limit), limit, spool / "sorting")
    return replace(scan, schema=schema, parts=(partial(_piece, batch, schema) for batch in batches), limit=limit)


def _piece(batch: Callable[[], pa.RecordBatch], schema: pa.Schema) -> pa.Table:
    # By place: there may be one column more, the key.
    return pa.table([column.cast(field.type) for column, field in zip(batch().columns, schema, strict=False)], schema=schema)


def _sorted(source: "_Source", select: str, limit: int | None, folder: Path) -> Iterator[Callable[[], pa.RecordBatch]]:
    """The columns of `select` in order, cut at the limit."""
    folder.mkdir(parents=True)
    try:
        runs = Runs(folder)
        with closing(open_spilling(folder / "spilled", _MEMORY)) as connection:
            for load, is_all in source.loads():
                connection.register("source", load)
                rows = connection.sql(select).to_arrow_reader(_PIECE_ROWS)
                if is_all:
                    yield from (partial(batch.slice, 0) for batch in rows)
                    return
                runs.add(rows)
        yield from runs.merged(limit)
    except (duckdb.Error, pa.ArrowException, OSError) as error:
        raise translated(error) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class _Source:
    """All rows of a scan for DuckDB, with the place each has: columns are called by number, for its names do not tell a from A."""

    def __init__(self, scan: Scan, meter: Meter) -> None:
        self.schema = pa.schema([*(field.with_name(_name(number)) for number, field in enumerate(scan.schema)), (_PLACE, pa.int64())])
        self._scan = scan
        self._meter = meter

    def loads(self) -> Iterator[tuple[pa.Table, bool]]:
        """As much as is sorted at once, and whether that is all."""
        load: list[pa.RecordBatch] = []
        loads = load_bytes = 0
        for batch in self._batches():
            load.append(batch)
            load_bytes += batch.nbytes
            if load_bytes >= _LOAD_BYTES:
                yield pa.Table.from_batches(load, self.schema), False
                load, loads, load_bytes = [], loads + 1, 0
        if load or loads == 0:
            yield pa.Table.from_batches(load, self.schema), loads == 0

    def _batches(self) -> Iterator[pa.RecordBatch]:
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

    orders = ", ".join(f"{named(key.removeprefix('-'))}, '{'DESC' if key.startswith('-') else 'ASC'} NULLS LAST'" for key in order_by)
    key = f"create_sort_key({orders}, {_PLACE}, 'ASC NULLS LAST')"
    cut = "" if limit is None else f" LIMIT {limit}"
    return f"SELECT {', '.join(map(named, columns))}, {key} AS {KEY} FROM source ORDER BY {KEY}{cut}"  # noqa: S608 (numbers, and words of ours)

"""Rows on their way out of the warehouse into local files, each handed on as soon as it is finished."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from krai.errors import Transient
from krai.formats.output import Format, open_format
from krai.job import Stage
from krai.pipeline import in_order, in_turns
from krai.transfer.digest import OutputFile
from krai.transfer.meter import Meter
from krai.warehouse.port import Scan

_MEBIBYTE = 1 << 20
# With a size to stop at, pieces are this part of it, so that the file ends close to it.
_PIECES_OF_SIZE = 16
_READ_AHEAD = 2

Part = Callable[[], pa.Table]
Deliver = Callable[[Path, dict[str, Any]], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Unloaded:
    """What came out. `stopped` when it was ended by its size; `complete` only when it has all rows that the filter lets through."""

    rows: int
    stopped: bool
    complete: bool


def unload(scan: Scan, params: Mapping[str, Any], spool: Path, meter: Meter, deliver: Deliver, *, title: str) -> Unloaded:
    """Write the scan as `params` have it: format, compression, csv, split_rows, and size_mb, after about which it all ends.

    `deliver` takes each finished file, in order, and what is to be said of it. Raises Transient when rows are missing, before the last
    file is delivered.
    """
    layout = open_format(params, scan.schema, title=title)
    split_rows: int | None = params.get("split_rows")
    stop_bytes = None if params.get("size_mb") is None else params["size_mb"] * _MEBIBYTE

    files, stopped = _Files(layout, spool / "output", split_rows, deliver), False
    total = scan.expected() if scan.dropped is None else None

    def encode(part: Part) -> tuple[int, Any]:
        table = part()
        return table.num_rows, layout.encode(table)

    def write(encoded: tuple[int, Any]) -> bool:
        nonlocal stopped
        files.add(*encoded)
        meter.say(Stage.WRITING, _done(scan, files.rows), rows=files.rows, total=total, read_bytes=files.size_bytes)
        stopped = stop_bytes is not None and files.size_bytes >= stop_bytes
        return not stopped

    pieces = scan.parts if stop_bytes is None and split_rows is None else _slices(scan, stop_bytes, split_rows)
    try:
        in_turns(encode, write, pieces)
        if not stopped:
            _demand_all(scan, files.rows)
        meter.say(Stage.UPLOADING, 1)
        files.deliver()
    except BaseException:
        files.abandon()
        raise
    meter.say(Stage.UPLOADING, 1, read_bytes=files.size_bytes)
    return Unloaded(rows=files.rows, stopped=stopped, complete=files.rows == scan.matching())


def _done(scan: Scan, rows: int) -> float:
    """The part of the work behind us when so many rows are written. A filter takes rows out ahead of that."""
    passed = (rows + scan.rows - scan.matching()) / max(1, scan.rows)
    return passed if scan.limit is None else max(passed, rows / max(1, scan.limit))


def _demand_all(scan: Scan, rows: int) -> None:
    if rows != scan.expected():
        raise Transient("store_busy", f"The snapshot has {scan.expected()} rows, {rows} were read.")


class _Files:
    """One file after the other, each of `split_rows` rows, or a single one. `rows` and `size_bytes` are of all together."""

    def __init__(self, layout: Format, path: Path, split_rows: int | None, deliver: Deliver) -> None:
        self.rows = 0
        self._layout = layout
        self._path = path
        self._split_rows = split_rows
        self._deliver = deliver
        self._done_bytes = 0
        self._begin()

    @property
    def size_bytes(self) -> int:
        return self._done_bytes + self._output.size_bytes

    def add(self, rows: int, encoded: Any) -> None:
        """No more rows than the file has room for, or as many as one takes when it is full."""
        if self._own_rows == self._split_rows:
            self.deliver()
            self._done_bytes += self._output.size_bytes
            self._begin()
        self._document.add(encoded)
        self._own_rows += rows
        self.rows += rows

    def deliver(self) -> None:
        self._unfinished = False
        self._document.finish()
        self._output.close()
        about = {"records": self._own_rows, **self._output.digests(), "cells_altered": self._document.cells_altered}
        self._deliver(self._output.path, about)

    def abandon(self) -> None:
        """Close what is open, and keep nothing of it."""
        self._output.abandon()
        if self._unfinished:
            with suppress(Exception):  # why it is abandoned is raised already
                self._document.finish()

    def _begin(self) -> None:
        self._own_rows = 0
        self._output = OutputFile(self._path)
        self._document = self._layout.begin(self._output.write)
        self._unfinished = True


def _slices(scan: Scan, stop_bytes: float | None, split_rows: int | None) -> Iterator[Part]:
    """The scan in pieces that end where a file does, and are small beside `stop_bytes`."""
    row = 0
    for table in in_order(lambda part: part(), scan.parts, ahead=_READ_AHEAD, threads=1):
        step = table.num_rows
        if stop_bytes is not None:
            step = max(1, int(table.num_rows * stop_bytes / _PIECES_OF_SIZE / max(1, table.nbytes)))
        start = 0
        while start < table.num_rows:
            length = min(step, table.num_rows - start)
            if split_rows is not None:
                length = min(length, split_rows - row % split_rows)
            yield _piece(table, start, length)
            start += length
            row += length


def _piece(table: pa.Table, start: int, length: int) -> Part:
    return lambda: table.slice(start, length)

"""Rows on their way out of the warehouse into one local file."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa

from krai.formats.output import open_encoder
from krai.job import Stage
from krai.transfer.digest import OutputFile
from krai.transfer.meter import Meter
from krai.transfer.pipeline import in_order
from krai.warehouse.port import Scan

_MEBIBYTE = 1 << 20
# With a size to stop at, pieces are this part of it, so that the file ends close to it.
_PIECES_OF_SIZE = 16
_AHEAD = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Unloaded:
    """A finished file. `complete` is False when it was ended by its size, before the last row."""

    path: Path
    rows: int
    complete: bool
    digests: Mapping[str, Any]


def unload(scan: Scan, params: Mapping[str, Any], spool: Path, meter: Meter) -> Unloaded:
    """Write the scan as `params` have it: format, compression, and size_mb, after about which the file ends."""
    output = OutputFile(spool / "output")
    encoder = open_encoder(params.get("format", "csv"), params.get("compression", "none"), scan.schema, output.write)
    stop_bytes = None if params.get("size_mb") is None else params["size_mb"] * _MEBIBYTE

    def encode(part: Callable[[], pa.Table]) -> tuple[int, Any]:
        table = part()
        return table.num_rows, encoder.encode(table)

    rows = 0
    pieces = scan.parts if stop_bytes is None else _slices(scan, stop_bytes / _PIECES_OF_SIZE)
    for count, encoded in in_order(encode, pieces, ahead=_AHEAD):
        encoder.add(encoded)
        rows += count
        meter.say(Stage.WRITING, rows / max(1, scan.rows), rows=rows, total=scan.rows, read_bytes=output.size_bytes)
        if stop_bytes is not None and output.size_bytes >= stop_bytes:
            break
    encoder.finish()
    output.close()
    complete = stop_bytes is None or rows == scan.rows
    return Unloaded(path=output.path, rows=rows, complete=complete, digests=output.digests())


def _slices(scan: Scan, piece_bytes: float) -> Iterator[Callable[[], pa.Table]]:
    for part in scan.parts:
        table = part()
        step = max(1, int(table.num_rows * piece_bytes / max(1, table.nbytes)))
        for start in range(0, table.num_rows, step):
            yield partial(table.slice, start, step)

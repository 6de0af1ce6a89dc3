"""NDJSON: one JSON object a line. Columns are the keys of all objects, in the order in which they first appear.

Most blocks go through Arrow's parser with the types that are known by then; a block it cannot be trusted with is read line by line.
Both ways give the same cells.
"""

import codecs
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa

from krai.errors import Terminal
from krai.formats.infer import TIMES, settled
from krai.formats.json_cells import PlainJsonCells
from krai.formats.json_fast import parse_fast
from krai.formats.json_lines import Malformed, cells_of, read_line
from krai.formats.lines import Lines
from krai.formats.reading import BLOCK_BYTES, Cells, Opener, Parsed, Places, Reject, RejectsForm
from krai.formats.types import ARROW, type_name

_PRIMER_BYTES = 128 << 10
_SHOWN_OF_OVERSIZE_BYTES = 64 << 10


@dataclass(frozen=True, slots=True)
class NdjsonBlock:
    """Whole lines, or the beginning of one that is too long to be read."""

    data: bytes
    oversize: bool = False


class NdjsonReader:
    """Implements `Reader`. Raises Terminal empty_file at once when there is no line."""

    def __init__(self, opener: Opener, *, max_row_bytes: int, block_bytes: int = BLOCK_BYTES) -> None:
        self._opener = opener
        self._max_row_bytes = max_row_bytes
        self._block_bytes = block_bytes
        self._free: Mapping[str, str] = {}
        self._bound: Mapping[str, pa.DataType] = {}
        self.names: Sequence[str] = ()
        self.form: RejectsForm | None = None
        self._primed = self._prime()

    def learn(self, free: Mapping[str, str], bound: Mapping[str, pa.DataType]) -> None:
        self._free, self._bound = free, bound

    def blocks(self) -> Iterator[NdjsonBlock]:
        with self._opener() as file:
            carry = file.read(self._block_bytes).removeprefix(codecs.BOM_UTF8)
            while carry:
                chunk = file.read(self._block_bytes)
                end = carry.rfind(b"\n") + 1 if chunk else len(carry)
                if end:
                    yield NdjsonBlock(carry[:end])
                carry = carry[end:] + chunk
                if len(carry) > self._max_row_bytes + self._block_bytes and b"\n" not in carry:
                    yield NdjsonBlock(carry[:_SHOWN_OF_OVERSIZE_BYTES], oversize=True)
                    carry = self._skip_line(file)

    def parse(self, block: NdjsonBlock) -> Parsed:
        if block.oversize:
            return Parsed(rows=1, whole=0, columns={}, rejects=[self._too_large(0, block.data)], trace=lambda _: [])
        lines = Lines.find(block.data)
        fits = len(block.data) <= self._max_row_bytes or bool((lines.stops - lines.starts <= self._max_row_bytes).all())
        table = parse_fast(lines, self._schema(), exact_floats=not self._bound) if fits else None
        if table is None:
            return self._parse_slowly(lines)

        @cache
        def slowly() -> Mapping[str, Cells]:
            return self._parse_slowly(lines).columns

        columns = {
            name: PlainJsonCells(name, column.combine_chunks(), slowly)
            for name, column in zip(table.column_names, table.columns, strict=True)
        }
        return Parsed(rows=len(lines), whole=len(lines), columns=columns, rejects=[], trace=_tracer(lines, None))

    def _parse_slowly(self, lines: Lines) -> Parsed:
        records: list[dict[str, Any]] = []
        kept: list[int] = []
        rejects: list[Reject] = []
        for number in range(len(lines)):
            raw = lines.raw(number)
            if len(raw) > self._max_row_bytes:
                rejects.append(self._too_large(number, raw[:_SHOWN_OF_OVERSIZE_BYTES]))
                continue
            try:
                records.append(read_line(raw))
            except Malformed as error:
                rejects.append(Reject(number, None, error.code, error.detail, raw))
            else:
                kept.append(number)
        trace = _tracer(lines, np.array(kept, dtype=np.int64))
        return Parsed(rows=len(lines), whole=len(records), columns=cells_of(records), rejects=rejects, trace=trace)

    def _prime(self) -> dict[str, str]:
        """What the first lines show, so that the first blocks can be parsed fast."""
        with self._opener() as file:
            head = file.read(_PRIMER_BYTES).removeprefix(codecs.BOM_UTF8)
            if not head.strip() and not file.read(1):
                raise Terminal("empty_file")
        parsed = self._parse_slowly(Lines.find(head[: head.rfind(b"\n") + 1]))
        return {name: cells.observe(None)[0] for name, cells in parsed.columns.items()}

    def _schema(self) -> dict[str, pa.DataType]:
        known = {**self._primed, **{name: seen for name, seen in dict(self._free).items() if seen != "null"}}
        free = {name: pa.null() if seen == "null" else _parsed_as(ARROW[settled(seen)]) for name, seen in known.items()}
        return free | {name: _parsed_as(bound) for name, bound in self._bound.items()}

    def _too_large(self, row: int, shown: bytes) -> Reject:
        return Reject(row, None, "row_too_large", f"The line has more than {self._max_row_bytes} bytes.", shown)

    def _skip_line(self, file: BinaryIO) -> bytes:
        while chunk := file.read(self._block_bytes):
            end = chunk.find(b"\n") + 1
            if end:
                return chunk[end:] + file.read(self._block_bytes)
        return b""


def _parsed_as(kind: pa.DataType) -> pa.DataType:
    return pa.string() if type_name(kind) in {*TIMES, "binary"} else kind


def _tracer(lines: Lines, kept: Places | None) -> Any:
    def trace(indexes: Places) -> list[tuple[int, bytes]]:
        places = indexes if kept is None else kept[indexes]
        return [(int(place), lines.raw(int(place))) for place in places]

    return trace

"""Objects of JSON one after the other, whatever separates them. Blocks of objects that are all alike are read column by column, and most
others by Arrow's parser, both with the types that are known by then; a block that neither can be trusted with is read object by object. All
ways give the same cells.
"""

from collections.abc import Collection, Iterator, Mapping
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa

from krai.formats.header import check_width
from krai.formats.infer import TIMES, settled
from krai.formats.json_alike import parse_alike
from krai.formats.json_cells import PlainJsonCells
from krai.formats.json_fast import parse_fast
from krai.formats.json_lines import Malformed, as_it_came, cells_of, read_line, was_rejected
from krai.formats.lines import Lines
from krai.formats.reading import Cells, Parsed, Places
from krai.formats.rejected import Reject, Rejected
from krai.formats.types import arrow_type, in_one, type_name

SHOWN_OF_OVERSIZE_BYTES = 64 << 10
_MOST_CELLS = 4 << 20  # of a piece of a block, with those that are not there
_LINES_PER_COLUMN = 16  # with fewer, work on whole columns costs more than it saves


class JsonRows:
    """Columns are the keys of all objects, in the order in which they first appear. Raises Terminal too_many_columns when it is parsed
    that there are so many."""

    def __init__(self, max_row_bytes: int, max_columns: int) -> None:
        self.max_row_bytes = max_row_bytes
        self._max_columns = max_columns
        self._free: Mapping[str, str] = {}
        self._bound: Mapping[str, pa.DataType] = {}
        self._rounded: Collection[str] = ()
        self._primed: dict[str, str] = {}

    def learn(self, free: Mapping[str, str], bound: Mapping[str, pa.DataType], rounded: Collection[str]) -> None:
        self._free, self._bound, self._rounded = free, bound, rounded

    def prime(self, first: Lines) -> None:
        """Take the types that the first rows show, so that the first blocks can be parsed fast."""
        self._primed = {name: cells.observe(None)[0] for name, cells in self._parse_slowly(first, ()).columns.items()}

    def parse(self, lines: Lines) -> Iterator[Parsed]:
        """In pieces, so that a few keys in each of many objects do not become a table of all keys and all objects at once."""
        row = 0
        while row < len(lines):
            schema = self._schema()
            parsed = self._parse(lines.part(row, max(1, _MOST_CELLS // max(1, len(schema)))), schema)
            yield parsed
            row += parsed.rows

    def too_large(self, beginning: bytes) -> Iterator[Parsed]:
        """The block of one row that is too long to be read."""
        yield Parsed(rows=1, whole=0, columns={}, rejects=Rejected.of([self._too_large(0, beginning)]), trace=lambda _: [])

    def _parse(self, lines: Lines, schema: Mapping[str, pa.DataType]) -> Parsed:
        """As many of the lines as have no more cells than a piece may have, which are all when they have no other keys than the schema."""
        sizes = lines.stops - lines.starts
        fits = int(sizes.min()) > 0 and int(sizes.max()) <= self.max_row_bytes
        table = self._parse_fast(lines, schema) if fits else None
        if table is None:
            return self._parse_slowly(lines, schema)

        @cache
        def slowly() -> Mapping[str, Cells]:
            return self._parse_slowly(lines, schema).columns

        columns = {
            name: PlainJsonCells(name, in_one(column), slowly) for name, column in zip(table.column_names, table.columns, strict=True)
        }
        return Parsed(rows=len(lines), whole=len(lines), columns=columns, rejects=Rejected(), trace=_tracer(lines, None))

    def _parse_fast(self, lines: Lines, schema: Mapping[str, pa.DataType]) -> pa.Table | None:
        exact = schema.keys() - set(self._rounded)
        table = parse_alike(lines, schema, exact=exact) if len(lines) >= _LINES_PER_COLUMN * len(schema) else None
        return parse_fast(lines, schema, exact=exact) if table is None else table

    def _parse_slowly(self, lines: Lines, known: Collection[str]) -> Parsed:
        records: list[dict[str, Any]] = []
        kept: list[int] = []
        rejects: list[Reject] = []
        mended = False
        names = set(known)
        most_names = max(self._max_columns, len(names))
        rows = len(lines)
        for number in range(rows):
            raw = lines.raw(number)
            if len(raw) > self.max_row_bytes:
                rejects.append(self._too_large(number, raw[:SHOWN_OF_OVERSIZE_BYTES]))
                continue
            mended = mended or was_rejected(raw)
            try:
                record = read_line(raw)
            except Malformed as error:
                rejects.append(Reject(number, None, error.code, error.detail, as_it_came(raw)))
                continue
            names.update(record)
            check_width(len(names), most_names)
            if kept and (len(kept) + 1) * len(names) > _MOST_CELLS:
                rows = number
                break
            records.append(record)
            kept.append(number)
        trace = _tracer(lines, np.array(kept, dtype=np.int64))
        columns = cells_of(records)
        return Parsed(rows=rows, whole=len(records), columns=columns, rejects=Rejected.of(rejects), trace=trace, mended=mended)

    def _schema(self) -> dict[str, pa.DataType]:
        known = {**self._primed, **{name: seen for name, seen in dict(self._free).items() if seen != "null"}}
        free = {name: pa.null() if seen == "null" else _parsed_as(arrow_type(settled(seen))) for name, seen in known.items()}
        return free | {name: _parsed_as(bound) for name, bound in self._bound.items()}

    def _too_large(self, row: int, shown: bytes) -> Reject:
        return Reject(row, None, "row_too_large", f"The row has more than {self.max_row_bytes} bytes.", shown)


def _parsed_as(kind: pa.DataType) -> pa.DataType:
    return pa.string() if type_name(kind) in {*TIMES, "binary"} else kind


def _tracer(lines: Lines, kept: Places | None) -> Any:
    def trace(indexes: Places) -> list[tuple[int, bytes]]:
        places = indexes if kept is None else kept[indexes]
        return [(int(place), as_it_came(lines.raw(int(place)))) for place in places]

    return trace

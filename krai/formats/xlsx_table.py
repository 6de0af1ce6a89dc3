"""From the rows of a sheet to columns: the values beneath their names, and the rows that stay out."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from krai.errors import Terminal
from krai.formats.fit import fit_text
from krai.formats.header import kept_places
from krai.formats.json_cells import JsonCells, Kind
from krai.formats.reading import Cells, Mask, Parsed, Places
from krai.formats.rejected import Reject, Rejected
from krai.formats.xlsx_sheet import Row, letters_of
from krai.formats.xlsx_values import Unfit, Values

_LITERALS = {Kind.BOOLEAN, Kind.INTEGER, Kind.NUMBER}
Value = tuple[Kind, str]


@dataclass(frozen=True, slots=True)
class SheetCells:
    """Implements `Cells`. Types are found as in JSON; where one is given, text may be a number too, as in sheets it often is."""

    cells: JsonCells

    def observe(self, expected: str | None) -> tuple[str, pa.Array]:
        return self.cells.observe(expected)

    def fit(self, target: pa.DataType, *, exact: bool = True) -> tuple[pa.Array, Mask | None]:
        return fit_text(self.cells.text, target, exact=exact)

    def only(self, rows: Mask) -> Cells:
        return SheetCells(JsonCells(self.cells.text.filter(pa.array(rows)), self.cells.kinds[rows]))


@dataclass(slots=True)
class _Column:
    rows: list[int] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    kinds: list[Kind] = field(default_factory=list)

    def cells(self, rows: int) -> Cells:
        return SheetCells(JsonCells.at(self.rows, pa.array(self.texts, pa.string()), np.array(self.kinds, np.uint8), rows))


class SheetTable:
    """The table beneath `header`, whose names stand in their places. Raises Terminal when one of these cells cannot be read."""

    def __init__(self, header: Row, values: Values) -> None:
        self._values = values
        self.header: list[str] = []
        try:
            found = self._read(header, any_width=True)
        except _Wrong as wrong:
            raise Terminal(wrong.code, f"The row of names cannot be read. {wrong.detail}".strip()) from None
        self.header = [found.get(place, (Kind.NULL, ""))[1] for place in range(max(found, default=-1) + 1)]
        self.kept = kept_places(self.header)

    @property
    def names(self) -> Sequence[str]:
        return [self.header[place] for place in self.kept]

    def parse(self, block: Sequence[Row]) -> Parsed:
        columns: dict[int, _Column] = {}
        kept: list[tuple[int, Row]] = []
        rejects: list[Reject] = []
        for row in block:
            number = len(kept) + len(rejects)
            try:
                values = self._read(row)
            except _Wrong as wrong:
                rejects.append(Reject(number, wrong.column, wrong.code, wrong.detail, self._as_json(row)))
                continue
            if not row.cells:
                continue
            for place, (kind, text) in values.items():
                column = columns.setdefault(place, _Column())
                column.rows.append(len(kept))
                column.texts.append(text)
                column.kinds.append(kind)
            kept.append((number, row))

        def trace(indexes: Places) -> list[tuple[int, bytes]]:
            return [(kept[index][0], self._as_json(kept[index][1])) for index in indexes]

        cells = {self.header[place]: columns[place].cells(len(kept)) for place in self.kept if place in columns}
        return Parsed(rows=len(kept) + len(rejects), whole=len(kept), columns=cells, rejects=Rejected.of(rejects), trace=trace)

    def _read(self, row: Row, *, any_width: bool = False) -> dict[int, Value]:
        """The values of a row by their places, nulls left out. Raises _Wrong."""
        if row.fault is not None:
            raise _Wrong(None, *row.fault)
        values: dict[int, Value] = {}
        for cell in row.cells:
            try:
                kind, text = self._values.read(cell)
            except Unfit as unfit:
                raise _Wrong(self._name(cell.column), unfit.code, unfit.detail) from None
            if text is None:
                continue
            if cell.column in values:
                raise _Wrong(self._name(cell.column), "bad_cell", "The row has two cells in one place.")
            values[cell.column] = (kind, text)
        if not any_width and values and (last := max(values)) >= len(self.header):
            raise _Wrong(None, "column_count", f"The row has a cell in column {last + 1}, the header has {len(self.header)}.")
        return values

    def _as_json(self, row: Row) -> bytes:
        """The row as an object of JSON, to be mended and imported; what cannot be read is shown as the file has it."""
        members = []
        for cell in row.cells:
            try:
                kind, text = self._values.read(cell)
            except Unfit:
                kind, text = Kind.STRING, cell.text
            if text is not None:
                literal = text if kind in _LITERALS else json.dumps(text, ensure_ascii=False)
                members.append(f"{json.dumps(self._name(cell.column), ensure_ascii=False)}:{literal}")
        return ("{" + ",".join(members) + "}").encode()

    def _name(self, place: int) -> str:
        return self.header[place] if place < len(self.header) else letters_of(place)


class _Wrong(Exception):
    def __init__(self, column: str | None, code: str, detail: str) -> None:
        super().__init__(code, detail)
        self.column = column
        self.code = code
        self.detail = detail

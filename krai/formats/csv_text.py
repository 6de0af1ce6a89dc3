"""Tables as CSV or TSV: UTF-8, a header, LF; quotes only where a cell needs them.

Null is an empty cell and the empty text is `""`. Times are ISO 8601 (`2020-01-31T12:00:00`, an instant ends in `Z`), with six digits
of a second where there is a fraction. Read with the types of the manifest's schema, such a file gives the same values; without them text
that looks like another type becomes one, as in any file of text.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from itertools import compress
from typing import Any, Self

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from krai.formats.fit import to_mask
from krai.formats.seams import Column, rows_of, seams
from krai.formats.spreadsheet import defuse
from krai.formats.text import as_text, holds_any, octets_of
from krai.formats.types import in_one

_BOM = "\ufeff"
_BOM_OCTET = b"\xef"
_LONGEST_INT64 = len(str(-(2**63)))
_IN_NUMBERS_AND_TIMES = "+-.:"


@dataclass(frozen=True)
class Style:
    """How cells become lines. `null` is how a null is spelled; text of that spelling is quoted, so that it stays text.

    For a `spreadsheet` the file begins with a byte order mark, lines end in CR LF, and no text is taken for a formula.
    """

    delimiter: str = ","
    header: bool = True
    null: str = ""
    spreadsheet: bool = False

    @classmethod
    def of(cls, params: Mapping[str, Any]) -> Self:
        """The style that an export's `params` ask for."""
        asked = params.get("csv") or {}
        delimiter = asked.get("delimiter") or ("\t" if params.get("format") == "tsv" else ",")
        return cls(delimiter, asked.get("header", True), asked.get("null", ""), asked.get("profile") == "spreadsheet")

    @cached_property
    def line_end(self) -> str:
        return "\r\n" if self.spreadsheet else "\n"

    @cached_property
    def special_octets(self) -> bytes:
        return f'"\r\n{self.delimiter}'.encode() + (b"" if self.header else _BOM_OCTET)

    @cached_property
    def special(self) -> str:
        # A file may begin with its first cell, which is no mark then.
        return f'["\\r\\n{re.escape(self.delimiter)}]' + ("" if self.header else f"|^{_BOM}")

    @cached_property
    def quotes_text_alone(self) -> bool:
        """True when no number and no time can need quotes."""
        return not self.null and self.delimiter not in _IN_NUMBERS_AND_TIMES


@dataclass(frozen=True, slots=True)
class CsvRows:
    """Lines of a file, and how many of their cells were made harmless."""

    data: memoryview
    cells_altered: int = 0


def csv_header(schema: pa.Schema, style: Style) -> CsvRows:
    """The line of names, and what stands before it."""
    mark = (_BOM if style.spreadsheet else "").encode()
    if not style.header:
        return CsvRows(memoryview(mark))
    names = pa.array(schema.names, pa.string())
    names, altered = defuse(names) if style.spreadsheet else (names, 0)
    alone = replace(style, header=False)
    line = rows_of([_column(names.slice(place, 1), alone) for place in range(len(names))], _seams(len(names), style))
    return CsvRows(memoryview(mark + bytes(line)), altered)


def csv_rows(table: pa.Table, style: Style) -> CsvRows:
    """The rows of the table as the file has them."""
    if not table.num_rows:
        return CsvRows(memoryview(b""))
    columns = [in_one(column) for column in table.columns]
    altered = 0
    cells = []
    for column in columns:
        # Arrow's writer spells whole numbers by itself, and does not look for quotes in them.
        text = column if pa.types.is_int64(column.type) else as_text(column)
        if style.spreadsheet and _is_text(column):
            text, count = defuse(text)
            altered += count
        cells.append(text)
    texts = [_is_text(column) for column in columns]
    if not style.spreadsheet and style.quotes_text_alone and (rows := _plain_rows(cells, list(compress(cells, texts)), style)) is not None:
        return CsvRows(rows)
    quotable = [is_text or not style.quotes_text_alone for is_text in texts]
    laid = [_column(as_text(cell), style) if may else Column(as_text(cell)) for cell, may in zip(cells, quotable, strict=True)]
    return CsvRows(rows_of(laid, _seams(len(laid), style)), altered)


def _plain_rows(cells: list[pa.Array], texts: list[pa.Array], style: Style) -> memoryview | None:
    """By Arrow's own writer: quicker, but it would quote every text or none. None when a cell needs quotes; only `texts` may."""
    if any(pc.min(pc.binary_length(text)).as_py() == 0 or (not style.header and holds_any(text, _BOM_OCTET)) for text in texts):
        return None
    rows = pa.table(cells, names=[str(number) for number in range(len(cells))])
    options = csv.WriteOptions(include_header=False, quoting_style="none", batch_size=rows.num_rows, delimiter=style.delimiter)
    # After each cell comes one octet, a delimiter or the line end.
    text = pa.allocate_buffer(sum(map(_most_octets, cells)) + rows.num_rows * len(cells))
    with pa.FixedSizeBufferWriter(text) as stream:
        try:
            csv.write_csv(rows, stream, options)
        except pa.ArrowInvalid:  # it looks for what needs quotes by itself
            return None
        return memoryview(text)[: stream.tell()]


def _most_octets(cells: pa.Array) -> int:
    return len(octets_of(cells)) if pa.types.is_string(cells.type) else len(cells) * _LONGEST_INT64


def _is_text(column: pa.Array) -> bool:
    return bool(pa.types.is_string(column.type) or pa.types.is_binary(column.type))


@lru_cache
def _seams(columns: int, style: Style) -> pa.Array:
    return seams(["", *[style.delimiter] * (columns - 1), style.line_end], null=style.null)


def _column(text: pa.Array, style: Style) -> Column:
    if not style.null and not holds_any(text, style.special_octets) and (pc.min(pc.binary_length(text)).as_py() or 0) > 0:
        return Column(text)
    needed = pc.or_(pc.match_substring_regex(text, style.special), pc.equal(text, ""))
    if style.null:
        needed = pc.or_(needed, pc.equal(text, style.null))
    return Column(pc.replace_substring(text, '"', '""'), quoted=to_mask(needed))

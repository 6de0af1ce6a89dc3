"""Lines that are all alike, as programs write them: the same keys in the same order, with the same blanks.

What stands around the values is compared octet by octet with that of the first line, in whole columns, so that nothing is left of
the lines but values. Each value is then held against the grammar of RFC 8259. What is not alike in every line is not read here.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import pyarrow as pa

from krai.dataset import OWN_PREFIX
from krai.formats.json_shape import Lead, Shape
from krai.formats.json_values import Unsure, Values, escaped_quotes, read_values
from krai.formats.lines import Lines
from krai.formats.quotes import Octets
from krai.formats.reading import Mask, Places

_QUOTE = ord('"')
_LOOKED_AT = 8  # lines
_ASKED_BEYOND = 2
_LARGEST_BLOCK_BYTES = (1 << 31) - 1

Grid: TypeAlias = np.ndarray[tuple[int, int], np.dtype[np.int64]]


def parse_alike(lines: Lines, schema: Mapping[str, pa.DataType], *, exact: Collection[str]) -> pa.Table | None:
    """The lines as `schema` has them, or None: then they must be read in another way.

    `exact`: the columns of which float64 is taken only for numbers it keeps all digits of.
    """
    shape = _shape(lines, schema)
    if shape is None:
        return None
    try:
        found = dict(zip(shape.names, _Walk(lines, shape).values(), strict=True))
        columns = [
            read_values(found[name], kind, exact=name in exact) if name in found else pa.nulls(len(lines), kind)
            for name, kind in schema.items()
        ]
    except (Unsure, pa.ArrowInvalid):
        return None
    return pa.table(columns, names=list(schema))


def _shape(lines: Lines, schema: Mapping[str, pa.DataType]) -> Shape | None:
    """That of the lines, as far as a few of them can tell."""
    if not len(lines) or len(lines.data) > _LARGEST_BLOCK_BYTES:
        return None
    shape = Shape.of(lines.raw(0))
    if shape is None or not all(name in schema and not name.startswith(OWN_PREFIX) for name in shape.names):
        return None
    looked_at = range(0, len(lines), max(1, len(lines) // _LOOKED_AT))
    return shape if all(shape.is_of(lines.raw(line)) for line in looked_at) else None


class _Walk:
    """Goes through all lines at once, from one quote to the next. Raises Unsure where one is not like the others."""

    def __init__(self, lines: Lines, shape: Shape) -> None:
        self._lines = lines
        self._shape = shape
        self._octets: Octets = np.frombuffer(lines.data, np.uint8)
        quotes = np.flatnonzero(self._octets == _QUOTE)
        self._escapes = b"\\" in lines.data
        self._quotes = _Quotes(quotes[~escaped_quotes(self._octets, quotes)] if self._escapes else quotes, lines)

    def values(self) -> list[Values]:
        ends = self._lines.stops - len(self._shape.end)
        found: list[Values] = []
        last: _Column | None = None
        for lead in self._shape.leads:
            begins = self._quotes.at(0) - len(lead.before)
            if last is None:
                _insist(begins == self._lines.starts)
            else:
                found.append(self._between(last, begins))
            last = self._column(lead, begins)
        if last is not None:
            found.append(self._between(last, ends))
        # No line has gone beyond its own end, so all that was found ascends.
        _insist(self._quotes.all_passed())
        for place, octet in enumerate(self._shape.end):
            _insist(self._octets[ends + place] == octet)
        return found

    def _column(self, lead: Lead, begins: Places) -> "_Column":
        text = lead.text
        if int(begins.min()) < 0 or int(begins.max()) + len(text) >= len(self._octets):
            raise Unsure
        self._check_text(text, begins)
        starts = begins + len(text)
        in_quotes: Mask = self._octets[starts] == _QUOTE
        self._quotes.skip(2)
        if not in_quotes.any():
            return _Column(starts, None, None)
        closes = self._quotes.at(1)
        if in_quotes.all():
            self._quotes.skip(2)
            return _Column(starts + 1, closes, None)
        self._quotes.skip(np.where(in_quotes, 2, 0))
        return _Column(starts + in_quotes, closes, in_quotes)

    def _check_text(self, text: bytes, begins: Places) -> None:
        """A key in its quotes and what stands around it has four octets or more: it is compared in pieces of as many, or of eight."""
        size = 8 if len(text) >= 8 else 4  # noqa: PLR2004 (what a word holds)
        kind = np.dtype(f"<u{size}")
        words = np.ndarray(len(self._octets) - size + 1, kind, self._lines.data, strides=(1,))
        for place in (*range(0, len(text) - size, size), len(text) - size):
            _insist(words[begins + place] == np.frombuffer(text, kind, 1, place)[0])

    def _between(self, column: "_Column", stops: Places) -> Values:
        """The values of a column, after which the text that stands before the next one begins at `stops`."""
        if column.closes is None:
            _insist(stops > column.starts)
            return Values(self._lines.data, column.starts, stops, in_quotes=False, escapes=False)
        if column.in_quotes is None:
            _insist(column.closes + 1 == stops)
            return Values(self._lines.data, column.starts, column.closes, in_quotes=True, escapes=self._escapes)
        _insist(np.where(column.in_quotes, column.closes + 1 == stops, stops > column.starts))
        ends = np.where(column.in_quotes, column.closes, stops)
        return Values(self._lines.data, column.starts, ends, in_quotes=column.in_quotes, escapes=self._escapes)


@dataclass(frozen=True, slots=True)
class _Column:
    """Where the values of a column start; those in quotes end where these close, and the others where the next key begins."""

    starts: Places
    closes: Places | None
    in_quotes: Mask | None  # None: all of them, or none when there is no closing quote


class _Quotes:
    """The quotes of the lines, and for each line how many of its own are behind us."""

    def __init__(self, places: Places, lines: Lines) -> None:
        self._places, self._lines = places, lines
        self._passed = 0
        self._first = self._next = lines.starts[:0]
        # As long as lines have the same number of quotes each, they are a grid: one row for the first quotes of all lines, and so on.
        self._grid: Grid | None = None
        per_line, rest = divmod(len(places), len(lines))
        if per_line and not rest:
            self._grid = places.reshape(len(lines), per_line).T
        if self._grid is None or not ((self._grid[0] >= lines.starts) & (self._grid[-1] < lines.stops)).all():
            self._leave_grid(np.searchsorted(places, lines.starts))

    def at(self, ahead: int) -> Places:
        if self._grid is not None:
            if self._passed + ahead >= len(self._grid):
                raise Unsure
            # Many are never asked for, and those that are lie far apart in memory.
            return np.ascontiguousarray(self._grid[self._passed + ahead])
        at = self._next + ahead
        if int(at.max()) >= len(self._places):
            raise Unsure
        places: Places = self._places[at]
        return places

    def skip(self, quotes: "int | Places") -> None:
        if self._grid is not None and isinstance(quotes, int):
            self._passed += quotes
            return
        if self._grid is not None:
            self._leave_grid(np.arange(len(self._lines)) * len(self._grid))
        self._next = self._next + quotes

    def all_passed(self) -> "bool | Mask":
        if self._grid is not None:
            return self._passed == len(self._grid)
        ends: Mask = self._next == np.append(self._first[1:], len(self._places) - _ASKED_BEYOND)
        return ends

    def _leave_grid(self, first: Places) -> None:
        self._grid, self._first, self._next = None, first, first + self._passed
        # A line that ends with a value in no quotes is asked all the same where these would be.
        self._places = np.append(self._places, [len(self._lines.data)] * _ASKED_BEYOND)


def _insist(condition: "bool | Mask") -> None:
    if not np.all(condition):
        raise Unsure

"""Lines that are all alike, as programs write them: the same keys in the same order, with the same blanks.

What stands around the values is compared octet by octet with that of the first line, in whole columns, so that nothing is left of
the lines but values. Each value is then held against the grammar of RFC 8259. What is not alike in every line is not read here.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence

import numpy as np
import pyarrow as pa

from krai.dataset import OWN_PREFIX
from krai.formats.json_shape import Lead, Shape
from krai.formats.json_values import Unsure, Values, escaped_quotes, read_values
from krai.formats.lines import Lines
from krai.formats.reading import Mask, Octets, Places
from krai.formats.scanning import count_of, places_of, words_of

_QUOTE = ord('"')
_LOOKED_AT = 8  # lines
_LARGEST_BLOCK_BYTES = (1 << 31) - 1


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
    """Goes through all lines at once, from one key to the next. Raises Unsure where a line is not like the others.

    Keys are found by the quote that follows what stands before each of them, a comma mostly. That a value has no quote inside is seen by
    how many there are in all.
    """

    def __init__(self, lines: Lines, shape: Shape) -> None:
        self._lines = lines
        self._shape = shape
        self._octets: Octets = np.frombuffer(lines.data, np.uint8)
        self._escapes = b"\\" in lines.data
        self._count = 2 * len(shape.leads) * len(lines)

    def values(self) -> list[Values]:
        first, *others = self._shape.leads
        starts = [self._after(first, self._lines.starts, seen=0)]
        stops = []
        for lead, begins in zip(others, self._keys(others), strict=True):
            stops.append(begins)
            starts.append(self._after(lead, begins, seen=len(lead.before) + 1))
        stops.append(self._lines.stops - len(self._shape.end))
        for place, octet in enumerate(self._shape.end):
            _insist(self._octets[stops[-1] + place] == octet)
        found = [self._between(*column) for column in zip(starts, stops, strict=True)]
        _insist(self._count == self._all_quotes())
        return found

    def _keys(self, leads: Sequence[Lead]) -> Iterable[Places]:
        """Where `leads` begin, in all lines."""
        befores = {lead.before for lead in leads}
        if not befores:
            return ()
        _insist(len(befores) == 1)
        before = befores.pop()
        places, count = places_of(before + b'"', self._octets), len(leads) * len(self._lines)
        if len(places) > count:
            # A value may end like that too, but hardly goes on like a key.
            begin = len(before) - 1
            words, last = words_of(self._lines.data, 4), len(self._octets) - 4
            places = places[np.isin(words[np.minimum(places + begin, last)], [_word(lead.text, begin, 4) for lead in leads])]
        _insist(len(places) == count)
        keys = places.reshape(len(self._lines), len(leads)).T
        _insist((keys[0] >= self._lines.starts) & (keys[-1] < self._lines.stops))
        # They lie far apart in memory.
        return np.ascontiguousarray(keys)

    def _after(self, lead: Lead, begins: Places, *, seen: int) -> Places:
        """Where the values start that follow `lead`, of which so many octets were `seen` to be there."""
        text = lead.text
        _insist(begins[-1] + len(text) < len(self._octets))
        # A key in its quotes and what stands around it has four octets or more: they are compared in pieces of as many, or of eight.
        size = 8 if len(text) >= 8 else 4  # noqa: PLR2004 (what a word holds)
        words = words_of(self._lines.data, size)
        for place in (*range(seen, len(text) - size, size), len(text) - size):
            _insist(words[begins + place] == _word(text, place, size))
        return begins + len(text)

    def _between(self, starts: Places, stops: Places) -> Values:
        """The values of a column, without their quotes; what is in quotes has two of them at least, and the second closes it."""
        in_quotes: Mask = self._octets[starts] == _QUOTE
        if not in_quotes.any():
            _insist(stops > starts)
            return Values(self._lines.data, starts, stops, in_quotes=False, escapes=False)
        every = bool(in_quotes.all())
        begins, closes = (starts, stops - 1) if every else (starts[in_quotes], stops[in_quotes] - 1)
        _insist(closes > begins)
        _insist(self._octets[closes] == _QUOTE)
        if self._escapes:
            _insist(~escaped_quotes(self._octets, closes))
        self._count += 2 * len(closes)
        if every:
            return Values(self._lines.data, starts + 1, closes, in_quotes=True, escapes=self._escapes)
        _insist(stops > starts)
        return Values(self._lines.data, starts + in_quotes, stops - in_quotes, in_quotes=in_quotes, escapes=self._escapes)

    def _all_quotes(self) -> int:
        """Those that no backslash stands before."""
        if not self._escapes:
            return count_of(_QUOTE, self._octets)
        return int(np.count_nonzero(~escaped_quotes(self._octets, places_of(b'"', self._octets))))


def _word(text: bytes, place: int, size: int) -> int:
    return int.from_bytes(text[place : place + size], "little")


def _insist(condition: "bool | Mask") -> None:
    if not np.all(condition):
        raise Unsure

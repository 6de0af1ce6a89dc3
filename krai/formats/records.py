"""The records of a block of text one by one, for blocks in which something is wrong: where each begins and ends, and what is the matter."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from krai.formats.dialect import Dialect
from krai.formats.quotes import Positions, Spans, line_ends, quotes_in
from krai.formats.reading import Mask, Octets
from krai.formats.rejected import Rejected

_FEED, _RETURN = 0x0A, 0x0D
_FILLER = np.uint8(0)  # neither a quote nor a delimiter of any dialect
_FIRST_BEYOND_ASCII = 0x80


@dataclass(frozen=True, slots=True)
class Records:
    """The records of `data` that are not blank: record i is data[starts[i]:stops[i]], without its line end."""

    data: bytes
    starts: Positions
    stops: Positions
    octets: Octets  # the data with bad records painted over, so that their quotes and delimiters do not count
    quotes: Positions
    dialect: Dialect

    @classmethod
    def find(cls, data: bytes, bad: Spans, dialect: Dialect, *, keep_blank: bool) -> "Records":
        octets = np.frombuffer(data, np.uint8)
        if len(bad):
            octets = np.where(_within(octets, bad), _FILLER, octets)
        quotes = quotes_in(octets, dialect)
        ends = _outside(line_ends(octets), quotes)
        starts = np.concatenate(([0], ends + 1))
        stops = np.concatenate((ends, [len(data)]))
        if starts[-1] == len(data):
            starts, stops = starts[:-1], stops[:-1]
        two_octets = (stops > starts) & (stops < len(data))
        two_octets[two_octets] = (octets[stops[two_octets] - 1] == _RETURN) & (octets[stops[two_octets]] == _FEED)
        stops = stops - two_octets
        if not keep_blank:
            filled = stops > starts
            starts, stops = starts[filled], stops[filled]
        return cls(data, starts, stops, octets, quotes, dialect)

    def __len__(self) -> int:
        return len(self.starts)

    def raw(self, record: int) -> bytes:
        return self.data[int(self.starts[record]) : int(self.stops[record])]

    def without(self, dropped: Mask) -> bytes:
        """The data of all other records, line ends included."""
        pieces, begin = [], 0
        for record in np.flatnonzero(dropped):
            pieces.append(self.data[begin : int(self.starts[record])])
            begin = int(self.starts[record + 1]) if record + 1 < len(self) else len(self.data)
        pieces.append(self.data[begin:])
        return b"".join(pieces)

    def cells(self) -> Positions:
        """How many cells each record has; of a bad one that means nothing."""
        delimiters = _outside(np.flatnonzero(self.octets == self.dialect.delimiter_octet), self.quotes)
        counts: Positions = np.searchsorted(delimiters, self.stops) - np.searchsorted(delimiters, self.starts) + 1
        return counts

    def wrong(self, bad: Spans, cells: int, max_row_bytes: int) -> dict[int, tuple[str, str]]:
        """Code and reason of each record that cannot be imported; the gravest reason where there are several."""
        found: dict[int, tuple[str, str]] = {}
        counts = self.cells()
        for record in np.flatnonzero(counts != cells).tolist():
            found[record] = ("column_count", cell_count(counts[record], cells, self.dialect))
        for record in self._not_utf8():
            found[record] = ("invalid_utf8", "")
        original = np.frombuffer(self.data, np.uint8)
        for record in np.unique(self.holding(np.flatnonzero(original == 0))).tolist():
            found[record] = ("control_character", "")
        for record in np.flatnonzero(self.stops - self.starts > max_row_bytes).tolist():
            found[record] = ("row_too_large", f"The row has more than {max_row_bytes} bytes.")
        for record in self.holding(bad[:, 0]).tolist():
            found[record] = ("bad_quote", "")
        return dict(sorted(found.items()))

    def holding(self, positions: Positions) -> Positions:
        """The records that these places of the data are in."""
        places: Positions = np.searchsorted(self.starts, positions, side="right") - 1
        return places

    def _not_utf8(self) -> list[int]:
        original = np.frombuffer(self.data, np.uint8)
        suspects = np.unique(self.holding(np.flatnonzero(original >= _FIRST_BEYOND_ASCII)))
        return [int(record) for record in suspects if not is_text(self.raw(int(record)))]


def rejects_of(records: Records, wrong: dict[int, tuple[str, str]], *, recoded: bool) -> Rejected:
    """`recoded`: what is not UTF-8 now was not in the file's own encoding before."""
    not_text = "The row is not in the encoding of the request." if recoded else ""
    abouts = [(None, code, not_text if code == "invalid_utf8" else detail) for code, detail in wrong.values()]
    return Rejected(list(wrong), abouts, [records.raw(record) for record in wrong])


@lru_cache
def cell_count(cells: int, columns: int, dialect: Dialect) -> str:
    """Why a row with so many cells cannot be imported."""
    return f"The row has {cells} cells, {f'the header has {columns}' if dialect.header else f'there are {columns} columns'}."


def is_text(data: bytes) -> bool:
    """True for the UTF-8 of a cell or a row."""
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _outside(positions: Positions, quotes: Positions) -> Positions:
    if not len(quotes):
        return positions
    outside: Positions = positions[np.searchsorted(quotes, positions) % 2 == 0]
    return outside


def _within(octets: Octets, spans: Spans) -> Mask:
    """Which octets are in one of the spans and not in its line end."""
    ends = spans[:, 1]
    ends = ends - (octets[ends - 1] == _FEED)
    ends = ends - (octets[ends - 1] == _RETURN)
    edges = np.zeros(len(octets) + 1, np.int8)
    edges[spans[:, 0]] = 1
    edges[ends] = -1
    within: Mask = np.cumsum(edges[:-1], dtype=np.int8) > 0
    return within

"""Where a piece of delimited text may be cut, and which of its quotes stand where RFC 4180 has none.

A quote opens a cell right after a delimiter or a line end, closes it right before one, and is doubled inside. The parser behind
us takes more (`"a"b` would become `ab`), so every quote is looked at here, and nothing but the quotes.
"""

from dataclasses import dataclass, field
from functools import cache

import numpy as np

from krai.formats.dialect import Dialect
from krai.formats.reading import Mask

_FEED, _RETURN = 0x0A, 0x0D
_WINDOW = 1024
_MAX_WINDOW = 1 << 16

Positions = np.ndarray[tuple[int], np.dtype[np.int64]]
Octets = np.ndarray[tuple[int], np.dtype[np.uint8]]


@dataclass(frozen=True, slots=True)
class Cut:
    """The first `end` bytes are whole records; those in `bad` (start, end) have a quote where none may be.

    `open_at` is where a quote opens that is not closed before the end of the data.
    """

    end: int
    bad: list[tuple[int, int]] = field(default_factory=list)
    open_at: int | None = None


def cut(data: bytes, dialect: Dialect, *, final: bool) -> Cut:
    """Look through `data`, which begins with a record; `final`: the file ends with it."""
    if dialect.quote_mark is None or data.find(dialect.quote_mark) < 0:
        return Cut(len(data) if final else _after_last_line_end(data, 0, len(data)))
    octets = np.frombuffer(data, np.uint8)
    quotes = quotes_in(octets, dialect)
    neighbours = _neighbours(dialect)
    bad: list[tuple[int, int]] = []
    first, resumed = 0, 0
    while (wrong := _first_wrong(octets, quotes, first, neighbours)) is not None:
        start = _record_start(data, quotes, first, resumed, int(quotes[wrong]))
        # The first line end after a bad quote ends its record, whatever the quotes around it would say.
        resumed = line_end(data, int(quotes[wrong]), final=final)
        if resumed < 0:
            return Cut(start, bad)
        bad.append((start, resumed))
        first = int(np.searchsorted(quotes, resumed))
    if (len(quotes) - first) % 2:
        opening = int(quotes[-1])
        return Cut(_record_start(data, quotes, first, resumed, opening), bad, opening)
    return Cut(len(data) if final else _record_start(data, quotes, first, resumed, len(data)), bad)


def quotes_in(octets: Octets, dialect: Dialect) -> Positions:
    if dialect.quote is None:
        return np.zeros(0, np.int64)
    return np.flatnonzero(octets == ord(dialect.quote))


def line_end(data: bytes, start: int, *, final: bool) -> int:
    """The position after the line end that follows `start`, -1 when it is not in `data`."""
    feed = data.find(b"\n", start)
    stop = len(data) if feed < 0 else feed
    bare = data.find(b"\r", start, stop)
    if 0 <= bare < stop - 1 or (bare >= 0 and feed < 0 and final):
        return bare + 1
    if feed >= 0:
        return feed + 1
    return len(data) if final else -1


def _after_last_line_end(data: bytes, start: int, stop: int) -> int:
    """The position after the last line end in data[start:stop], or `start`. A carriage return at the very end may be half of one."""
    feed = data.rfind(b"\n", start, stop)
    bare = data.rfind(b"\r", max(start, feed), min(stop, len(data) - 1))
    return max(feed, bare, start - 1) + 1


def _record_start(data: bytes, quotes: Positions, first: int, resumed: int, stop: int) -> int:
    """Where the last record before `stop` begins: after a line end with an even number of quotes before it."""
    while True:
        start = _after_last_line_end(data, resumed, stop)
        if start == resumed:
            return resumed
        before = int(np.searchsorted(quotes, start))
        if (before - first) % 2 == 0:
            return start
        stop = int(quotes[before - 1])


@cache
def _neighbours(dialect: Dialect) -> Mask:
    """What may stand before an opening and after a closing quote; a quote itself stands for the other half of a doubled one."""
    marks = np.zeros(256, dtype=np.bool_)
    marks[[_FEED, _RETURN, dialect.delimiter_octet, *(dialect.quote_mark or b"")]] = True
    return marks


def _first_wrong(octets: Octets, quotes: Positions, first: int, neighbours: Mask) -> int | None:
    """The index of the first quote that stands wrong, when quotes[first] is to open a cell."""
    size = _WINDOW
    while first < len(quotes):
        window = quotes[first : first + size]
        opens, closes = window[0::2], window[1::2]
        wrong = np.zeros(len(window), dtype=np.bool_)
        wrong[0::2] = ~neighbours[octets[opens - 1]]
        if opens[0] == 0:
            wrong[0] = False
        wrong[1::2] = ~neighbours[octets[np.minimum(closes + 1, len(octets) - 1)]]
        if window[-1] == len(octets) - 1 and len(window) % 2 == 0:
            wrong[-1] = False
        if wrong.any():
            return first + int(wrong.argmax())
        first += len(window)
        size = min(size * 4, _MAX_WINDOW)
    return None

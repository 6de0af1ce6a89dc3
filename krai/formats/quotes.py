"""Where a piece of delimited text may be cut, and which of its quotes stand where RFC 4180 has none.

A quote opens a cell right after a delimiter or a line end, closes it right before one, and is doubled inside. The parser behind
us takes more (`"a"b` would become `ab`), so every quote is looked at here, and nothing but the quotes.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np

from krai.formats.dialect import Dialect
from krai.formats.reading import Mask, Octets

_FEED, _RETURN = 0x0A, 0x0D
_WINDOW = 1024
_MAX_WINDOW = 1 << 16
_NEAR_BYTES = 256
_RUN_BYTES = 64 << 10

Positions = np.ndarray[tuple[int], np.dtype[np.int64]]
Spans = np.ndarray[tuple[int, int], np.dtype[np.int64]]  # start and end of each


@dataclass(frozen=True, slots=True)
class Cut:
    """The first `end` bytes are whole records; those in `bad` have a quote where none may be.

    `open_at` is where a quote opens that is not closed before the end of the data.
    """

    end: int
    bad: Spans
    open_at: int | None = None


NO_SPANS: Spans = np.zeros((0, 2), np.int64)


def cut(data: bytes, dialect: Dialect, *, final: bool) -> Cut:
    """Look through `data`, which begins with a record; `final`: the file ends with it."""
    if dialect.quote_mark is None or data.find(dialect.quote_mark) < 0:
        return Cut(len(data) if final else _after_last_line_end(data, 0, len(data)), NO_SPANS)
    octets = np.frombuffer(data, np.uint8)
    quotes = quotes_in(octets, dialect)
    neighbours = _neighbours(dialect)
    found: list[Spans] = []
    first, resumed = 0, 0
    while (wrong := _first_wrong(octets, quotes, first, neighbours)) is not None:
        start = _record_start(data, quotes, first, resumed, int(quotes[wrong]))
        # The first line end after a bad quote ends its record, whatever the quotes around it would say.
        end = line_end(data, int(quotes[wrong]), final=final)
        if end < 0:
            return Cut(start, _joined(found))
        found.append(np.array([[start, end]]))
        near, resumed = start - resumed < _NEAR_BYTES, end
        if near and (stop := _stop_of_run(data, end)) > end:
            # Where one follows the other, looking for each alone would cost far more than it is worth.
            begin, beyond = np.searchsorted(quotes, (end, stop))
            spans, resumed = _bad_lines(octets[:stop], quotes[begin:beyond], end, neighbours)
            found.append(spans)
        first = int(np.searchsorted(quotes, resumed))
    bad = _joined(found)
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


def line_ends(octets: Octets) -> Positions:
    """The last octet of each line end: line feeds, and carriage returns that no line feed follows."""
    feeds = np.flatnonzero(octets == _FEED)
    returns = np.flatnonzero(octets == _RETURN)
    if not len(returns):
        return feeds
    last = len(octets) - 1
    bare = returns[(returns == last) | (octets[np.minimum(returns + 1, last)] != _FEED)]
    return np.sort(np.concatenate((feeds, bare)))


def _stop_of_run(data: bytes, start: int) -> int:
    """The last line end in what is looked at in one go, or `start`."""
    stop = _after_last_line_end(data, start, min(start + _RUN_BYTES, len(data)))
    return stop + (data[stop : stop + 1] == b"\n")


def _joined(found: list[Spans]) -> Spans:
    return np.concatenate(found) if found else NO_SPANS


def _bad_lines(octets: Octets, quotes: Positions, start: int, neighbours: Mask) -> tuple[Spans, int]:
    """The bad records from `start`, where one begins, to the end of the data, where a line ends; and where the one begins that is open
    there, or that end.

    Line by line, from whether a cell in quotes is open before it follows what is after it; so both are looked up for all lines at once.
    """
    stops = line_ends(octets[start:]) + start + 1
    starts = np.concatenate(([start], stops[:-1]))
    line = np.searchsorted(starts, quotes, side="right") - 1
    second = (np.arange(len(quotes)) - np.searchsorted(quotes, starts)[line]) % 2 == 1
    cannot_open, cannot_close = _cannot_open(octets, quotes, neighbours), _cannot_close(octets, quotes, neighbours)
    odd = np.bincount(line, minlength=len(starts)) % 2 == 1
    bad_if_closed = _any_of(line[np.where(second, cannot_close, cannot_open)], len(starts))
    bad_if_open = _any_of(line[np.where(second, cannot_open, cannot_close)], len(starts))
    after = _open_after(odd & ~bad_if_closed, ~odd & ~bad_if_open)
    before = np.concatenate(([False], after[:-1]))
    bad = np.flatnonzero(np.where(before, bad_if_open, bad_if_closed))
    begins = starts[np.maximum.accumulate(np.where(before, 0, np.arange(len(starts))))]
    return np.column_stack((begins[bad], stops[bad])), int(begins[-1] if after[-1] else stops[-1])


def _any_of(lines: Positions, count: int) -> Mask:
    marks = np.zeros(count, np.bool_)
    marks[lines] = True
    return marks


def _open_after(if_closed: Mask, if_open: Mask) -> Mask:
    """Whether a cell is open after each line, when none is before the first; given is what it would be for either case before the line."""
    turns = np.cumsum(if_closed)
    last_closed = np.maximum.accumulate(np.where(if_closed | if_open, 0, turns))
    opened: Mask = np.asarray((turns - last_closed) % 2 == 1)
    return opened


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
        wrong = np.zeros(len(window), dtype=np.bool_)
        wrong[0::2] = _cannot_open(octets, window[0::2], neighbours)
        wrong[1::2] = _cannot_close(octets, window[1::2], neighbours)
        if wrong.any():
            return first + int(wrong.argmax())
        first += len(window)
        size = min(size * 4, _MAX_WINDOW)
    return None


def _cannot_open(octets: Octets, quotes: Positions, neighbours: Mask) -> Mask:
    wrong: Mask = ~neighbours[octets[quotes - 1]]
    if len(quotes) and quotes[0] == 0:
        wrong[0] = False
    return wrong


def _cannot_close(octets: Octets, quotes: Positions, neighbours: Mask) -> Mask:
    last = len(octets) - 1
    wrong: Mask = ~neighbours[octets[np.minimum(quotes + 1, last)]]
    if len(quotes) and quotes[-1] == last:
        wrong[-1] = False
    return wrong

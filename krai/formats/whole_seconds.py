"""Times without a fraction of a second as text: their days and their seconds of the day are looked up, less than half of what it
costs to work them out for each."""

from functools import cache, lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

_SECOND_US = 1_000_000
_DAY_S = 86_400
_WINDOW_DAYS = 1 << 12  # eleven years; a table of days is two windows long, so that any such span lies within one
_TABLES = 8
_DATE_BYTES = len("2020-01-31")

Numbers = np.ndarray[tuple[int], np.dtype[Any]]


def whole_seconds_text(values: pa.Array) -> pa.Array | None:
    """Times in microseconds as ISO 8601 has them, `Z` at the end of instants, null where they are null.

    None when one has a fraction, or when they lie too far apart to be looked up.
    """
    known = values.is_valid() if values.null_count else None
    times: Numbers = np.frombuffer(values.buffers()[1], np.int64, count=len(values), offset=values.offset * 8)
    if known is not None:
        there = known.to_numpy(zero_copy_only=False)
        times = np.where(there, times, times[there.argmax()])  # anything may lie under a null
    seconds = times // _SECOND_US
    if not np.array_equal(seconds * _SECOND_US, times):
        return None
    days = seconds // _DAY_S
    seconds -= days * _DAY_S
    window = int(days.min()) // _WINDOW_DAYS
    days -= window * _WINDOW_DAYS
    if int(days.max()) >= 2 * _WINDOW_DAYS:
        return None
    dates, clock = _dates(window), _clock("Z" if values.type.tz else "")
    if dates is None:
        return None
    cells = np.empty(len(times), np.dtype([("date", dates.dtype), ("clock", clock.dtype)]))
    cells["date"] = dates.take(days)
    cells["clock"] = clock.take(seconds)
    ends = np.arange(0, cells.nbytes + 1, cells.itemsize, dtype=np.int32)
    buffers = [None if known is None else known.buffers()[1], pa.py_buffer(ends), pa.py_buffer(cells)]
    return pa.Array.from_buffers(pa.string(), len(times), buffers)


@lru_cache(_TABLES)
def _dates(window: int) -> Numbers | None:
    """The days from the first of the window; None when a year among them has not four digits."""
    first = window * _WINDOW_DAYS
    days = pa.array(np.arange(first, first + 2 * _WINDOW_DAYS), pa.int32()).cast(pa.date32()).cast(pa.string())
    return _table(days) if pc.sum(pc.binary_length(days)).as_py() == _DATE_BYTES * len(days) else None


@cache
def _clock(zone: str) -> Numbers:
    """The seconds of a day, from the T that comes before them."""
    clock = pa.array(np.arange(_DAY_S), pa.int32()).cast(pa.time32("s")).cast(pa.string())
    return _table(pc.binary_join_element_wise("T", clock, zone, ""))


def _table(texts: pa.Array) -> Numbers:
    """Texts of the same length as numpy has them."""
    width = len(texts[0].as_py())
    return np.frombuffer(texts.buffers()[2], f"V{width}", count=len(texts))

"""Floats of few decimals as text, three digits looked up at a time: a quarter of what it costs to search for the shortest digits.

Two decimals of at most 15 digits never have the same float next to them, so such a decimal is the shortest spelling of its float.
"""

from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa

_BASE = 1000
_DECIMALS = (3, 6)  # those of a value are at most so many, whichever are enough
_BELOW = 1e9
_MISFITS = 4  # values of which one in so many is another one are not for this module
# Which spelling of three digits: the first of a number, the first of a negative one, others, or none at all.
_NEGATIVE, _INNER, _NONE = _BASE, 2 * _BASE, 3 * _BASE

Numbers = np.ndarray[tuple[int, ...], np.dtype[Any]]


def short_text(values: pa.Array) -> tuple[pa.Array, pa.Array | None] | None:
    """The values as text, null where they are null, and where that text is wrong (None: nowhere).

    None when the text of many would be wrong.
    """
    known = values.is_valid() if values.null_count else None
    numbers: Numbers = np.frombuffer(values.buffers()[1], np.float64, count=len(values), offset=values.offset * 8)
    if known is not None:
        numbers = np.where(known.to_numpy(zero_copy_only=False), numbers, 0.0)  # anything may lie under a null
    for decimals in _DECIMALS:
        scaled, fits = _scaled(numbers, decimals)
        misfits = len(fits) - int(np.count_nonzero(fits))
        if misfits * _MISFITS <= len(fits):
            break
    else:
        return None
    if misfits:
        scaled = np.where(fits, scaled, 0.0)
    whole = scaled.astype(np.int64 if scaled.max(initial=0.0) > np.iinfo(np.int32).max else np.int32)
    cells = np.stack(_groups(whole, np.signbit(numbers), decimals), axis=1)
    octets = cells.reshape(-1).view(np.uint8)
    there = octets != 0
    ends = np.zeros(len(numbers) + 1, np.int32)
    ends[1:] = np.cumsum(np.bitwise_count(there.view(np.uint32)), dtype=np.int32)[cells.shape[1] - 1 :: cells.shape[1]]
    buffers = [None if known is None else known.buffers()[1], pa.py_buffer(ends), pa.py_buffer(np.compress(there, octets))]
    return pa.Array.from_buffers(pa.string(), len(numbers), buffers), pa.array(~fits) if misfits else None


def _scaled(numbers: Numbers, decimals: int) -> tuple[Numbers, Numbers]:
    """The whole number k for each number, and whether it is the float next to k/10^decimals."""
    size, scale = np.abs(numbers), 10.0**decimals
    with np.errstate(over="ignore", invalid="ignore"):
        scaled = size * scale
        np.rint(scaled, out=scaled)
        fits = scaled / scale == size
    fits &= size < _BELOW
    return scaled, fits


def _groups(scaled: Numbers, negative: Numbers, decimals: int) -> list[Numbers]:
    """The digits of each number in groups from left to right, four octets each; those that are 0 are no part of the text."""
    tables = _tables()
    left, group = _parted(scaled)
    groups = []
    if decimals > len(str(_BASE)) - 1:
        groups.append(tables["last"].take(group))
        more = group > 0
        left, group = _parted(left)
        group += _BASE * more
    groups.append(tables["point"].take(group))
    first = left.dtype.type(_NEGATIVE) * negative
    whole: list[Numbers] = []
    while not whole or left.any():
        rest, group = _parted(left)
        group += np.where(rest > 0, left.dtype.type(_INNER), first)
        if whole:
            group[left == 0] = _NONE
        whole.append(tables["whole"].take(group))
        left = rest
    return [*reversed(whole), *reversed(groups)]


def _parted(numbers: Numbers) -> tuple[Numbers, Numbers]:
    """Without the last three digits, and these."""
    rest = numbers // _BASE
    return rest, numbers - rest * _BASE


@cache
def _tables() -> dict[str, Numbers]:
    digits = [b"%d" % group for group in range(_BASE)]
    filled = [b"%03d" % group for group in range(_BASE)]
    ends = [group.rstrip(b"0") for group in filled]
    return {
        "whole": _table([*digits, *(b"-" + group for group in digits), *filled, b""]),
        "point": _table([*(b"." + (end or b"0") for end in ends), *(b"." + group for group in filled)]),
        "last": _table(ends),
    }


def _table(spellings: list[bytes]) -> Numbers:
    return np.array(spellings, "S4").view(np.uint32)

"""Whether cells are spelled as their values are written, by a look at their octets: writing them out again takes longer than reading them.

All of these may say no where a slower look says yes. The cells must have been read as what is asked about: that leaves few ways to
spell it. Nulls of Arrow may have any text beneath them, which is looked at like that of other cells.
"""

import numpy as np
import pyarrow as pa

from krai.formats.reading import Mask, Places

_MINUS, _POINT, _ZERO, _NINE, _LOWER_A = b"-.09a"
_SURE_CHARACTERS = 16  # a point and at most 15 digits, which every double keeps

Octets = np.ndarray[tuple[int], np.dtype[np.uint8]]


def are_plain_integers(text: pa.Array) -> bool:
    """True for decimal digits without leading zeros, a minus before them or not; `-0` is none. The cells were read as int64."""
    octets, starts, stops = _cells(text)
    return _in_numbers(octets) and _are_integers(octets, starts, stops)


def are_sure_decimals(text: pa.Array) -> bool:
    """True for digits on both sides of a point, no needless zero in front, or plain integers, all so few that the double is the same
    number. The cells were read as float64."""
    octets, starts, stops = _cells(text)
    if not _in_numbers(octets) or int((stops - starts).max()) > _SURE_CHARACTERS:
        return False
    is_point = octets == _POINT
    counts = np.add.reduceat(is_point.view(np.uint8), starts)
    if not counts.all():
        whole = counts == 0
        if int((stops - starts)[whole].max()) == _SURE_CHARACTERS or not _are_integers(octets, starts[whole], stops[whole]):
            return False
        starts, stops = starts[~whole], stops[~whole]
    points = np.flatnonzero(is_point)
    if len(points) != len(starts):
        return False
    first, _ = _first_digits(octets, starts)
    between = (points > first) & (points < stops - 1)
    return bool((between & ((octets[first] != _ZERO) | (points == first + 1))).all())


def are_plain_booleans(text: pa.Array) -> bool:
    """True for `true` and `false` in small letters. The cells were read as booleans."""
    octets, _, _ = _cells(text)
    return bool(len(octets) and octets.min() >= _LOWER_A)


def _in_numbers(octets: Octets) -> bool:
    """True for digits, points, minuses, and the slash between them, which no number has."""
    return bool(len(octets) and octets.min() >= _MINUS and octets.max() <= _NINE)


def _are_integers(octets: Octets, starts: Places, stops: Places) -> bool:
    first, negative = _first_digits(octets, starts)
    return bool(((octets[first] != _ZERO) | ((stops - first == 1) & ~negative)).all())


def _first_digits(octets: Octets, starts: Places) -> tuple[Places, Mask]:
    """Where each cell goes on after its minus, and which have one."""
    negative: Mask = octets[starts] == _MINUS
    # Beneath a null may be a minus and nothing after it.
    return (np.minimum(starts + negative, len(octets) - 1) if negative.any() else starts), negative


def _cells(text: pa.Array) -> tuple[Octets, Places, Places]:
    """The octets of all cells in a row, and where each begins and ends that is not empty."""
    _, offsets, data = text.buffers()
    bounds: Places = np.frombuffer(offsets, np.int32)[text.offset : text.offset + len(text) + 1].astype(np.int64)
    octets = np.frombuffer(b"" if data is None else data, np.uint8)[bounds[0] : bounds[-1]]
    starts, stops = bounds[:-1] - bounds[0], bounds[1:] - bounds[0]
    if text.null_count:
        filled = stops > starts
        starts, stops = starts[filled], stops[filled]
    return octets, starts, stops

"""Looking through the octets of a block, in pieces that the processor's cache holds: the masks of a whole block would be new memory
each time, which costs more than the looking.
"""

from typing import Any, TypeAlias

import numpy as np

from krai.formats.reading import Octets, Places

Words: TypeAlias = np.ndarray[tuple[int], np.dtype[Any]]

_PIECE_BYTES = 1 << 20


def places_of(text: bytes, octets: Octets) -> Places:
    """Where `text`, of one octet or a few, begins in `octets`."""
    found = []
    last = len(octets) - len(text) + 1
    for begin in range(0, last, _PIECE_BYTES):
        size = min(_PIECE_BYTES, last - begin)
        here = octets[begin : begin + size] == text[0]
        for place, octet in enumerate(text[1:], start=begin + 1):
            here &= octets[place : place + size] == octet
        found.append(np.flatnonzero(here) + begin)
    return np.concatenate(found) if found else np.zeros(0, np.int64)


def words_of(data: bytes, size: int) -> Words:
    """What stands at each place of `data`, as a number of `size` octets (4 or 8), the first of which is the least. Nothing is copied."""
    return np.ndarray(len(data) - size + 1, f"<u{size}", data, strides=(1,))


def count_of(octet: int, octets: Octets) -> int:
    """How often one stands in `octets`."""
    pieces = (octets[begin : begin + _PIECE_BYTES] for begin in range(0, len(octets), _PIECE_BYTES))
    return sum(int(np.count_nonzero(piece == octet)) for piece in pieces)

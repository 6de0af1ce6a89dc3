"""Where the elements of a JSON array end, found by whole columns of octets and not one by one.

Only what separates elements is looked at: quotes, brackets and commas. What an element is worth its own reader finds out.
"""

from dataclasses import dataclass

import numpy as np

from krai.formats.reading import Mask, Octets, Places

_QUOTE, _BACKSLASH = ord('"'), ord("\\")
_OPENS, _CLOSES, _COMMA, _STRING = 1, 2, 3, 4
_KINDS = np.zeros(256, np.uint8)
for _octets, _kind in ((b"[{", _OPENS), (b"]}", _CLOSES), (b",", _COMMA), (b'"', _STRING)):
    _KINDS[list(_octets)] = _kind
_STEPS = np.zeros(5, np.int8)
_STEPS[_OPENS], _STEPS[_CLOSES] = 1, -1
CLOSING = {b"[": b"]", b"{": b"}"}


@dataclass(frozen=True, slots=True)
class Cut:
    """The commas between elements in a piece of an array, and where the array ends if it does so there."""

    commas: Places
    end: int | None


class Splitter:
    """Follows an array whose `opening` bracket has been read; an object counts as an array of one element."""

    def __init__(self, opening: bytes) -> None:
        self._closing = CLOSING[opening][0]
        self._has_commas = opening == b"["
        self._depth = 1
        self._quoted = False
        self._escaped = False  # by a backslash at the end of the piece before

    def feed(self, data: bytes) -> Cut:
        """What the next piece has. Nothing may be fed after the end."""
        shift = int(self._escaped)
        whole = b"\\" + data if shift else data
        octets = np.frombuffer(whole, np.uint8)
        kinds = _KINDS.take(octets)
        at = np.flatnonzero(kinds)
        kinds = kinds[at]
        unescaped = ~_escaped(octets, at, kinds)
        at, kinds = at[unescaped], kinds[unescaped]
        outside = self._outside(kinds)
        at, kinds = at[outside], kinds[outside]
        depth = self._depth + np.cumsum(_STEPS[kinds], dtype=np.int32)
        # A closing bracket too many belongs to its element: the array itself ends with its own kind alone.
        depth += np.maximum.accumulate(np.maximum(1 - depth, 0))
        before = np.concatenate(([self._depth], depth[:-1]))
        ends = np.flatnonzero((before == 1) & (octets[at] == self._closing))
        end = int(at[ends[0]]) if len(ends) else None
        commas = at[(kinds == _COMMA) & (depth == 1)] if self._has_commas else at[:0]
        if end is not None:
            commas = commas[commas < end]
        self._depth = int(depth[-1]) if len(depth) else self._depth
        self._escaped = (len(whole) - len(whole.rstrip(b"\\"))) % 2 == 1
        return Cut(commas - shift, None if end is None else end - shift)

    def _outside(self, kinds: Octets) -> Mask:
        """Which of them stand in no string."""
        inside = (np.cumsum(kinds == _STRING, dtype=np.int32) + self._quoted) % 2 == 1
        self._quoted = bool(inside[-1]) if len(inside) else self._quoted
        outside: Mask = ~inside & (kinds != _STRING)
        return outside


def _escaped(octets: Octets, at: Places, kinds: Octets) -> Mask:
    """Which are quotes after an odd number of backslashes."""
    escaped: Mask = (kinds == _STRING) & (octets[at - 1] == _BACKSLASH) & (at > 0)
    if escaped.any():
        slashes = np.flatnonzero(octets == _BACKSLASH)
        runs = slashes[np.concatenate(([True], np.diff(slashes) != 1))]
        quotes = at[escaped]
        escaped[escaped] = (quotes - runs[np.searchsorted(runs, quotes) - 1]) % 2 == 1
    return escaped

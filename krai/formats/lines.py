"""The lines of a block of text."""

from dataclasses import dataclass

import numpy as np

from krai.formats.reading import Mask, Octets, Places
from krai.formats.scanning import places_of

_RETURN, _LAST_BLANK = 0x0D, 0x20
_BLANKS = b" \t\r"


@dataclass(frozen=True, slots=True)
class Lines:
    """The lines that are not blank: line i is data[starts[i]:stops[i]], without its line end (LF or CR LF).

    `spread`: what stands here as a line may be one of JSON's objects, with line ends inside.
    """

    data: bytes
    starts: Places
    stops: Places
    spread: bool = False

    @classmethod
    def find(cls, data: bytes) -> "Lines":
        octets = np.frombuffer(data, np.uint8)
        feeds = places_of(b"\n", octets)
        starts = np.concatenate(([0], feeds + 1))
        stops = np.concatenate((feeds, [len(data)]))
        if starts[-1] == len(data):
            starts, stops = starts[:-1], stops[:-1]
        if not (octets[starts] > _LAST_BLANK).all():
            filled = _are_filled(data, octets, starts, stops)
            starts, stops = starts[filled], stops[filled]
        return cls(data, starts, stops - (octets[stops - 1] == _RETURN))

    def __len__(self) -> int:
        return len(self.starts)

    def part(self, first: int, count: int) -> "Lines":
        """At most `count` lines from the one whose number is `first`, with no more data than theirs."""
        if not first and count >= len(self):
            return self
        starts, stops = self.starts[first : first + count], self.stops[first : first + count]
        begin = int(starts[0])
        return Lines(self.data[begin : int(stops[-1])], starts - begin, stops - begin, self.spread)

    def raw(self, line: int) -> bytes:
        return self.data[int(self.starts[line]) : int(self.stops[line])]

    def all_stand_between(self, first: bytes, last: bytes) -> bool:
        """True when each line begins with the one octet and ends with the other."""
        octets = np.frombuffer(self.data, np.uint8)
        return bool((octets[self.starts] == first[0]).all() and (octets[self.stops - 1] == last[0]).all())


def _are_filled(data: bytes, octets: Octets, starts: Places, stops: Places) -> Mask:
    """Which of the lines have more than blanks. Only those that begin with one are looked through."""
    filled: Mask = octets[starts] > _LAST_BLANK
    for line in np.flatnonzero(~filled):
        filled[line] = bool(data[starts[line] : stops[line]].strip(_BLANKS))
    return filled

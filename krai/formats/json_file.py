"""A file that is one JSON array of objects, in any layout, or a single object, which is a row.

The array is cut into the bytes of its elements, and these are read as lines of NDJSON are. An element that is no object is rejected
with its bytes. An array that does not end, or is followed by something else, makes the file a damaged one: how many rows are
lost with the rest nobody could say.
"""

import codecs
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
import pyarrow as pa

from krai.errors import Terminal
from krai.formats.json_rejects import NdjsonRejects
from krai.formats.json_rows import SHOWN_OF_OVERSIZE_BYTES, JsonRows
from krai.formats.json_split import CLOSING, Splitter
from krai.formats.lines import Lines
from krai.formats.reading import BLOCK_BYTES, Opener, Parsed, Places
from krai.formats.rejected import RejectsForm

_PRIMER_BYTES = 128 << 10
_BLANKS = b" \t\r\n"
_IS_BLANK = np.zeros(256, np.bool_)
_IS_BLANK[list(_BLANKS)] = True
_FEED = 0x0A


@dataclass(frozen=True, slots=True)
class JsonBlock:
    """Elements with `commas` between them, or the beginning of one that is too long to be read."""

    data: bytes
    commas: Places
    oversize: bool = False


class JsonReader:
    """Implements `Reader`. Raises Terminal empty_file and format_mismatch at once when neither an array nor an object begins."""

    def __init__(self, opener: Opener, *, max_row_bytes: int, max_columns: int, block_bytes: int = BLOCK_BYTES) -> None:
        self._opener = opener
        self._block_bytes = block_bytes
        self._rows = JsonRows(max_row_bytes, max_columns)
        self.names: Sequence[str] = ()
        self.types: Mapping[str, pa.DataType] = {}
        self.form: RejectsForm = NdjsonRejects()
        self._prime()

    def learn(self, free: Mapping[str, str], bound: Mapping[str, pa.DataType], rounded: Collection[str] = ()) -> None:
        self._rows.learn(free, bound, rounded)

    def blocks(self) -> Iterator[JsonBlock]:
        with self._opener() as file:
            opening, data = self._begin(file, self._block_bytes)
            splitter = Splitter(opening)
            held = opening if opening == b"{" else b""
            elements, skipping = 0, False
            while data:
                cut = splitter.feed(data)
                commas, end = cut.commas + len(held), None if cut.end is None else cut.end + len(held)
                held += data
                if skipping and len(commas):
                    start, skipping = int(commas[0]) + 1, False
                    held, commas, end = held[start:], commas[1:] - start, None if end is None else end - start
                if end is not None:
                    last = end + (opening == b"{")
                    if not skipping and (elements or len(commas) or held[:last].strip(_BLANKS)):
                        yield JsonBlock(held[:last], commas)
                    self._check_rest(held[end + 1 :], file)
                    return
                if len(commas) and not skipping:
                    last = int(commas[-1])
                    yield JsonBlock(held[:last], commas[:-1])
                    elements += len(commas)
                    held = held[last + 1 :]
                elif skipping:
                    held = b""
                elif len(held) > self._rows.max_row_bytes + self._block_bytes:
                    yield JsonBlock(held[:SHOWN_OF_OVERSIZE_BYTES], commas, oversize=True)
                    held, skipping, elements = b"", True, elements + 1
                data = file.read(self._block_bytes)
        raise Terminal("corrupt_file", f"The file ends within element {elements + (not skipping)} of its array.")

    def parse(self, block: JsonBlock) -> Iterator[Parsed]:
        return self._rows.too_large(block.data) if block.oversize else self._rows.parse(_elements(block.data, block.commas))

    def _prime(self) -> None:
        with self._opener() as file:
            opening, data = self._begin(file, _PRIMER_BYTES)
        cut = Splitter(opening).feed(data)
        last = cut.end if cut.end is not None else int(cut.commas[-1]) if len(cut.commas) else 0
        self._rows.prime(_elements(data[:last], cut.commas[cut.commas < last]))

    def _begin(self, file: BinaryIO, read_bytes: int) -> tuple[bytes, bytes]:
        """The first bracket of the file, and what was read after it."""
        head = file.read(max(read_bytes, len(codecs.BOM_UTF8))).removeprefix(codecs.BOM_UTF8).lstrip(_BLANKS)
        while not head and (more := file.read(read_bytes)):
            head = more.lstrip(_BLANKS)
        if not head:
            raise Terminal("empty_file", "The file has neither a JSON array nor an object; an array without rows is written [].")
        if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            raise Terminal("encoding_unsupported", "The file is in UTF-16 or UTF-32.")
        if head[:1] not in CLOSING:
            raise Terminal("format_mismatch", "The file is neither a JSON array nor an object.")
        return head[:1], head[1:] or file.read(read_bytes)

    def _check_rest(self, rest: bytes, file: BinaryIO) -> None:
        while not rest.strip(_BLANKS):
            rest = file.read(self._block_bytes)
            if not rest:
                return
        raise Terminal(
            "corrupt_file", "The file goes on after the end of its JSON; where there is one object a line, its format is ndjson."
        )


def _elements(data: bytes, commas: Places) -> Lines:
    """The elements without the blanks around them. What separates them becomes a line end, for a parser of lines."""
    octets = np.frombuffer(data, np.uint8).copy()
    octets[commas] = _FEED
    starts = np.concatenate(([0], commas + 1)).astype(np.int64)
    stops = np.concatenate((commas, [len(data)])).astype(np.int64)
    filled = np.flatnonzero(~_IS_BLANK[octets])
    if not len(filled):
        return Lines(data, starts, starts)
    firsts = np.searchsorted(filled, starts)
    lasts = np.searchsorted(filled, stops) - 1
    blank = lasts < firsts
    starts = np.where(blank, starts, filled[np.minimum(firsts, len(filled) - 1)])
    stops = np.where(blank, starts, filled[lasts] + 1)
    feeds = np.flatnonzero(octets == _FEED)
    spread = bool((feeds < stops[np.maximum(np.searchsorted(starts, feeds, side="right") - 1, 0)]).any())
    return Lines(octets.tobytes(), starts, stops, spread)

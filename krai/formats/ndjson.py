"""NDJSON: one JSON object a line."""

import codecs
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import BinaryIO

import pyarrow as pa

from krai.formats.json_rejects import NdjsonRejects
from krai.formats.json_rows import SHOWN_OF_OVERSIZE_BYTES, JsonRows
from krai.formats.lines import Lines
from krai.formats.reading import BLOCK_BYTES, Opener, Parsed
from krai.formats.rejected import RejectsForm

_PRIMER_BYTES = 32 << 10


@dataclass(frozen=True, slots=True)
class NdjsonBlock:
    """Whole lines, or the beginning of one that is too long to be read."""

    data: bytes
    oversize: bool = False


class NdjsonReader:
    """Implements `Reader`. A file without a line is one without rows."""

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

    def blocks(self) -> Iterator[NdjsonBlock]:
        with self._opener() as file:
            carry, chunk = b"", file.read(self._block_bytes).removeprefix(codecs.BOM_UTF8)
            while chunk:
                end = chunk.rfind(b"\n") + 1
                if end:
                    # Joined at once: with each copy that is saved the other threads go on sooner.
                    yield NdjsonBlock(b"".join((carry, memoryview(chunk)[:end])))
                    carry = chunk[end:]
                else:
                    carry += chunk
                if len(carry) > self._rows.max_row_bytes + self._block_bytes:
                    yield NdjsonBlock(carry[:SHOWN_OF_OVERSIZE_BYTES], oversize=True)
                    carry, chunk = b"", self._after_line(file)
                else:
                    chunk = file.read(self._block_bytes)
            if carry:
                yield NdjsonBlock(carry)

    def parse(self, block: NdjsonBlock) -> Iterator[Parsed]:
        return self._rows.too_large(block.data) if block.oversize else self._rows.parse(Lines.find(block.data))

    def _prime(self) -> None:
        with self._opener() as file:
            head = file.read(_PRIMER_BYTES).removeprefix(codecs.BOM_UTF8)
        self._rows.prime(Lines.find(head[: head.rfind(b"\n") + 1]))

    def _after_line(self, file: BinaryIO) -> bytes:
        """What was read beyond the end of a line that is passed over; the line may end with what was read."""
        while chunk := file.read(self._block_bytes):
            end = chunk.find(b"\n") + 1
            if end:
                return chunk[end:] or file.read(self._block_bytes)
        return b""

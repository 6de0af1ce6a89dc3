"""CSV as RFC 4180 has it, and its dialects, read strictly: a row is imported as it stands or rejected with its reason, never bent.

Lines end in LF, CR LF or CR; a byte order mark and blank lines are skipped, and the last line may lack its end. An empty cell is
null, `""` is the empty text. In a file with a single column a blank line is a row with an empty cell: nothing else could say that.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.csv as arrow_csv

from krai.errors import Terminal
from krai.formats.cells import TextCells
from krai.formats.dialect import RFC_4180, DelimitedRejects, Dialect
from krai.formats.header import Header, read_header
from krai.formats.oversize import skip_record
from krai.formats.quotes import NO_SPANS, Spans, cut
from krai.formats.reading import BLOCK_BYTES, Opener, Parsed, Places
from krai.formats.records import Records, cell_count, rejects_of
from krai.formats.rejected import About, Reject, Rejected, RejectsForm
from krai.formats.spreadsheet import restore
from krai.formats.text import is_utf8
from krai.formats.types import in_one
from krai.formats.unnamed import HEAD_BYTES, header_of
from krai.text_encodings import UTF_8

_SHOWN_OF_OVERSIZE_BYTES = 64 << 10

Otherwise = Callable[[arrow_csv.InvalidRow], str]


@dataclass(frozen=True, slots=True)
class CsvBlock:
    """Whole records, of which those in `bad` have a wrong quote; or the beginning of one that is too long to be read."""

    data: bytes
    bad: Spans = field(default_factory=lambda: NO_SPANS)
    oversize: bool = False


class CsvReader:
    """Implements `Reader`. Raises Terminal at once when the header cannot be used.

    `opener` gives UTF-8; `encoding` is what it was before, and `columns` are the names for a file without a header, where they are known.
    """

    def __init__(
        self,
        opener: Opener,
        dialect: Dialect = RFC_4180,
        *,
        max_row_bytes: int,
        max_columns: int,
        max_name_bytes: int,
        block_bytes: int = BLOCK_BYTES,
        encoding: str = UTF_8,
        columns: Sequence[str] | None = None,
    ) -> None:
        self._opener = opener
        self._dialect = dialect
        self._recoded = encoding != UTF_8
        self._max_row_bytes = max_row_bytes
        self._max_columns = max_columns
        self._max_name_bytes = max_name_bytes
        self._block_bytes = block_bytes
        with opener() as file:
            self.header = self._read_header(file) if dialect.header else self._make_header(file, columns)
        self.names: Sequence[str] = [self.header.names[place] for place in self.header.kept]
        self.types: Mapping[str, pa.DataType] = {}
        self.form: RejectsForm = DelimitedRejects(self.header.raw, dialect, encoding)

    def learn(self, free: Mapping[str, str], bound: Mapping[str, pa.DataType], rounded: Collection[str] = ()) -> None:
        """Text is text: nothing to learn."""

    def blocks(self) -> Iterator[CsvBlock]:
        with self._opener() as file:
            carry, offset, read = b"", self.header.end, self._after_header(file)
            while True:
                chunk, read = read or file.read(self._block_bytes), b""
                # Most blocks end with the last line feed: up to there no byte is copied twice. Of what may be too long all is looked at.
                short, final = len(carry) + len(chunk) <= self._max_row_bytes, not chunk
                stop = (chunk.rfind(b"\n") + 1 if short else 0) or len(chunk)
                data = b"".join((carry, memoryview(chunk)[:stop]))
                found = cut(data, self._dialect, final=final)
                if final and found.open_at is not None:
                    raise self._unterminated(offset + found.open_at)
                if found.end:
                    yield CsvBlock(data[: found.end], found.bad)
                carry = data[found.end :] + chunk[stop:]
                offset += found.end
                if final:
                    return
                if len(carry) > self._max_row_bytes:
                    yield CsvBlock(carry[:_SHOWN_OF_OVERSIZE_BYTES], oversize=True)
                    length, rest = skip_record(carry, file, self._block_bytes, self._dialect, in_quotes=found.open_at is not None)
                    if length is None:
                        raise self._unterminated(offset + (found.open_at or 0) - found.end)
                    offset, carry = offset + length, rest

    def parse(self, block: CsvBlock) -> Iterator[Parsed]:
        yield self._parse(block)

    def _parse(self, block: CsvBlock) -> Parsed:
        if block.oversize:
            too_large = Reject(0, None, "row_too_large", f"The row has more than {self._max_row_bytes} bytes.", block.data)
            return Parsed(rows=1, whole=0, columns={}, rejects=Rejected.of([too_large]), trace=lambda _: [])
        if not len(block.bad) and len(block.data) <= self._max_row_bytes and b"\0" not in block.data:
            # Most of what is wrong with rows is how many cells they have: the parser leaves these out by itself.
            skipped: list[arrow_csv.InvalidRow] = []

            def skip(row: arrow_csv.InvalidRow) -> str:
                # The parser stands still meanwhile, and other threads too: what is to be done with them is done when it has ended.
                skipped.append(row)
                return "skip"

            sound = not self._recoded and is_utf8(block.data)
            try:
                table = self._table(block.data, skip if sound else None, is_utf8=sound)
            except pa.ArrowInvalid:
                pass
            else:
                return self._parsed(block, table, self._rejects(skipped))
        return self._parse_one_by_one(block)

    def _rejects(self, skipped: Sequence[arrow_csv.InvalidRow]) -> Rejected:
        abouts = {cells: self._about(cells) for cells in {row.actual_columns for row in skipped}}
        return Rejected(
            [row.number - 1 for row in skipped], [abouts[row.actual_columns] for row in skipped], [row.text.encode() for row in skipped]
        )

    def _about(self, cells: int) -> About:
        return None, "column_count", cell_count(cells, len(self.header.names), self._dialect)

    def _parse_one_by_one(self, block: CsvBlock) -> Parsed:
        records = Records.find(block.data, block.bad, self._dialect, keep_blank=self._keep_blank)
        wrong = records.wrong(block.bad, len(self.header.names), self._max_row_bytes)
        dropped = np.zeros(len(records), dtype=np.bool_)
        dropped[list(wrong)] = True
        table = self._table(records.without(dropped))
        if len(records) - len(wrong) != table.num_rows:
            raise Terminal("corrupt_file", "The rows of the file cannot be told apart.")
        return self._parsed(block, table, rejects_of(records, wrong, recoded=self._recoded))

    def _parsed(self, block: CsvBlock, table: pa.Table, rejects: Rejected) -> Parsed:
        def trace(indexes: Places) -> list[tuple[int, bytes]]:
            records = Records.find(block.data, block.bad, self._dialect, keep_blank=self._keep_blank)
            places = np.delete(np.arange(len(records)), np.asarray(rejects.rows, np.int64))[indexes]
            return [(int(place), records.raw(int(place))) for place in places]

        columns = {name: TextCells(self._as_meant(in_one(column))) for name, column in zip(self.names, table.columns, strict=True)}
        return Parsed(rows=table.num_rows + len(rejects), whole=table.num_rows, columns=columns, rejects=rejects, trace=trace)

    def _as_meant(self, column: pa.Array) -> pa.Array:
        return restore(column) if self._dialect.spreadsheet else column

    def _table(self, data: bytes, otherwise: Otherwise | None = None, *, is_utf8: bool = False) -> pa.Table:
        """The records as text; `otherwise` decides about those that have not as many cells as the header. `is_utf8`: they are.

        Raises ArrowInvalid when nobody decides about them, or when a record is not UTF-8.
        """
        if not data:
            return pa.table([pa.array([], pa.string())] * len(self.names), names=[str(place) for place in self.header.kept])
        return arrow_csv.read_csv(
            pa.BufferReader(data),
            read_options=arrow_csv.ReadOptions(column_names=self._columns, use_threads=False, block_size=len(data) + 1),
            parse_options=self._parse_options(data, otherwise),
            convert_options=self._convert_options[is_utf8],
        )

    def _parse_options(self, data: bytes, otherwise: Otherwise | None) -> arrow_csv.ParseOptions:
        quote = self._dialect.quote_mark
        return arrow_csv.ParseOptions(
            delimiter=self._dialect.delimiter,
            quote_char=self._dialect.quote or False,
            newlines_in_values=quote is not None and quote in data,
            ignore_empty_lines=not self._keep_blank,
            invalid_row_handler=otherwise,
        )

    @cached_property
    def _columns(self) -> list[str]:
        # Places for names: the columns that are not kept may well have the same one twice.
        return [str(place) for place in range(len(self.header.names))]

    @cached_property
    def _convert_options(self) -> tuple[arrow_csv.ConvertOptions, arrow_csv.ConvertOptions]:
        """For records that have to be looked at for what is not UTF-8, and for those that need not."""
        look, trust = (
            arrow_csv.ConvertOptions(
                check_utf8=check_utf8,
                column_types=dict.fromkeys(self._columns, pa.string()),
                include_columns=[str(place) for place in self.header.kept],
                null_values=list(self._dialect.null),
                strings_can_be_null=True,
                quoted_strings_can_be_null=False,
            )
            for check_utf8 in (True, False)
        )
        return look, trust

    @cached_property
    def _keep_blank(self) -> bool:
        return len(self.header.names) == 1

    def _after_header(self, file: BinaryIO) -> bytes:
        """What comes after the header, as far as it was read with it."""
        data = b""
        while len(data) < self.header.end and (chunk := file.read(self._block_bytes)):
            data += chunk
        return data[self.header.end :]

    def _make_header(self, file: BinaryIO, columns: Sequence[str] | None) -> Header:
        head = b""
        while len(head) < HEAD_BYTES and (chunk := file.read(HEAD_BYTES)):
            head += chunk
        return header_of(head, self._dialect, columns, max_columns=self._max_columns, max_name_bytes=self._max_name_bytes)

    def _read_header(self, file: BinaryIO) -> Header:
        data = b""
        while True:
            chunk = file.read(self._block_bytes)
            data += chunk
            header = read_header(data, self._dialect, whole=not chunk, max_columns=self._max_columns, max_name_bytes=self._max_name_bytes)
            if header is not None:
                return header
            if len(data) > self._max_row_bytes:
                raise Terminal("row_too_large", f"The header has more than {self._max_row_bytes} bytes.")

    def _unterminated(self, offset: int) -> Terminal:
        line, left, last = 1, offset, b""
        with self._opener() as file:
            while left > 0 and (chunk := file.read(min(left, self._block_bytes))):
                left -= len(chunk)
                text = last + chunk
                line += text.count(b"\n") + text.count(b"\r") - text.count(b"\r\n") - len(last)
                # A carriage return that ends a piece is counted again with what follows it.
                last = b"\r" if chunk.endswith(b"\r") else b""
        return Terminal("unterminated_quote", f"The quote opened in line {line} is never closed.")

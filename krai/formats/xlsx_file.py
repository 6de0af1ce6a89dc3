"""XLSX: a sheet of a workbook, read row by row. The first row with a value names the columns; rows without a cell are none.

A cell without a value is null, and a formula the result it was saved with.
"""

from collections.abc import Collection, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa

from krai.errors import Terminal
from krai.formats.header import check_names
from krai.formats.json_rejects import NdjsonRejects
from krai.formats.reading import BLOCK_BYTES, Opener, Parsed
from krai.formats.rejected import RejectsForm
from krai.formats.xlsx_package import Budget, Package
from krai.formats.xlsx_sheet import Row, SheetLimits, read_rows
from krai.formats.xlsx_strings import SharedStrings
from krai.formats.xlsx_table import SheetTable
from krai.formats.xlsx_values import Values
from krai.formats.xlsx_workbook import open_workbook


class XlsxReader:
    """Implements `Reader`. `sheet` is a name or a number from 1, None the first that is shown; `spool` a folder for shared texts.

    Raises Terminal at once for a file that cannot be read, a sheet that is not there and a header that cannot be used.
    """

    def __init__(
        self,
        opener: Opener,
        *,
        sheet: str | int | None,
        spool: Path,
        max_bytes: int,
        max_row_bytes: int,
        max_columns: int,
        max_name_bytes: int,
        block_bytes: int = BLOCK_BYTES,
    ) -> None:
        self._opener = opener
        self._limits = SheetLimits(row_bytes=max_row_bytes, columns=max_columns, block_bytes=block_bytes)
        self._strings = SharedStrings(spool / "strings")
        budget = Budget(max_bytes)
        with opener() as file:
            package = Package(file)
            book = open_workbook(package, sheet, budget)
            if book.strings is not None:
                self._strings.load(package.read(book.strings, budget), max_row_bytes)
        self._parts = book.sheets
        self._left_bytes = budget.left_bytes
        self._table, self._skipped = self._find_header(Values(self._strings, book.forms, book.since_1904))
        self.names: Sequence[str] = self._table.names
        self.types: Mapping[str, pa.DataType] = {}
        self.form: RejectsForm = NdjsonRejects()
        check_names(self._table.header, self._table.kept, max_columns=max_columns, max_name_bytes=max_name_bytes)

    def learn(self, free: Mapping[str, str], bound: Mapping[str, pa.DataType], rounded: Collection[str] = ()) -> None:
        """Cells know what they are."""

    def blocks(self) -> Iterator[list[Row]]:
        budget = Budget(self._left_bytes)
        with self._opener() as file:
            for part in self._parts:
                skip = self._skipped
                for rows in self._read(file, part, budget):
                    yield rows[skip:]
                    skip = 0

    def parse(self, block: list[Row]) -> Iterator[Parsed]:
        yield self._table.parse(block)

    def _find_header(self, values: Values) -> tuple[SheetTable, int]:
        """The table, and how many rows come before its first one."""
        with self._opener() as file, closing(self._read(file, self._parts[0], Budget(self._left_bytes))) as blocks:
            for number, row in enumerate(next(blocks, []), start=1):
                table = SheetTable(row, values)
                if table.header:
                    return table, number
        raise Terminal("empty_file", "The sheet has no values.")

    def _read(self, file: BinaryIO, part: str, budget: Budget) -> Generator[list[Row]]:
        return read_rows(Package(file), part, self._strings, budget, self._limits)

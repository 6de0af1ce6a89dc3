"""The rows of a sheet, one after the other, as the file has them: what a cell stands for is found out later, by another thread."""

import re
from collections.abc import Generator
from dataclasses import dataclass, field
from typing import NamedTuple
from xml.sax.saxutils import unescape

from krai.errors import Terminal
from krai.formats.xlsx_package import Budget, Package
from krai.formats.xlsx_plain import PlainCell, without_plain_rows
from krai.formats.xlsx_strings import BLANKS, SharedStrings, TextRuns
from krai.formats.xlsx_xml import Attributes, Elements, steps

_MOST_CELLS = 100_000  # of a block, with those that are not there: a cell costs far more memory than its text
_DIGITS = "0123456789"
_NOWHERE = -2  # no element stands there or directly beneath
_QUOTES = {"&quot;": '"', "&apos;": "'"}
PLACE = re.compile(r"\s*\d{1,18}\s*", re.ASCII)  # in a table of the workbook


class Cell(NamedTuple):
    """`column` counts from 0; `type` and `style` are the attributes `t` and `s`; what has no text is no cell."""

    column: int
    type: str
    style: str
    text: str


@dataclass(slots=True)
class Row:
    """A row with at least one cell. `fault` is a code and a reason why it cannot be imported."""

    cells: list[Cell] = field(default_factory=list)
    fault: tuple[str, str] | None = None
    size_bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetLimits:
    """`row_bytes` of text in a row, more columns than `columns` make the file unfit, a block has `block_bytes` of text."""

    row_bytes: int
    columns: int
    block_bytes: int


def read_rows(package: Package, part: str, strings: SharedStrings, budget: Budget, limits: SheetLimits) -> Generator[list[Row]]:
    """The rows that have cells, in blocks. Raises Terminal too_many_columns, decompression_limit, forbidden_xml and corrupt_file."""
    sheet = _Sheet(strings, budget, limits)
    for _ in steps(without_plain_rows(package.read(part, budget), sheet), sheet):
        yield from sheet.full
        sheet.full.clear()
    if sheet.rows:
        yield sheet.rows


class _Sheet(Elements):
    def __init__(self, strings: SharedStrings, budget: Budget, limits: SheetLimits) -> None:
        self.full: list[list[Row]] = []
        self.rows: list[Row] = []
        self.between_rows = False
        self._depth = 0
        self._data_depth = _NOWHERE
        self._strings = strings
        self._budget = budget
        self._limits = limits
        self._width = 0
        self._bytes = 0
        self._columns: dict[str, int] = {}
        self._row: Row | None = None
        self._attributes: Attributes | None = None  # of the cell that is open
        self._next = 0  # the place of a cell that does not say where it is
        self._value: list[str] | None = None
        self._runs: TextRuns | None = None
        self._text: str | None = None

    def start(self, name: str, attributes: Attributes) -> None:
        self._depth += 1
        self.between_rows = False
        if self._runs is not None:
            self._runs.start(name, attributes)
        elif name == "c" and self._row is not None:
            self._attributes, self._text = attributes, None
        elif name == "v" and self._attributes is not None:
            self._value = []
        elif name == "is" and self._attributes is not None:
            self._runs = TextRuns(self._limits.row_bytes)
        elif name == "row" and self._depth == self._data_depth + 1:
            self._row, self._next = Row(), 0
        elif name == "sheetData":
            self._data_depth = self._depth
            self.between_rows = True

    def text(self, text: str) -> None:
        if self._value is not None:
            if self._row is not None and self._row.size_bytes <= self._limits.row_bytes:
                self._row.size_bytes += len(text)
                self._value.append(text)
        elif self._runs is not None:
            self._runs.text(text)

    def end(self, name: str) -> None:
        self._depth -= 1
        self.between_rows = self._depth == self._data_depth
        if self._depth < self._data_depth:
            self._data_depth = _NOWHERE
        if name == "v" and self._value is not None:
            self._text, self._value = "".join(self._value), None
        elif name == "c" and self._attributes is not None and self._row is not None:
            self._end_cell(self._row, self._attributes)
            self._attributes = None
        elif name == "row" and self._row is not None:
            self._end_row(self._row)
            self._row = None
        elif name == "is" and self._runs is not None:
            self._text, self._runs = self._runs.take(), None
        elif self._runs is not None:
            self._runs.end(name)

    def take(self, cells: list[PlainCell]) -> None:
        row, self._next = Row(), 0
        for letters, style, kind, opening, text in cells:
            column = self._column(letters + "1") if letters else self._next
            self._next = column + 1
            if opening:
                plain = unescape(text, _QUOTES) if "&" in text else text
                row.size_bytes += len(plain) if opening == "<v>" else 0
                self._add(row, Cell(column, kind or "n", style, plain.strip(BLANKS) if opening == "<is><t>" else plain))
        self._end_row(row)

    def _end_cell(self, row: Row, attributes: Attributes) -> None:
        place = attributes.get("r")
        column = self._next if place is None else self._column(place)
        if column < 0:
            row.fault = row.fault or ("bad_cell", "A cell does not say where it is.")
            column = self._next
        self._next = column + 1
        if self._text is not None:
            self._add(row, Cell(column, attributes.get("t", "n"), attributes.get("s", ""), self._text))

    def _add(self, row: Row, cell: Cell) -> None:
        column, kind, _, text = cell
        if column >= self._limits.columns:
            raise Terminal("too_many_columns", f"A cell stands in column {column + 1}, at most {self._limits.columns} are allowed.")
        if kind == "s" and PLACE.fullmatch(text) and int(text) < len(self._strings):
            # Texts that are shared come as often as they are named.
            size_bytes = self._strings.size_bytes(int(text))
            self._budget.spend(size_bytes)
            row.size_bytes += size_bytes
        elif kind == "inlineStr":
            row.size_bytes += len(text)
        if row.size_bytes > self._limits.row_bytes:
            row.fault = ("row_too_large", f"The row has more than {self._limits.row_bytes} bytes.")
        elif len(row.cells) > self._limits.columns:
            row.fault = ("bad_cell", "The row has more cells than columns.")
        else:
            row.cells.append(cell)

    def _end_row(self, row: Row) -> None:
        if not row.cells and row.fault is None:
            return
        self.rows.append(row)
        self._width = max(self._width, self._next)
        self._bytes += row.size_bytes
        if self._width * len(self.rows) >= _MOST_CELLS or self._bytes >= self._limits.block_bytes:
            self.full.append(self.rows)
            self.rows, self._bytes = [], 0

    def _column(self, place: str) -> int:
        """The column of a place such as `AB12`, -1 when it is none."""
        letters = place.rstrip(_DIGITS)
        if letters not in self._columns:
            self._columns[letters] = _number_of(letters)
        return self._columns[letters] if letters != place else -1


def _number_of(letters: str) -> int:
    """A is 0, Z 25, AA 26. -1 for what is no column of a sheet."""
    number = 0
    for letter in letters:
        if not "A" <= letter <= "Z" or len(letters) > len("XFD"):
            return -1
        number = number * 26 + ord(letter) - ord("A") + 1
    return number - 1


def letters_of(column: int) -> str:
    """The name of a column: A for 0, AA for 26."""
    letters, left = "", column + 1
    while left:
        left, place = divmod(left - 1, 26)
        letters = chr(ord("A") + place) + letters
    return letters

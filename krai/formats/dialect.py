"""How the rows of a text file are told apart into cells: CSV, TSV and their relatives."""

from dataclasses import dataclass
from functools import lru_cache

from krai.formats.encodings import original
from krai.formats.reading import OWN_COLUMNS, About

TAB = "\t"
_CUT = "row_too_large"  # of such a row there may be the beginning alone
_BYTE_ORDER_MARK = "\ufeff"
_WIDE = ("utf-16", "utf-32")
_ABOUTS = 1000


@dataclass(frozen=True, slots=True)
class Dialect:
    """RFC 4180 with other marks: both are one ASCII character, and `quote` is None where quotes mean nothing.

    A cell that is one of `null` and not quoted is null. Without a `header` the first row is a row. In a file for a `spreadsheet` text that
    would be a formula has a `'` before it, which is no part of it.
    """

    delimiter: str = ","
    quote: str | None = '"'
    header: bool = True
    null: tuple[str, ...] = ("",)
    spreadsheet: bool = False

    @property
    def delimiter_octet(self) -> int:
        return ord(self.delimiter)

    @property
    def quote_mark(self) -> bytes | None:
        return None if self.quote is None else self.quote.encode()


RFC_4180 = Dialect()


class DelimitedRejects:
    """Implements `RejectsForm` in the dialect and the encoding of the file: `header` is its own."""

    def __init__(self, header: bytes, dialect: Dialect, encoding: str) -> None:
        self.extension = "tsv" if dialect.delimiter == TAB else "csv"
        self._header = header
        self._dialect = dialect
        self._encoding = encoding
        self._special = {dialect.delimiter, dialect.quote, "\r", "\n"}
        # What is wrong with many rows is often the same.
        self._about = lru_cache(_ABOUTS)(lambda about: (dialect.delimiter + self._cells(about)).encode())

    def first_line(self) -> bytes:
        mark = _BYTE_ORDER_MARK.encode(self._encoding) if self._encoding.startswith(_WIDE) else b""
        return mark + self.original(self._cells(OWN_COLUMNS).encode() + self._header + b"\n")

    def line(self, row: int, about: About, raw: bytes) -> bytes:
        if about[1] == _CUT and (quote := self._dialect.quote_mark) is not None and raw.count(quote) % 2:
            # A quote that stays open would take the rows after it for its cell.
            raw += quote
        return self.original(self._cell(str(row)).encode() + self._about(about) + raw + b"\n")

    def original(self, raw: bytes) -> bytes:
        return original(raw, self._encoding)

    def _cells(self, texts: tuple[str | None, ...]) -> str:
        """The texts as cells, each with the delimiter after it."""
        return "".join(self._cell(text or "") + self._dialect.delimiter for text in texts)

    def _cell(self, text: str) -> str:
        quote = self._dialect.quote
        if self._special.isdisjoint(text):
            return text
        if quote is None:
            return "".join(" " if mark in self._special else mark for mark in text)
        return quote + text.replace(quote, quote * 2) + quote

"""How the rows of a text file are told apart into cells: CSV, TSV and their relatives."""

from dataclasses import dataclass
from functools import lru_cache
from string import digits

from krai.formats.encodings import original
from krai.formats.rejected import ABOUTS, OWN_COLUMNS, Rejected
from krai.text_encodings import UTF_8

TAB = "\t"
_CUT = "row_too_large"  # of such a row there may be the beginning alone
_BYTE_ORDER_MARK = "\ufeff"
_WIDE = ("utf-16", "utf-32")


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
        self._about = lru_cache(ABOUTS)(lambda about: (dialect.delimiter + self._cells(about)).encode())

    def first_line(self) -> bytes:
        mark = _BYTE_ORDER_MARK.encode(self._encoding) if self._encoding.startswith(_WIDE) else b""
        return mark + self.original(self._cells(OWN_COLUMNS).encode() + self._header + b"\n")

    def lines(self, rejected: Rejected) -> bytes:
        numbers = rejected.rows if self._special.isdisjoint(digits) else [self._cell(str(row)) for row in rejected.rows]
        raws = [self._closed(raw) if about[1] == _CUT else raw for about, raw in zip(rejected.abouts, rejected.raws, strict=True)]
        abouts = map(self._about, rejected.abouts)
        lines = [b"%b%b%b\n" % (str(number).encode(), about, raw) for number, about, raw in zip(numbers, abouts, raws, strict=True)]
        return b"".join(lines if self._encoding == UTF_8 else map(self.original, lines))

    def original(self, raw: bytes) -> bytes:
        return original(raw, self._encoding)

    def _closed(self, raw: bytes) -> bytes:
        """Without a quote that stays open, and would take the rows after it for its cell."""
        quote = self._dialect.quote_mark
        return raw if quote is None or raw.count(quote) % 2 == 0 else raw + quote

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

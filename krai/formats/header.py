"""The header line of a text file, and whether the file is text at all."""

import codecs
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from krai.dataset import OWN_PREFIX
from krai.errors import Terminal
from krai.formats.dialect import Dialect
from krai.formats.quotes import cut, line_end, quotes_in
from krai.formats.rejected import OWN_COLUMNS
from krai.formats.spreadsheet import restore

_WIDE_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_BE)


@dataclass(frozen=True, slots=True)
class Header:
    """`names` has every column, `kept` the places of those that are imported; `raw` is the line as it came, `end` where it ends."""

    names: tuple[str, ...]
    kept: tuple[int, ...]
    raw: bytes
    end: int


def read_header(data: bytes, dialect: Dialect, *, whole: bool, max_columns: int, max_name_bytes: int) -> Header | None:
    """The header of a file that begins with `data`, None when more data is needed (never when `whole`: there is no more).

    Raises Terminal for what makes the file impossible to import.
    """
    start = start_of_rows(data)
    if start == len(data):
        if whole:
            raise Terminal("empty_file")
        return None
    end = _end_of_record(data, start, dialect, whole=whole)
    if end < 0:
        return None
    line = data[start:end].rstrip(b"\r\n")
    names = names_in(line, dialect)
    kept = kept_places(names)
    check_names(names, kept, max_columns=max_columns, max_name_bytes=max_name_bytes)
    return Header(names, kept, line, end)


def kept_places(names: Sequence[str]) -> tuple[int, ...]:
    """The places of the columns that are imported: all but those that a rejects file has of krai."""
    return tuple(place for place, name in enumerate(names) if name not in OWN_COLUMNS)


def check_names(names: Sequence[str], kept: Sequence[int] | None = None, *, max_columns: int, max_name_bytes: int) -> None:
    """Raises Terminal for columns no dataset can have; `kept` are the places of those that are imported, None: all."""
    places = range(len(names)) if kept is None else kept
    if not places:
        raise Terminal("empty_file", "The file has no columns of its own.")
    if len(places) > max_columns:
        raise Terminal("too_many_columns", f"The file has {len(places)} columns, at most {max_columns} are allowed.")
    seen: set[str] = set()
    for place in places:
        number, name = place + 1, names[place]
        if not name:
            raise Terminal("empty_column_name", f"Column {number} has no name.")
        if len(name.encode()) > max_name_bytes:
            raise Terminal("column_name_too_long", f"The name of column {number} has more than {max_name_bytes} bytes.")
        if name in seen:
            raise Terminal("duplicate_column", f"Column {number} has the name of an earlier one.")
        if name.startswith(OWN_PREFIX):
            raise Terminal("reserved_column", f"The name of column {number} begins with {OWN_PREFIX}.")
        seen.add(name)


def check_width(columns: int, max_columns: int) -> None:
    """Raises Terminal too_many_columns when a file that names its columns in its rows has named so many."""
    if columns > max_columns:
        raise Terminal("too_many_columns", f"The file has more than {max_columns} columns.")


def start_of_rows(data: bytes) -> int:
    """Where the first line that is not blank begins. Raises Terminal encoding_unsupported."""
    if data.startswith(_WIDE_MARKS):
        raise Terminal("encoding_unsupported", "The file is in UTF-16 or UTF-32.")
    return _skip_blank(data, after_mark(data))


def after_mark(data: bytes) -> int:
    """Where the first line begins, blank or not."""
    return len(codecs.BOM_UTF8) if data.startswith(codecs.BOM_UTF8) else 0


def _skip_blank(data: bytes, start: int) -> int:
    while start < len(data) and data[start] in b"\r\n":
        start += 1
    return start


def _end_of_record(data: bytes, start: int, dialect: Dialect, *, whole: bool) -> int:
    end = line_end(data, start, final=whole)
    while end >= 0 and dialect.quote_mark is not None and data.count(dialect.quote_mark, start, end) % 2:
        if end == len(data) and whole:
            raise Terminal("unterminated_quote", "The quote opened in line 1 is never closed.")
        end = line_end(data, end, final=whole)
    return end


def names_in(line: bytes, dialect: Dialect) -> tuple[str, ...]:
    """The cells of a header line. Raises Terminal encoding_unsupported, bad_quote."""
    if b"\0" in line:
        raise Terminal("encoding_unsupported", "The file has NUL characters where text should be.")
    if len(cut(line, dialect, final=True).bad):
        raise Terminal("bad_quote", "A quote stands where none may in the header.")
    octets = np.frombuffer(line, np.uint8)
    quotes = quotes_in(octets, dialect)
    delimiters = np.flatnonzero(octets == dialect.delimiter_octet)
    ends = [*delimiters[np.searchsorted(quotes, delimiters) % 2 == 0].tolist(), len(line)]
    names, begin = [], 0
    for end in ends:
        names.append(_name(line[begin:end], dialect.quote_mark))
        begin = end + 1
    return tuple(restore(pa.array(names)).to_pylist() if dialect.spreadsheet else names)


def _name(cell: bytes, quote: bytes | None) -> str:
    if quote is not None and cell.startswith(quote):
        cell = cell[1:-1].replace(quote * 2, quote)
    try:
        return cell.decode()
    except UnicodeDecodeError:
        raise Terminal("encoding_unsupported", "The header is not in its encoding, which is UTF-8 when none is named.") from None

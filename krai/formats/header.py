"""The header line of a CSV file, and whether the file is text at all."""

import codecs
from dataclasses import dataclass

import numpy as np

from krai.errors import Terminal
from krai.formats.quotes import QUOTE, cut, line_end
from krai.formats.reading import OWN_PREFIX

_COMMA = 0x2C
_WIDE_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_BE)


@dataclass(frozen=True, slots=True)
class Header:
    """`names` has every column, `kept` the places of those that are imported; `raw` is the line as it came, `end` where it ends."""

    names: tuple[str, ...]
    kept: tuple[int, ...]
    raw: bytes
    end: int


def read_header(data: bytes, *, whole: bool, max_columns: int, max_name_bytes: int) -> Header | None:
    """The header of a file that begins with `data`, None when more data is needed (never when `whole`: there is no more).

    Raises Terminal for what makes the file impossible to import.
    """
    if data.startswith(_WIDE_MARKS):
        raise Terminal("encoding_unsupported", "The file is in UTF-16 or UTF-32.")
    start = _skip_blank(data, len(codecs.BOM_UTF8) if data.startswith(codecs.BOM_UTF8) else 0)
    if start == len(data):
        if whole:
            raise Terminal("empty_file")
        return None
    end = _end_of_record(data, start, whole=whole)
    if end < 0:
        return None
    line = data[start:end].rstrip(b"\r\n")
    names = _names(line)
    kept = tuple(place for place, name in enumerate(names) if not name.startswith(OWN_PREFIX))
    check_names([names[place] for place in kept], max_columns=max_columns, max_name_bytes=max_name_bytes)
    return Header(names, kept, line, end)


def check_names(names: list[str], *, max_columns: int, max_name_bytes: int) -> None:
    """Raises Terminal for columns no dataset can have."""
    if not names:
        raise Terminal("empty_file", "The file has no columns of its own.")
    if len(names) > max_columns:
        raise Terminal("too_many_columns", f"The file has {len(names)} columns, at most {max_columns} are allowed.")
    seen: set[str] = set()
    for number, name in enumerate(names, start=1):
        if not name:
            raise Terminal("empty_column_name", f"Column {number} has no name.")
        if len(name.encode()) > max_name_bytes:
            raise Terminal("column_name_too_long", f"The name of column {number} has more than {max_name_bytes} bytes.")
        if name in seen:
            raise Terminal("duplicate_column", f"Column {number} has the name of an earlier one.")
        seen.add(name)


def _skip_blank(data: bytes, start: int) -> int:
    while start < len(data) and data[start] in b"\r\n":
        start += 1
    return start


def _end_of_record(data: bytes, start: int, *, whole: bool) -> int:
    end = line_end(data, start, final=whole)
    while end >= 0 and data.count(b'"', start, end) % 2:
        if end == len(data) and whole:
            raise Terminal("unterminated_quote", "The quote opened in line 1 is never closed.")
        end = line_end(data, end, final=whole)
    return end


def _names(line: bytes) -> tuple[str, ...]:
    if b"\0" in line:
        raise Terminal("encoding_unsupported", "The file has NUL characters where text should be.")
    if cut(line, final=True).bad:
        raise Terminal("bad_quote", "A quote stands where none may in the header.")
    octets = np.frombuffer(line, np.uint8)
    quotes = np.flatnonzero(octets == QUOTE)
    commas = np.flatnonzero(octets == _COMMA)
    ends = [*commas[np.searchsorted(quotes, commas) % 2 == 0].tolist(), len(line)]
    names, begin = [], 0
    for end in ends:
        names.append(_name(line[begin:end]))
        begin = end + 1
    return tuple(names)


def _name(cell: bytes) -> str:
    if cell.startswith(b'"'):
        cell = cell[1:-1].replace(b'""', b'"')
    try:
        return cell.decode()
    except UnicodeDecodeError:
        raise Terminal("encoding_unsupported", "The header is not UTF-8.") from None

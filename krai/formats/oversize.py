"""Passing over a record that is too long to be held."""

from typing import BinaryIO

from krai.formats.dialect import Dialect
from krai.formats.quotes import line_end


def skip_record(held: bytes, file: BinaryIO, block_bytes: int, dialect: Dialect, *, in_quotes: bool) -> tuple[int | None, bytes]:
    """The length of the record that `held` begins and `file` goes on with, and what was read beyond it.

    `in_quotes`: a quote is open at the end of `held`, else no line end of the record is in it. None: that quote is never closed.
    """
    quote = dialect.quote_mark
    before_cell = None if quote is None else dialect.delimiter.encode() + quote
    skipped, data = len(held), b""
    if not in_quotes:
        # The last octet may be half of a doubled quote, of a line end, or of a delimiter and a quote.
        skipped, data = skipped - 1, held[-1:]
        in_quotes = data == quote
    ended = False
    while True:
        at, found = 0, True
        while found:
            if in_quotes and quote is not None:
                at, found = _to_closing(data, at, quote, ended=ended)
            else:
                end = line_end(data, at, final=ended)
                opening = -1 if before_cell is None else data.find(before_cell, at, end if end >= 0 else len(data))
                if opening < 0 and end >= 0:
                    return skipped + end, data[end:]
                found = opening >= 0
                at = opening + 2 if found else max(at, len(data) - 1)
            in_quotes ^= found
        if ended:
            return None, b""
        chunk = file.read(block_bytes)
        skipped, data, ended = skipped + at, data[at:] + chunk, not chunk


def _to_closing(data: bytes, start: int, quote: bytes, *, ended: bool) -> tuple[int, bool]:
    """The position after the quote that closes the cell; or where to look again with more data, and False."""
    at = data.find(quote, start)
    while at >= 0:
        if data[at + 1 : at + 2] != quote:
            return (at + 1, True) if ended or at + 1 < len(data) else (at, False)
        start = at + 2
        at = data.find(quote, start)
    return len(data), False

"""Passing over a CSV record that is too long to be held."""

from typing import BinaryIO

from krai.formats.quotes import line_end


def skip_record(held: bytes, file: BinaryIO, block_bytes: int, *, in_quotes: bool) -> tuple[int | None, bytes]:
    """The length of the record that `held` begins and `file` goes on with, and what was read beyond it.

    `in_quotes`: a quote is open at the end of `held`, else no line end of the record is in it. None: that quote is never closed.
    """
    skipped, data = len(held), b""
    if not in_quotes:
        # The last octet may be half of a doubled quote, of a line end, or of a comma and a quote.
        skipped, data = skipped - 1, held[-1:]
        in_quotes = data == b'"'
    ended = False
    while True:
        at, found = 0, True
        while found:
            if in_quotes:
                at, found = _to_closing(data, at, ended=ended)
            else:
                end = line_end(data, at, final=ended)
                opening = data.find(b',"', at, end if end >= 0 else len(data))
                if opening < 0 and end >= 0:
                    return skipped + end, data[end:]
                found = opening >= 0
                at = opening + 2 if found else max(at, len(data) - 1)
            in_quotes ^= found
        if ended:
            return None, b""
        chunk = file.read(block_bytes)
        skipped, data, ended = skipped + at, data[at:] + chunk, not chunk


def _to_closing(data: bytes, start: int, *, ended: bool) -> tuple[int, bool]:
    """The position after the quote that closes the cell; or where to look again with more data, and False."""
    at = data.find(b'"', start)
    while at >= 0:
        if data[at + 1 : at + 2] != b'"':
            return (at + 1, True) if ended or at + 1 < len(data) else (at, False)
        start = at + 2
        at = data.find(b'"', start)
    return len(data), False

"""Text in other encodings than UTF-8, read as UTF-8.

Bytes that are no character of their encoding become marks that no UTF-8 has (lone surrogates, as PEP 383 does it), so the row
that holds them is rejected like any that is not UTF-8, and its bytes can be had back.
"""

import codecs
import io
from itertools import takewhile
from typing import BinaryIO

from krai.errors import Terminal
from krai.text_encodings import UTF_8

_MARKING = "krai-marks"
_FIRST_MARK, _LAST_MARK = 0xDC00, 0xDCFF
# The longer ones first: that of UTF-32, little-endian, begins with that of UTF-16.
_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32-le",
    codecs.BOM_UTF32_BE: "utf-32-be",
    codecs.BOM_UTF8: UTF_8,
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}
_WITHOUT_ORDER = ("utf-16", "utf-32")


def with_order(encoding: str, head: bytes) -> str:
    """The encoding with the order of its bytes, where that is not part of the name: as the file's mark says, else little-endian.

    Raises Terminal encoding_unsupported when the mark is that of another one.
    """
    if not encoding.startswith(_WITHOUT_ORDER):
        return encoding
    marked = next((name for mark, name in _MARKS.items() if head.startswith(mark)), None)
    if marked is None:
        return f"{encoding}-le" if encoding in _WITHOUT_ORDER else encoding
    if not marked.startswith(encoding):
        raise Terminal("encoding_unsupported", f"The file begins with the byte order mark of {marked}, and the request says {encoding}.")
    return marked


class Utf8(io.RawIOBase):
    """A file of another encoding as UTF-8, read forwards; `read` gives about as many bytes as it is asked for, none at the end alone."""

    def __init__(self, file: BinaryIO, encoding: str) -> None:
        self._file = file
        self._decoder = codecs.getincrementaldecoder(encoding)(_MARKING)
        self._ended = False

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        text = ""
        while not text and not self._ended:
            data = self._file.read(size)
            self._ended = not data
            text = self._decoder.decode(data, self._ended)
        return text.encode(UTF_8, "surrogatepass")

    def close(self) -> None:
        self._file.close()
        super().close()


def original(data: bytes, encoding: str) -> bytes:
    """What `Utf8` made `data` of; a question mark for what the encoding cannot say."""
    if encoding == UTF_8:
        return data
    try:
        text = data.decode(UTF_8, "surrogatepass")
    except UnicodeDecodeError:
        text = data.decode(UTF_8, "replace")  # of a row that is too long only the beginning was kept
    try:
        return text.encode(encoding, _MARKING)
    except UnicodeEncodeError:
        return text.encode(encoding, "replace")


def _mark(error: UnicodeError) -> tuple[str | bytes, int]:
    if isinstance(error, UnicodeDecodeError):
        return "".join(chr(_FIRST_MARK + octet) for octet in error.object[error.start : error.end]), error.end
    if isinstance(error, UnicodeEncodeError):
        # As many as follow one another: wide encodings take no single octet.
        marks = list(takewhile(lambda mark: _FIRST_MARK <= mark <= _LAST_MARK, map(ord, error.object[error.start :])))
        if marks:
            return bytes(mark - _FIRST_MARK for mark in marks), error.start + len(marks)
    raise error


codecs.register_error(_MARKING, _mark)

"""gzip as RFC 1952 has it, in pieces: reading checks what zlib alone does not, writing leaves no trace of when it was done."""

import io
import struct
import zlib
from typing import BinaryIO

from krai.errors import Terminal

MAGIC = b"\x1f\x8b"
_WINDOW = 16 + zlib.MAX_WBITS  # with the gzip header
_READ_BYTES = 1 << 20
_LEVEL = 4


class Gunzip(io.RawIOBase):
    """The content of a gzip file of any number of members, read forwards.

    Raises Terminal corrupt_file for a file that is cut off, damaged or goes on with something else, and decompression_limit.
    """

    def __init__(self, file: BinaryIO, limit_bytes: int) -> None:
        self._file = file
        self._left = limit_bytes
        self._member: zlib._Decompress | None = None
        self._packed = b""

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        """`size` bytes, fewer at the end of the content alone."""
        pieces, wanted = [], self._left + 1 if size < 0 else size
        while wanted and (piece := self._some(wanted)):
            pieces.append(piece)
            wanted -= len(piece)
        return b"".join(pieces)

    def close(self) -> None:
        self._file.close()
        super().close()

    def _some(self, at_most: int) -> bytes:
        while self._packed or self._refill():
            data = self._unpack(at_most)
            if data:
                self._left -= len(data)
                if self._left < 0:
                    raise Terminal("decompression_limit")
                return data
        return b""

    def _refill(self) -> bool:
        self._packed = self._file.read(_READ_BYTES)
        if not self._packed and self._member is not None:
            # zlib itself says nothing about a file that is cut off.
            raise Terminal("corrupt_file", "The gzip file ends early.")
        return bool(self._packed)

    def _unpack(self, at_most: int) -> bytes:
        if self._member is None:
            if not MAGIC.startswith(self._packed[: len(MAGIC)]):
                raise Terminal("corrupt_file", "The gzip file goes on with something else.")
            self._member = zlib.decompressobj(_WINDOW)
        try:
            data = self._member.decompress(self._packed, at_most)
        except zlib.error:
            raise Terminal("corrupt_file", "The gzip file is damaged.") from None
        if self._member.eof:
            self._packed, self._member = self._member.unused_data, None
        else:
            self._packed = self._member.unconsumed_tail
        return data


class Gzip:
    """One gzip member put together from pieces that any thread may have packed; equal content in equal pieces gives equal bytes.

    The header names no time and no file. Each piece ends on a whole octet, as a sync flush leaves it, so pieces can follow one another.
    """

    HEADER = b"\x1f\x8b\x08\0\0\0\0\0\0\xff"
    _LAST_BLOCK = b"\x03\0"

    def __init__(self) -> None:
        self._crc32 = 0
        self._size_bytes = 0

    @staticmethod
    def pack(data: "bytes | memoryview") -> bytes:
        packer = zlib.compressobj(_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
        return packer.compress(data) + packer.flush(zlib.Z_SYNC_FLUSH)

    def count(self, data: "bytes | memoryview") -> None:
        """Take note of a piece before it was packed, in the order of the pieces."""
        self._crc32 = zlib.crc32(data, self._crc32)
        self._size_bytes += len(data)

    def finish(self) -> bytes:
        return self._LAST_BLOCK + struct.pack("<II", self._crc32, self._size_bytes & 0xFFFFFFFF)

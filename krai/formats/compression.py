"""gzip as RFC 1952 has it, in pieces: reading checks what zlib alone does not, writing leaves no trace of when it was done."""

import struct
import zlib
from typing import BinaryIO

from krai.formats.unpacked import Unpacked

MAGIC = b"\x1f\x8b"
_WINDOW = 16 + zlib.MAX_WBITS  # with the gzip header
_LEVEL = 4


class Gunzip(Unpacked):
    """The content of a gzip file of any number of members."""

    name = "gzip"

    def __init__(self, file: BinaryIO, limit_bytes: int) -> None:
        super().__init__(file, limit_bytes)
        self._member: zlib._Decompress | None = None
        self._packed = b""

    @property
    def _hungry(self) -> bool:
        return not self._packed

    @property
    def _whole(self) -> bool:
        return self._member is None

    def _unpack(self, packed: bytes, at_most: int) -> bytes:
        self._packed += packed
        if self._member is None:
            if not MAGIC.startswith(self._packed[: len(MAGIC)]):
                raise self._corrupt("goes on with something else")
            self._member = zlib.decompressobj(_WINDOW)
        try:
            data = self._member.decompress(self._packed, at_most)
        except zlib.error:
            raise self._corrupt("is damaged") from None
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

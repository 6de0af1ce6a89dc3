"""Zstandard as RFC 8878 has it, in pieces: reading checks what the codec alone does not, writing gives each piece its own frame."""

import sys
from typing import BinaryIO

from krai.formats.unpacked import Unpacked

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

_FRAME = b"\x28\xb5\x2f\xfd"
_SKIPPABLE = b"\x2a\x4d\x18"  # after an octet of 0x50 to 0x5F
_FIRST_SKIPPABLE, _LAST_SKIPPABLE = 0x50, 0x5F
MAGIC_BYTES = len(_FRAME)
_WINDOW_LOG = 27  # 128 MiB: what decoders take without being told, and what a reader has to set aside
_LEVEL = 3


def is_zstd(head: bytes) -> bool:
    return head.startswith(_FRAME) or (head[1:MAGIC_BYTES] == _SKIPPABLE and _FIRST_SKIPPABLE <= head[0] <= _LAST_SKIPPABLE)


class Unzstd(Unpacked):
    """The content of a zstd file of any number of frames. One whose window is larger than 128 MiB is taken as damaged."""

    name = "zstd"

    def __init__(self, file: BinaryIO, limit_bytes: int) -> None:
        super().__init__(file, limit_bytes)
        self._frame: zstd.ZstdDecompressor | None = None
        self._rest = b""

    @property
    def _hungry(self) -> bool:
        return not self._rest if self._frame is None else self._frame.needs_input

    @property
    def _whole(self) -> bool:
        return self._frame is None

    def _unpack(self, packed: bytes, at_most: int) -> bytes:
        if self._frame is None:
            packed, self._rest = self._rest + packed, b""
            self._frame = zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: _WINDOW_LOG})
        try:
            data = self._frame.decompress(packed, at_most)
        except zstd.ZstdError:
            raise self._corrupt("is damaged, or goes on with something else") from None
        if self._frame.eof:
            self._rest, self._frame = self._frame.unused_data, None
        return data


class Zstd:
    """A file put together from frames as `Gzip` puts one together: any thread may pack a piece, and equal pieces give equal frames."""

    HEADER = b""

    @staticmethod
    def pack(data: "bytes | memoryview") -> bytes:
        parameters = zstd.CompressionParameter
        return zstd.compress(data, options={parameters.compression_level: _LEVEL, parameters.checksum_flag: 1})

    def count(self, data: "bytes | memoryview") -> None:
        """Each frame has its own length and checksum."""

    def finish(self) -> bytes:
        return b""

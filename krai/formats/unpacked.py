"""The content of a compressed file, read forwards, counted, and never more of it in memory than is asked for."""

import io
from abc import abstractmethod
from typing import BinaryIO

from krai.errors import Terminal

_READ_BYTES = 1 << 20


class Unpacked(io.RawIOBase):
    """What the codecs have in common; `name` is what messages call the format.

    Raises Terminal corrupt_file for a file that is cut off, damaged or goes on with something else, and decompression_limit.
    """

    name: str

    def __init__(self, file: BinaryIO, limit_bytes: int) -> None:
        self._file = file
        self._left = limit_bytes

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

    @property
    @abstractmethod
    def _hungry(self) -> bool:
        """True when nothing comes out before more goes in."""

    @property
    @abstractmethod
    def _whole(self) -> bool:
        """True between two members or frames: the file may end here."""

    @abstractmethod
    def _unpack(self, packed: bytes, at_most: int) -> bytes:
        """What comes out next when `packed` goes in; it is empty when `_hungry` is false."""

    def _some(self, at_most: int) -> bytes:
        while True:
            packed = self._file.read(_READ_BYTES) if self._hungry else b""
            if self._hungry and not packed:
                if not self._whole:
                    # The codecs themselves say nothing about a file that is cut off.
                    raise self._corrupt("ends early")
                return b""
            data = self._unpack(packed, at_most)
            if data:
                self._left -= len(data)
                if self._left < 0:
                    raise Terminal("decompression_limit")
                return data

    def _corrupt(self, how: str) -> Terminal:
        return Terminal("corrupt_file", f"The {self.name} file {how}.")

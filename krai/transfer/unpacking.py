"""Which way a source is unpacked."""

from typing import BinaryIO, Literal, cast

from krai.errors import Terminal
from krai.formats.compression import MAGIC, Gunzip
from krai.formats.reading import Opener
from krai.formats.zstd import MAGIC_BYTES, Unzstd, is_zstd
from krai.transfer.fetch import Source

_CODECS = {"gzip": Gunzip, "zstd": Unzstd}


def unpacked(source: Source, compression: str, limit_bytes: int) -> Opener:
    """What opens the content of the source. Raises Terminal format_mismatch when it is not compressed as it should be."""
    with source.open() as file:
        found = _found(file.read(max(len(MAGIC), MAGIC_BYTES)))
    if compression not in {"auto", "none", found}:
        raise Terminal("format_mismatch", f"The file is not compressed with {compression}.")
    if found == "none" or compression == "none":
        return source.open
    codec = _CODECS[found]
    return lambda: cast("BinaryIO", codec(source.open(), limit_bytes))


def _found(head: bytes) -> Literal["none", "gzip", "zstd"]:
    if head.startswith(MAGIC):
        return "gzip"
    return "zstd" if is_zstd(head) else "none"

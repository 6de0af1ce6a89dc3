"""Which reader a source needs."""

import shutil
from pathlib import Path
from typing import Any, BinaryIO, cast

from krai.errors import Terminal
from krai.formats.compression import MAGIC, Gunzip
from krai.formats.delimited import CsvReader
from krai.formats.ndjson import NdjsonReader
from krai.formats.parquet import ParquetReader
from krai.formats.reading import Opener, Reader
from krai.formats.sniff import HEAD_BYTES, format_of
from krai.transfer.fetch import Source
from krai.transfer.tools import Limits

_COPY_BYTES = 1 << 20


def open_reader(source: Source, params: dict[str, Any], limits: Limits, spool: Path) -> Reader:
    """Raises Terminal when the file is not what it was declared to be, or cannot be imported as a whole."""
    opener = _unpacked(source, params.get("compression", "auto"), limits)
    with opener() as file:
        head = file.read(HEAD_BYTES)
    match format_of(head, params.get("format", "auto")):
        case "parquet":
            return ParquetReader(
                _seekable(opener, spool),
                max_bytes=limits.unpacked_bytes,
                max_columns=limits.columns,
                max_name_bytes=limits.column_name_bytes,
            )
        case "ndjson":
            return NdjsonReader(opener, max_row_bytes=limits.row_bytes, block_bytes=limits.block_bytes)
        case _:
            return CsvReader(
                opener,
                max_row_bytes=limits.row_bytes,
                max_columns=limits.columns,
                max_name_bytes=limits.column_name_bytes,
                block_bytes=limits.block_bytes,
            )


def _seekable(opener: Opener, spool: Path) -> Opener:
    """Parquet begins at its end: what can only be read forwards is copied first."""
    with opener() as file:
        if file.seekable():
            return opener
        copy = spool / "source.parquet"
        with copy.open("wb") as local:
            shutil.copyfileobj(file, local, _COPY_BYTES)
    return lambda: copy.open("rb")


def _unpacked(source: Source, compression: str, limits: Limits) -> Opener:
    with source.open() as file:
        packed = file.read(len(MAGIC)) == MAGIC
    if compression == "gzip" and not packed:
        raise Terminal("format_mismatch", "The file is not compressed with gzip.")
    if packed and compression != "none":
        return lambda: cast("BinaryIO", Gunzip(source.open(), limits.unpacked_bytes))
    return source.open

"""Which reader a source needs."""

import io
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO, cast

from krai.errors import Terminal
from krai.formats.delimited import CsvReader
from krai.formats.delimiter import with_delimiter
from krai.formats.dialect import TAB, Dialect
from krai.formats.encodings import Utf8, with_order
from krai.formats.json_file import JsonReader
from krai.formats.ndjson import NdjsonReader
from krai.formats.parquet import ParquetReader
from krai.formats.reading import Opener, Reader
from krai.formats.renamed import Renamed
from krai.formats.sniff import format_of, is_rejects
from krai.formats.unnamed import HEAD_BYTES
from krai.formats.xlsx_file import XlsxReader
from krai.text_encodings import UTF_8
from krai.transfer.fetch import Source
from krai.transfer.tools import Limits
from krai.transfer.unpacking import unpacked

_COPY_BYTES = 1 << 20
_DELIMITED = {"csv", "tsv"}


def open_reader(source: Source, params: dict[str, Any], limits: Limits, spool: Path, *, columns: Sequence[str] | None = None) -> Reader:
    """`columns` are the names for a file that has none, where they are known.

    Raises Terminal when the file is not what it was declared to be, or cannot be imported as a whole.
    """
    opener = unpacked(source, params.get("compression", "auto"), limits.unpacked_bytes)
    with opener() as file:
        head = file.read(HEAD_BYTES)
    reader: Reader
    found, sheet = format_of(head, params.get("format", "auto")), params.get("sheet")
    if sheet is not None and found != "xlsx" and not is_rejects(head):
        raise Terminal("unknown_sheet", "Only XLSX files have sheets.")
    if params.get("csv") and found not in _DELIMITED and not is_rejects(head):
        raise Terminal("format_mismatch", f"The request says how its CSV is written, but the file is {found.upper()}.")
    match found:
        case "xlsx":
            reader = XlsxReader(
                _seekable(opener, spool),
                sheet=sheet,
                spool=spool,
                max_bytes=limits.unpacked_bytes,
                max_row_bytes=limits.row_bytes,
                max_columns=limits.columns,
                max_name_bytes=limits.column_name_bytes,
                block_bytes=limits.block_bytes,
            )
        case "parquet":
            reader = ParquetReader(
                _seekable(opener, spool),
                max_bytes=limits.unpacked_bytes,
                max_columns=limits.columns,
                max_name_bytes=limits.column_name_bytes,
            )
        case "ndjson":
            reader = NdjsonReader(opener, max_row_bytes=limits.row_bytes, max_columns=limits.columns, block_bytes=limits.block_bytes)
        case "json":
            reader = JsonReader(opener, max_row_bytes=limits.row_bytes, max_columns=limits.columns, block_bytes=limits.block_bytes)
        case _:
            reader = _delimited(opener, head, params | {"format": found}, limits, columns)
    return Renamed(reader, params["columns"]) if params.get("columns") else reader


def _delimited(opener: Opener, head: bytes, params: dict[str, Any], limits: Limits, columns: Sequence[str] | None) -> CsvReader:
    asked = params.get("csv") or {}
    encoding = with_order(asked.get("encoding", UTF_8), head)
    recoded = encoding != UTF_8
    if recoded:
        head = Utf8(io.BytesIO(head), encoding).read()
    marks = {name: asked[name] for name in ("quote", "header") if name in asked}
    dialect = Dialect(**marks, null=tuple(asked.get("null", ("",))), spreadsheet=asked.get("profile") == "spreadsheet")
    delimiter = TAB if params["format"] == "tsv" else asked.get("delimiter")
    return CsvReader(
        (lambda: cast("BinaryIO", Utf8(opener(), encoding))) if recoded else opener,
        with_delimiter(dialect, head) if delimiter is None else replace(dialect, delimiter=delimiter),
        max_row_bytes=limits.row_bytes,
        max_columns=limits.columns,
        max_name_bytes=limits.column_name_bytes,
        block_bytes=limits.block_bytes,
        encoding=encoding,
        columns=columns,
    )


def _seekable(opener: Opener, spool: Path) -> Opener:
    """Parquet and zip archives begin at their end: what can only be read forwards is copied first."""
    with opener() as file:
        if file.seekable():
            return opener
        copy = spool / "source.copy"
        with copy.open("wb") as local:
            shutil.copyfileobj(file, local, _COPY_BYTES)
    return lambda: copy.open("rb")

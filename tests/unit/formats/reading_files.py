"""Reading a file with one of the readers, all of it, with any block size."""

import io
from collections.abc import Sequence
from typing import Any, NamedTuple

import pyarrow as pa

from krai.formats.delimited import CsvReader
from krai.formats.dialect import RFC_4180, Dialect
from krai.formats.infer import join, settled
from krai.formats.json_file import JsonReader
from krai.formats.ndjson import NdjsonReader
from krai.formats.reading import Reader


class Rejected(NamedTuple):
    row: int  # 1 is the first
    code: str
    raw: bytes


class FileRead(NamedTuple):
    names: Sequence[str]
    rows: list[tuple[Any, ...]]  # as text
    types: dict[str, str]
    rejected: list[Rejected]
    total: int


def csv_reader(data: bytes, dialect: Dialect = RFC_4180, **options: Any) -> CsvReader:
    limits = {"max_row_bytes": 1 << 20, "max_columns": 1000, "max_name_bytes": 255, "block_bytes": 1 << 20}
    return CsvReader(lambda: io.BytesIO(data), dialect, **limits | options)


def read_csv(data: bytes, dialect: Dialect = RFC_4180, **options: Any) -> FileRead:
    return read_all(csv_reader(data, dialect, **options))


def read_ndjson(data: bytes, *, block_bytes: int = 1 << 20, max_row_bytes: int = 1 << 20, max_columns: int = 1000) -> FileRead:
    return read_all(NdjsonReader(lambda: io.BytesIO(data), max_row_bytes=max_row_bytes, max_columns=max_columns, block_bytes=block_bytes))


def read_json(data: bytes, *, block_bytes: int = 1 << 20, max_row_bytes: int = 1 << 20) -> FileRead:
    return read_all(JsonReader(lambda: io.BytesIO(data), max_row_bytes=max_row_bytes, max_columns=1000, block_bytes=block_bytes))


def read_all(reader: Reader) -> FileRead:
    """Two looks at each block: what types it shows, and its cells as text. `total` is how many rows the blocks say they have."""
    seen = dict.fromkeys(reader.names, "null")
    reader.learn(seen, {})
    blocks = [parsed for block in reader.blocks() for parsed in reader.parse(block)]
    for parsed in blocks:
        for name, cells in parsed.columns.items():
            seen[name] = join(seen.get(name, "null"), cells.observe(None)[0])
    rows: list[tuple[Any, ...]] = []
    rejected: list[Rejected] = []
    count = 0
    for parsed in blocks:
        columns = []
        for name in seen:
            found = parsed.columns.get(name)
            columns.append([None] * parsed.whole if found is None else found.fit(pa.string())[0].to_pylist())
        rows += zip(*columns, strict=True) if columns else [()] * parsed.whole
        rejected += [Rejected(count + reject.row + 1, reject.code, reject.raw) for reject in parsed.rejects]
        count += parsed.rows
    return FileRead(list(seen), rows, {name: settled(shown) for name, shown in seen.items()}, rejected, count)

"""A row of typed columns as an object of JSON, to be mended and imported: each cell is spelled as it would be read.

Numbers and truth are JSON's, NaN and the infinities the strings that `ndjson_text` has for them. Days and times are text, as far as they
have a spelling, and binary is base64. Text that is not UTF-8 keeps its bytes, so that the object is not UTF-8 either.
"""

import base64
import json

import pyarrow as pa

_FLOATS = {"nan": '"NaN"', "inf": '"Infinity"', "-inf": '"-Infinity"', "-0": "-0.0"}
_HAS_NO_SPELLING = "<"


def row_as_json(block: pa.RecordBatch, row: int) -> bytes:
    members = [
        json.dumps(name, ensure_ascii=False).encode() + b":" + _value(column.slice(row, 1))
        for name, column in zip(block.schema.names, block.columns, strict=True)
    ]
    return b"{" + b",".join(members) + b"}"


def _value(cell: pa.Array) -> bytes:
    kind = cell.type
    if pa.types.is_dictionary(kind):
        return _value(cell.dictionary_decode())
    if cell.null_count:
        return b"null"
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        octets = cell.cast(pa.large_string()).view(pa.large_binary())[0].as_py()
        return json.dumps(octets.decode(errors="surrogateescape"), ensure_ascii=False).encode(errors="surrogateescape")
    if pa.types.is_temporal(kind):
        return _time(cell).encode()
    if pa.types.is_floating(kind):
        text = _plain(cell.cast(pa.float64()))
        return _FLOATS.get(text, text).encode()
    value = cell[0].as_py()
    return json.dumps(base64.b64encode(value).decode()).encode() if isinstance(value, bytes) else _plain(cell).encode()


def _time(cell: pa.Array) -> str:
    if pa.types.is_timestamp(cell.type) and cell.type.tz is not None:
        cell = cell.cast(pa.timestamp(cell.type.unit, "UTC"))
    text = _plain(cell)
    if text.startswith(_HAS_NO_SPELLING):
        return _plain(cell.view(pa.int32() if pa.types.is_date32(cell.type) else pa.int64()))
    return json.dumps(text)


def _plain(cell: pa.Array) -> str:
    text: str = cell.cast(pa.string())[0].as_py()
    return text

"""Tables as NDJSON or JSON: one object a line with every column, null where a cell is null. JSON is an array of them.

Numbers are JSON numbers with all their digits; NaN and the infinities, which JSON does not have, are the strings `"NaN"`,
`"Infinity"` and `"-Infinity"`, so that they stay apart from null. Dates and times are ISO 8601 strings, binary is base64.
"""

import json
from functools import lru_cache

import pyarrow as pa
import pyarrow.compute as pc

from krai.formats.seams import Column, rows_of, seams
from krai.formats.text import as_text, holds_any, holds_controls
from krai.formats.types import in_one

_TO_ESCAPE = '["\\\\\\x00-\\x1f]'


def ndjson_rows(table: pa.Table) -> memoryview:
    """The rows of the table as the file has them."""
    return _rows(table, "{", "}\n")


def json_rows(table: pa.Table) -> memoryview:
    """The rows as elements of an array, each with the comma before it: the first of a file goes without."""
    return _rows(table, ",\n{", "}")


def _rows(table: pa.Table, begin: str, end: str) -> memoryview:
    if not table.num_rows:
        return memoryview(b"")
    columns = [_column(in_one(column)) for column in table.columns]
    return rows_of(columns, _seams(tuple(table.column_names), begin, end))


@lru_cache
def _seams(names: tuple[str, ...], begin: str, end: str) -> pa.Array:
    keys = [f"{json.dumps(name, ensure_ascii=False)}:" for name in names]
    return seams([begin + keys[0], *(f",{key}" for key in keys[1:]), end], null="null")


def _column(column: pa.Array) -> Column:
    text = as_text(column)
    kind = column.type
    if pa.types.is_floating(kind):
        return Column(_floats(column, text))
    if pa.types.is_string(kind):
        return Column(_escaped(text), quoted=True)
    return Column(text, quoted=bool(pa.types.is_temporal(kind) or pa.types.is_binary(kind)))


def _floats(column: pa.Array, text: pa.Array) -> pa.Array:
    if not pc.any(pc.invert(pc.is_finite(column))).as_py():
        return text
    text = pc.if_else(pc.is_nan(column), '"NaN"', text)
    return pc.if_else(pc.is_inf(column), pc.if_else(pc.greater(column, 0.0), '"Infinity"', '"-Infinity"'), text)


def _escaped(text: pa.Array) -> pa.Array:
    if not holds_any(text, b'"\\') and not holds_controls(text):
        return text
    plain = pc.replace_substring(pc.replace_substring(text, "\\", "\\\\"), '"', '\\"')
    if not holds_controls(text):
        return plain
    special = pc.match_substring_regex(text, _TO_ESCAPE)
    escaped = [json.dumps(cell, ensure_ascii=False)[1:-1] for cell in text.filter(special).to_pylist()]
    return pc.replace_with_mask(text, pc.fill_null(special, fill_value=False), pa.array(escaped, pa.string()))

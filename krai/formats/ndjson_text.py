"""Tables as NDJSON or JSON: one object a line with every column, null where a cell is null. JSON is an array of them.

Numbers are JSON numbers with all their digits; NaN and the infinities, which JSON does not have, are the strings `"NaN"`,
`"Infinity"` and `"-Infinity"`, so that they stay apart from null. Dates and times are ISO 8601 strings, binary is base64.
"""

import json

import pyarrow as pa
import pyarrow.compute as pc

from krai.formats.text import as_text, holds_any, holds_controls, text_bytes

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
    pieces: list[pa.Array | pa.Scalar] = []
    between = begin
    for name, column in zip(table.column_names, table.columns, strict=True):
        text, in_quotes = _values(column.chunk(0) if column.num_chunks == 1 else column.combine_chunks())
        quote = '"' if in_quotes else ""
        pieces += [pa.scalar(f"{between}{json.dumps(name, ensure_ascii=False)}:{quote}", pa.string()), text]
        between = f"{quote},"
    pieces.append(pa.scalar(between.removesuffix(",") + end, pa.string()))
    lines = pc.binary_join_element_wise(*pieces, "", null_handling="replace", null_replacement="null")
    # The lines lie one after the other in the array's data, which is the text of the file.
    return memoryview(lines.buffers()[2])[: text_bytes(lines)]


def _values(column: pa.Array) -> tuple[pa.Array, bool]:
    """The cells as JSON, and whether the quotes around each of them are still to be set: with what stands between two columns,
    that costs nothing."""
    text = as_text(column)
    kind = column.type
    if pa.types.is_floating(kind):
        return _floats(column, text), False
    if not (pa.types.is_string(kind) or pa.types.is_temporal(kind) or pa.types.is_binary(kind)):
        return text, False
    escaped = _escaped(text) if pa.types.is_string(kind) else text
    return (_quoted(escaped), False) if escaped.null_count else (escaped, True)


def _floats(column: pa.Array, text: pa.Array) -> pa.Array:
    if not pc.any(pc.invert(pc.is_finite(column))).as_py():
        return text
    text = pc.if_else(pc.is_nan(column), '"NaN"', text)
    return pc.if_else(pc.is_inf(column), pc.if_else(pc.greater(column, 0.0), '"Infinity"', '"-Infinity"'), text)


def _quoted(text: pa.Array) -> pa.Array:
    return pc.binary_join_element_wise('"', text, '"', "")


def _escaped(text: pa.Array) -> pa.Array:
    if not holds_any(text, b'"\\') and not holds_controls(text):
        return text
    plain = pc.replace_substring(pc.replace_substring(text, "\\", "\\\\"), '"', '\\"')
    if not holds_controls(text):
        return plain
    special = pc.match_substring_regex(text, _TO_ESCAPE)
    escaped = [json.dumps(cell, ensure_ascii=False)[1:-1] for cell in text.filter(special).to_pylist()]
    return pc.replace_with_mask(text, pc.fill_null(special, fill_value=False), pa.array(escaped, pa.string()))

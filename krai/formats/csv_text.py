"""Tables as CSV: UTF-8, LF, a header; quotes only where a cell needs them.

Null is an empty cell and the empty text is `""`. Times are ISO 8601 (`2020-01-31T12:00:00`, an instant ends in `Z`), with six digits
of a second where there is a fraction. Reading such a file gives the same types and values, save for columns that are all null.
"""

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from krai.formats.text import as_text, holds_any, text_bytes

_SPECIAL_OCTETS = b'",\r\n'
_SPECIAL = '[",\\r\\n]'


def csv_header(schema: pa.Schema) -> bytes:
    names = _quoted(pa.array(schema.names, pa.string()))
    return (",".join(names.to_pylist()) + "\n").encode()


def csv_rows(table: pa.Table) -> memoryview:
    """The rows of the table as the file has them."""
    if not table.num_rows:
        return memoryview(b"")
    columns = [column.chunk(0) if column.num_chunks == 1 else column.combine_chunks() for column in table.columns]
    if all(_is_plain(column) for column in columns):
        return _plain_rows(columns)
    cells = [_quoted(as_text(column)) if _may_need_quotes(column) else as_text(column) for column in columns]
    cells[-1] = pc.binary_join_element_wise(cells[-1], "\n", "", null_handling="replace")
    lines = pc.binary_join_element_wise(*cells, ",", null_handling="replace")
    # The lines lie one after the other in the array's data, which is the text of the file.
    return memoryview(lines.buffers()[2])[: text_bytes(lines)]


def _plain_rows(columns: list[pa.Array]) -> memoryview:
    """Arrow's own writer: quicker, and used where it has nothing to quote, for it would quote every text or none."""
    # What Arrow spells as krai does, it may spell while it writes.
    cells = [column if pa.types.is_integer(column.type) or pa.types.is_boolean(column.type) else as_text(column) for column in columns]
    rows = pa.table(cells, names=[str(number) for number in range(len(cells))])
    text = pa.BufferOutputStream()
    csv.write_csv(rows, text, csv.WriteOptions(include_header=False, quoting_style="none", batch_size=rows.num_rows))
    return memoryview(text.getvalue())


def _is_plain(column: pa.Array) -> bool:
    """True when no cell of the column needs quotes."""
    return not _may_need_quotes(column) or (pa.types.is_string(column.type) and _needs_no_quotes(column))


def _may_need_quotes(column: pa.Array) -> bool:
    return bool(pa.types.is_string(column.type) or pa.types.is_binary(column.type))


def _needs_no_quotes(text: pa.Array) -> bool:
    return not holds_any(text, _SPECIAL_OCTETS) and (pc.min(pc.binary_length(text)).as_py() or 0) > 0


def _quoted(text: pa.Array) -> pa.Array:
    if _needs_no_quotes(text):
        return text
    needed = pc.or_(pc.match_substring_regex(text, _SPECIAL), pc.equal(text, ""))
    doubled = pc.replace_substring(text, '"', '""')
    return pc.if_else(needed, pc.binary_join_element_wise('"', doubled, '"', ""), text)

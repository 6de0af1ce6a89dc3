"""What all warehouses do alike when a snapshot is read: take the columns asked for, and cut the rows into ranges."""

from collections.abc import Iterable, Iterator, Sequence

import pyarrow as pa

from krai.errors import Terminal

# Rows that were written apart are read together up to this size: a dataset of a thousand small imports is not a thousand queries.
_TOGETHER_BYTES = 1 << 20


def project(schema: pa.Schema, names: Sequence[str] | None) -> pa.Schema:
    """These columns in this order, None: all. Raises Terminal unknown_column."""
    if names is None:
        return schema
    missing = [name for name in names if name not in schema.names]
    if missing:
        raise Terminal("unknown_column", f"{len(missing)} of the {len(names)} columns asked for are not in the dataset.")
    return pa.schema([schema.field(name) for name in names])


def ranges(written: Iterable[tuple[int, int, int]], end_row: int) -> Iterator[tuple[int, int]]:
    """First row, and the row after the last, of what is read at once; of rows before `end_row` alone.

    `written` has first row, rows and bytes of what was written at once.
    """
    begin, end, held_bytes = 0, 0, 0
    for first, rows, size_bytes in written:
        if first >= end_row:
            break
        if end > begin and held_bytes + size_bytes > _TOGETHER_BYTES:
            yield begin, end
            begin, held_bytes = first, 0
        elif end == begin:
            begin = first
        end, held_bytes = min(first + rows, end_row), held_bytes + size_bytes
    if end > begin:
        yield begin, end

"""Columns as BigQuery has them and as Arrow has them."""

import base64
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

import pyarrow as pa

from krai.errors import Terminal, Transient
from krai.formats.types import MAX_PRECISION, arrow_type, type_name, wider

# krai's own columns: where a row stands in its table, the snapshot it came with, and the one it went with (null: it is there).
ROW, SINCE, UNTIL = "_krai_row", "_krai_from", "_krai_to"
MOST_COLUMNS = 10_000 - 3

_TYPES = {
    "boolean": "BOOL",
    "int64": "INT64",
    "float64": "FLOAT64",
    "date": "DATE",
    "timestamp": "DATETIME",
    "timestamptz": "TIMESTAMP",
    "string": "STRING",
    "binary": "BYTES",
}
_NUMERIC_SCALE, _NUMERIC_INTEGER_DIGITS = 9, 29
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}", re.ASCII)
_NOT_PLAIN = re.compile(r"[^A-Za-z0-9_]", re.ASCII)
# Prefixes that BigQuery refuses, and krai's own.
_TAKEN = ("_table_", "_file_", "_partition", "_row_timestamp", "__root__", "_colidentifier", "_change_", "_krai_")
_MOST_NAME_LETTERS = 100
_MOST_TYPED_LETTERS = _MOST_NAME_LETTERS - len("__decimal_38_38")


def stored_names(names: Iterable[str], others: Iterable[str] = ()) -> list[str]:
    """The columns of a table for columns of these names: the same where BigQuery takes them, else as close to them as it does.

    BigQuery compares names of columns without regard to case. `others` are columns that the table has.
    """
    stored: list[str] = []
    taken = {name.lower() for name in others}
    for name in names:
        plain = name if _PLAIN.fullmatch(name) else _NOT_PLAIN.sub("_", name)[:_MOST_NAME_LETTERS]
        if not _PLAIN.fullmatch(plain) or plain.lower().startswith(_TAKEN):
            plain = f"c_{plain}"
        number, free = 1, plain
        while free.lower() in taken:
            number += 1
            free = f"{plain}_{number}"
        taken.add(free.lower())
        stored.append(free)
    return stored


def added_names(fields: Iterable[pa.Field], others: Iterable[str]) -> list[str]:
    """The columns that a table gets for columns it is to have besides `others`.

    Their types are in their names: an import that adds one and then loses to another import leaves it in the table, which may be taken for
    a column of that name and type, and of no other.
    """
    return stored_names([f"{_NOT_PLAIN.sub('_', field.name)[:_MOST_TYPED_LETTERS]}__{_typed(field.type)}" for field in fields], others)


def grown(held: pa.Schema, added: pa.Schema, *, evolve: bool) -> pa.Schema:
    """The columns that a dataset has to have for rows of `added`. Raises Transient store_busy when that takes more than is allowed."""
    new = [field for field in added if field.name not in held.names]
    types = {field.name: wider(held.field(field.name).type, field.type) for field in added if field.name in held.names}
    after = (
        pa.schema([*(field.with_type(types.get(field.name, field.type)) for field in held), *new]) if None not in types.values() else None
    )
    if after is None or (not evolve and after != held):
        raise Transient("store_busy", "The columns of the dataset changed while the file was read.")
    return after


def check(schema: pa.Schema) -> None:
    """Raises Terminal too_many_columns."""
    if len(schema) > MOST_COLUMNS:
        raise Terminal("too_many_columns", f"There are {len(schema)} columns; BigQuery has room for {MOST_COLUMNS}.")


def column_type(arrow: pa.DataType) -> str:
    if pa.types.is_decimal128(arrow):
        small = arrow.scale <= _NUMERIC_SCALE and arrow.precision - arrow.scale <= _NUMERIC_INTEGER_DIGITS
        return f"{'NUMERIC' if small else 'BIGNUMERIC'}({arrow.precision}, {arrow.scale})"
    return _TYPES[type_name(arrow)]


def widest_type(arrow: pa.DataType) -> str:
    """What a column of decimals becomes that gets more digits; it does not become narrower again, whoever comes next."""
    return f"BIGNUMERIC({MAX_PRECISION}, {arrow.scale})"


def definitions(stored: Mapping[str, str], schema: pa.Schema) -> list[str]:
    """The columns for CREATE TABLE."""
    return [f"`{stored[field.name]}` {column_type(field.type)}" for field in schema]


def to_doc(schema: pa.Schema, stored: Mapping[str, str]) -> list[list[str]]:
    """Name, type and column of the table, of each."""
    return [[field.name, type_name(field.type), stored[field.name]] for field in schema]


def from_doc(doc: Iterable[Sequence[str]]) -> tuple[pa.Schema, dict[str, str]]:
    listed = list(doc)
    return pa.schema([(name, arrow_type(kind)) for name, kind, _ in listed]), {name: stored for name, _, stored in listed}


def to_arrow(rows: Sequence[Mapping[str, Any]], schema: pa.Schema) -> pa.Table:
    """Rows as they come in JSON, `{"f": [{"v": cell}, …]}` with all cells as text, in the order of `schema`."""
    columns = [_array([row["f"][number]["v"] for row in rows], field.type) for number, field in enumerate(schema)]
    return pa.table(columns, schema=schema)


def _typed(arrow: pa.DataType) -> str:
    return _NOT_PLAIN.sub("_", type_name(arrow)).strip("_")


def _array(cells: list[str | None], arrow: pa.DataType) -> pa.Array:
    read = _READ.get(arrow.id)
    if read is not None:
        return pa.array([None if cell is None else read(cell) for cell in cells], arrow)
    text = pa.array(cells, pa.string())
    # An instant comes as microseconds.
    return text.cast(pa.int64()).cast(arrow) if pa.types.is_timestamp(arrow) and arrow.tz else text.cast(arrow)


_READ: dict[int, Callable[[str], Any]] = {
    pa.lib.Type_DECIMAL128: Decimal,
    pa.lib.Type_BINARY: base64.b64decode,
    # Infinity and NaN are written in more than one way.
    pa.lib.Type_DOUBLE: float,
}

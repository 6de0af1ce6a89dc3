"""The types a column can have, by name, and as Arrow has them.

`boolean int64 float64 decimal(p,s) date timestamp timestamptz string binary`: times are in microseconds, `timestamp` has no zone,
`timestamptz` is an instant in UTC.
"""

import re

import pyarrow as pa

from krai.dataset import Column
from krai.errors import Terminal

ARROW: dict[str, pa.DataType] = {
    "boolean": pa.bool_(),
    "int64": pa.int64(),
    "float64": pa.float64(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us"),
    "timestamptz": pa.timestamp("us", "UTC"),
    "string": pa.string(),
    "binary": pa.binary(),
}
_NAMES = {arrow: name for name, arrow in ARROW.items()}
_DECIMAL = re.compile(r"decimal\((\d{1,2}),(\d{1,2})\)")
MAX_PRECISION = 38


def arrow_type(name: str) -> pa.DataType:
    """The Arrow type of a type name. Raises Terminal unsupported_type."""
    if name in ARROW:
        return ARROW[name]
    match = _DECIMAL.fullmatch(name.replace(" ", ""))
    if match:
        precision, scale = int(match[1]), int(match[2])
        if 1 <= precision <= MAX_PRECISION and scale <= precision:
            return pa.decimal128(precision, scale)
    raise Terminal("unsupported_type", f"A type is one of {', '.join(ARROW)} or decimal(precision,scale).")


def type_name(arrow: pa.DataType) -> str:
    """The name of an Arrow type that `arrow_type` gave. Raises Terminal unsupported_type for others."""
    if pa.types.is_decimal128(arrow):
        return f"decimal({arrow.precision},{arrow.scale})"
    if arrow not in _NAMES:
        raise Terminal("unsupported_type", "A column has a type krai does not keep.")
    return _NAMES[arrow]


def wider(held: pa.DataType, other: pa.DataType) -> pa.DataType | None:
    """The type that has room for the values of both without changing one, and that any reader of Iceberg reads old files as.

    Iceberg lets a decimal have more digits, and no other type of ours become another one.
    """
    if held == other:
        return held
    if pa.types.is_decimal128(held) and pa.types.is_decimal128(other) and held.scale == other.scale:
        return held if held.precision >= other.precision else other
    return None


def columns_of(schema: pa.Schema) -> tuple[Column, ...]:
    return tuple(Column(name=field.name, type=type_name(field.type), nullable=field.nullable) for field in schema)


def in_one(column: pa.ChunkedArray) -> pa.Array:
    """The column in one piece, which is the one it has if there are no more."""
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()

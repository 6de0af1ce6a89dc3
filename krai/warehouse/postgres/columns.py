"""Columns as PostgreSQL has them and as Arrow has them."""

from collections.abc import Iterable, Sequence

import pyarrow as pa

from krai.errors import Terminal, Transient
from krai.formats.types import arrow_type, type_name, wider

# krai's own columns: where a row stands in its table, the snapshot it came with, and the one it went with (null: it is there).
ROW, SINCE, UNTIL = "_krai_row", "_krai_from", "_krai_to"
MOST_COLUMNS = 1_600 - 3
MOST_NAME_BYTES = 63  # PostgreSQL cuts longer names, and says so to nobody

_TYPES = {
    "boolean": "boolean",
    "int64": "bigint",
    "float64": "double precision",
    "date": "date",
    "timestamp": "timestamp without time zone",
    "timestamptz": "timestamp with time zone",
    "string": "text",
    "binary": "bytea",
}
# Each table has these, and krai's own, which begin so. Views have neither: they may show a user's column under such a name.
_PREFIX = "_krai_"
_OF_THE_SYSTEM = frozenset({"tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"})


def check(schema: pa.Schema) -> None:
    """Raises Terminal too_many_columns, column_name_too_long, control_character."""
    if len(schema) > MOST_COLUMNS:
        raise Terminal("too_many_columns", f"There are {len(schema)} columns; PostgreSQL has room for {MOST_COLUMNS}.")
    for number, name in enumerate(schema.names, start=1):
        if "\0" in name:
            raise Terminal("control_character", f"The name of column {number} has a NUL character, which PostgreSQL keeps in no name.")
        if len(stored(name).encode()) > MOST_NAME_BYTES:
            raise Terminal("column_name_too_long", f"The name of column {number} is longer than PostgreSQL's {MOST_NAME_BYTES} bytes.")


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def stored(name: str) -> str:
    """The name of a user's column in a table."""
    return _PREFIX + name if name in _OF_THE_SYSTEM or name.startswith(_PREFIX) else name


def column(name: str) -> str:
    return quoted(stored(name))


def column_type(arrow: pa.DataType) -> str:
    if pa.types.is_decimal128(arrow):
        return f"numeric({arrow.precision},{arrow.scale})"
    return _TYPES[type_name(arrow)]


def definitions(schema: pa.Schema) -> list[str]:
    """The columns for CREATE TABLE."""
    return [f"{column(field.name)} {column_type(field.type)}" for field in schema]


def shown(schema: pa.Schema) -> str:
    """The columns for a view."""
    return ", ".join(f"{column(field.name)} as {quoted(field.name)}" for field in schema)


def read(schema: pa.Schema) -> str:
    """The columns for a query whose answer `to_arrow` takes."""
    return ", ".join(f"{column(field.name)}::{_exact(field.type)}" for field in schema)


def to_arrow(table: pa.Table, schema: pa.Schema) -> pa.Table:
    return pa.table([values.cast(field.type) for values, field in zip(table.columns, schema, strict=True)], schema=schema)


def joined(held: pa.Schema, added: pa.Schema, *, evolve: bool) -> pa.Schema:
    """The columns of a dataset after an import. Raises Transient when they are not those that the import was read for."""
    kinds = {field.name: field.type for field in held}
    for field in added:
        wide = wider(kinds.get(field.name, field.type), field.type)
        if wide is None or (not evolve and kinds.get(field.name) != wide):
            raise Transient("store_busy", "The columns of the dataset changed while the file was read.")
        kinds[field.name] = wide
    return pa.schema(list(kinds.items()))


def cast_from(held: Iterable[str], schema: pa.Schema) -> list[str]:
    """The columns of `schema` for SELECT out of a table that has those of `held`; the others are null."""
    there = set(held)
    return [f"{column(field.name) if field.name in there else 'null'}::{column_type(field.type)}" for field in schema]


def to_doc(schema: pa.Schema) -> list[list[str]]:
    return [[field.name, type_name(field.type)] for field in schema]


def from_doc(doc: Iterable[Sequence[str]]) -> pa.Schema:
    return pa.schema([(name, arrow_type(kind)) for name, kind in doc])


def _exact(arrow: pa.DataType) -> str:
    # The driver has no decimals, and would make text of them itself.
    return "text" if pa.types.is_decimal128(arrow) else column_type(arrow)

"""Cells that tell rows apart, in GoogleSQL: equal as the port of warehouses has it."""

from collections.abc import Mapping, Sequence

import pyarrow as pa

from krai.errors import Terminal


def check(schema: pa.Schema, key: Sequence[str]) -> None:
    """Raises Terminal unknown_column when the key names other columns than these."""
    if not set(key) <= set(schema.names):
        raise Terminal("unknown_column", "The key names a column that the file does not have.")


def cells(schema: pa.Schema, key: Sequence[str], columns: Mapping[str, str]) -> str:
    """The key as `k0, k1, …` for a SELECT; `columns` are those of the table by their names in `schema`."""
    return ", ".join(f"{_cell(f'`{columns[name]}`', schema.field(name).type)} AS k{number}" for number, name in enumerate(key))


def numbered(key: Sequence[str]) -> str:
    return ", ".join(f"k{number}" for number in range(len(key)))


def same(key: Sequence[str], left: str, right: str) -> str:
    """The condition that two rows that have `cells` have one key; it does not hold where there is a null."""
    return " AND ".join(f"{left}.k{number} = {right}.k{number}" for number in range(len(key)))


def _cell(column: str, arrow: pa.DataType) -> str:
    # NaN equals nothing, and rows are not partitioned by floats. Seventeen digits are every one of them.
    return f"IF({column} = 0, '0', FORMAT('%.17g', {column}))" if pa.types.is_floating(arrow) else column

"""Columns as Iceberg has them and as Arrow has them, and how those of a table change."""

import pyarrow as pa
from pyiceberg.schema import Schema
from pyiceberg.table import TableProperties, Transaction
from pyiceberg.types import (
    BinaryType,
    BooleanType,
    DateType,
    DecimalType,
    DoubleType,
    IcebergType,
    LongType,
    NestedField,
    StringType,
    TimestampType,
    TimestamptzType,
)

from krai.errors import Terminal, Transient
from krai.formats.types import arrow_type, type_name, wider

_ICEBERG: dict[str, IcebergType] = {
    "boolean": BooleanType(),
    "int64": LongType(),
    "float64": DoubleType(),
    "date": DateType(),
    "timestamp": TimestampType(),
    "timestamptz": TimestamptzType(),
    "string": StringType(),
    "binary": BinaryType(),
}
_NAMES = {iceberg: name for name, iceberg in _ICEBERG.items()}


def iceberg_type(arrow: pa.DataType) -> IcebergType:
    if pa.types.is_decimal128(arrow):
        return DecimalType(arrow.precision, arrow.scale)
    return _ICEBERG[type_name(arrow)]


def iceberg_schema(schema: pa.Schema) -> Schema:
    """The columns with numbers of their own, for a new table."""
    fields = (
        NestedField(field_id=number, name=field.name, field_type=iceberg_type(field.type), required=False)
        for number, field in enumerate(schema, start=1)
    )
    return Schema(*fields)


def arrow_schema(schema: Schema) -> pa.Schema:
    return pa.schema([pa.field(field.name, _arrow(field.field_type)) for field in schema.fields])


def name_mapping(schema: Schema) -> dict[str, str]:
    """Parts carry names, no column numbers: this table property tells other readers which is which."""
    return {TableProperties.DEFAULT_NAME_MAPPING: schema.name_mapping.model_dump_json()}


def fit_columns(change: Transaction, schema: pa.Schema, *, evolve: bool) -> None:
    """Make room for rows of these columns. Raises Transient store_busy when that takes more than is allowed."""
    # Looked up by names in a schema of 10,000 columns, 100 million are compared.
    held = {field.name: field.type for field in arrow_schema(change.table_metadata.schema())}
    new = [field for field in schema if field.name not in held]
    types = {field.name: wider(held[field.name], field.type) for field in schema if field.name in held}
    widened = {name: kind for name, kind in types.items() if kind != held[name]}
    if None in widened.values() or (not evolve and (new or widened)):
        raise Transient("store_busy", "The columns of the dataset changed while the file was read.")
    if new or widened:
        with change.update_schema() as update:
            for field in new:
                update.add_column((field.name,), iceberg_type(field.type))
            for name, kind in widened.items():
                update.update_column((name,), iceberg_type(kind))
        change.set_properties(name_mapping(change.table_metadata.schema()))


def replace_columns(change: Transaction, schema: pa.Schema) -> None:
    """Every column anew, under a new number, so that a type may change into any other; when they differ at all."""
    if arrow_schema(change.table_metadata.schema()) == schema:
        return
    with change.update_schema(allow_incompatible_changes=True) as update:
        for field in change.table_metadata.schema().fields:
            update.delete_column((field.name,))
        for column in schema:
            update.add_column((column.name,), iceberg_type(column.type))
    change.set_properties(name_mapping(change.table_metadata.schema()))


def _arrow(iceberg: IcebergType) -> pa.DataType:
    if isinstance(iceberg, DecimalType):
        return pa.decimal128(iceberg.precision, iceberg.scale)
    if iceberg not in _NAMES:
        raise Terminal("unsupported_type", "The dataset has a column of a type krai does not keep.")
    return arrow_type(_NAMES[iceberg])

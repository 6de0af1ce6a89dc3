"""Columns as Iceberg has them and as Arrow has them."""

import pyarrow as pa
from pyiceberg.schema import Schema
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

from krai.errors import Terminal
from krai.formats.types import arrow_type, type_name

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


def _arrow(iceberg: IcebergType) -> pa.DataType:
    if isinstance(iceberg, DecimalType):
        return pa.decimal128(iceberg.precision, iceberg.scale)
    if iceberg not in _NAMES:
        raise Terminal("unsupported_type", "The dataset has a column of a type krai does not keep.")
    return arrow_type(_NAMES[iceberg])

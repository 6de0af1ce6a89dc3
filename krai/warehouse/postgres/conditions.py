"""A filter in PostgreSQL's words.

Text compares in the collation "C", which is by code point. NaN and -0.0 are to PostgreSQL what they are to a filter.
"""

from datetime import date, datetime
from decimal import Decimal

import pyarrow as pa

from krai.predicate.tree import And, Compare, ComparePair, Constant, In, IsNull, Like, Not, Or, Predicate, Value
from krai.warehouse.postgres.columns import column


def condition(predicate: Predicate, schema: pa.Schema) -> str:  # noqa: PLR0911 (one answer for each kind)
    """True, false or null for each row of a table with the columns of `schema`."""
    match predicate:
        case And(terms):
            return f"({' and '.join(condition(term, schema) for term in terms)})"
        case Or(terms):
            return f"({' or '.join(condition(term, schema) for term in terms)})"
        case Not(term):
            return f"(not {condition(term, schema)})"
        case Compare(name, op, value):
            return f"({operand(name, schema)} {op} {literal(value)})"
        case ComparePair(left, op, right):
            return f"({operand(left, schema)} {op} {operand(right, schema)})"
        case In(name, values):
            return f"({operand(name, schema)} in ({', '.join(map(literal, values))}))"
        case Like(name, pattern):
            return f"({operand(name, schema)} like {literal(pattern)})"
        case IsNull(name):
            return f"({column(name)} is null)"
        case Constant(value):
            return "true" if value else "false"


def literal(value: Value) -> str:
    """The value in a statement; text with a NUL is none."""
    match value:
        case bool():
            return "true" if value else "false"
        case int():
            return f"'{value}'::bigint"
        case float():
            return f"'{value!r}'::double precision"
        case Decimal():
            return f"'{value}'::numeric"
        case bytes():
            return rf"'\x{value.hex()}'::bytea"
        case datetime():
            return f"'{value.isoformat()}'::{'timestamp' if value.tzinfo is None else 'timestamptz'}"
        case date():
            return f"'{value.isoformat()}'::date"
        case str():
            return "'" + value.replace("'", "''") + "'"


def operand(name: str, schema: pa.Schema) -> str:
    """A column as a thing to compare."""
    return f'{column(name)} collate "C"' if pa.types.is_string(schema.field(name).type) else column(name)

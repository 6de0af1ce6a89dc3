"""A filter as a condition of GoogleSQL.

Text is bound as a parameter; every other value is a literal of its column's type, made of digits and signs, so that no instant is taken
for a time without a zone. NaN equals nothing in GoogleSQL, and is neither greater nor less than anything: krai's meaning of it is
spelt out. LIKE is a regular expression of RE2, whose escapes are the same everywhere.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from math import isnan

import pyarrow as pa

from krai.predicate.like import regular_expression
from krai.predicate.tree import And, Compare, ComparePair, Comparison, Constant, In, IsNull, Like, Not, Or, Predicate, Value
from krai.warehouse.bigquery.columns import column_type


class Filter:
    """`condition` is true of the rows that a predicate takes; it names the parameters in `texts`."""

    def __init__(self, predicate: Predicate, schema: pa.Schema, stored: Mapping[str, str]) -> None:
        self.texts: dict[str, str] = {}
        self._schema = schema
        self._stored = stored
        self.condition = self._of(predicate)

    def _of(self, predicate: Predicate) -> str:
        match predicate:
            case And(terms) | Or(terms):
                word = " AND " if isinstance(predicate, And) else " OR "
                return f"({word.join(map(self._of, terms))})"
            case Not(term):
                return f"(NOT {self._of(term)})"
            case Constant(value):
                return str(value).upper()
            case IsNull(column):
                return f"({self._column(column)} IS NULL)"
            case Like(column, pattern):
                return f"REGEXP_CONTAINS({self._column(column)}, {self._text(regular_expression(pattern))})"
            case In(column, values):
                return "(" + " OR ".join(self._compare(column, Comparison.EQ, value) for value in values) + ")"
            case Compare(column, op, value):
                return self._compare(column, op, value)
            case ComparePair(left, op, right):
                return self._pair(left, op, right)

    def _compare(self, name: str, op: Comparison, value: Value) -> str:
        column = self._column(name)
        if isinstance(value, float) and isnan(value):
            return _with_nan(column, op)
        condition = f"{column} {op} {self._value(value, name)}"
        if isinstance(value, float) and op in {Comparison.GT, Comparison.GE}:
            condition += f" OR IS_NAN({column})"
        return f"({condition})"

    def _pair(self, left_name: str, op: Comparison, right_name: str) -> str:
        left, right = self._column(left_name), self._column(right_name)
        condition = f"{left} {op} {right}"
        if pa.types.is_floating(self._schema.field(left_name).type):
            condition = f"IF({left} IS NULL OR {right} IS NULL, NULL, {_of_floats(left, op, right)})"
        return f"({condition})"

    def _column(self, name: str) -> str:
        return f"`{self._stored[name]}`"

    def _value(self, value: Value, name: str) -> str:
        match value:
            case bool():
                return str(value).upper()
            case str():
                return self._text(value)
            case bytes():
                return f"FROM_HEX('{value.hex()}')"
            case datetime() if value.tzinfo is not None:
                return f"CAST('{value.astimezone(UTC).replace(tzinfo=None).isoformat(' ')}+00' AS TIMESTAMP)"
            case datetime():
                return f"CAST('{value.isoformat(' ')}' AS DATETIME)"
            case date():
                return f"CAST('{value.isoformat()}' AS DATE)"
            case Decimal():
                return f"CAST('{value:f}' AS {column_type(self._schema.field(name).type)})"
            case _:
                return f"CAST('{value!r}' AS {column_type(self._schema.field(name).type)})"

    def _text(self, value: str) -> str:
        name = f"text_{len(self.texts)}"
        self.texts[name] = value
        return f"@{name}"


def _with_nan(column: str, op: Comparison) -> str:
    """A comparison of a column with NaN; unknown of NULL, as IS_NAN is."""
    match op:
        case Comparison.EQ | Comparison.GE:
            return f"IS_NAN({column})"
        case Comparison.NE | Comparison.LT:
            return f"(NOT IS_NAN({column}))"
        case Comparison.LE | Comparison.GT:
            return f"IF({column} IS NULL, NULL, {'TRUE' if op is Comparison.LE else 'FALSE'})"


def _of_floats(left: str, op: Comparison, right: str) -> str:
    """A comparison of two numbers, of which each may be NaN and none NULL."""
    equal = f"({left} = {right} OR (IS_NAN({left}) AND IS_NAN({right})))"
    match op:
        case Comparison.EQ:
            return equal
        case Comparison.NE:
            return f"NOT {equal}"
        case Comparison.LT:
            return f"({left} < {right} OR (NOT IS_NAN({left}) AND IS_NAN({right})))"
        case Comparison.LE:
            return f"({left} <= {right} OR IS_NAN({right}))"
        case Comparison.GT:
            return _of_floats(right, Comparison.LT, left)
        case Comparison.GE:
            return _of_floats(right, Comparison.LE, left)

"""A predicate on the rows of an Arrow table."""

from collections.abc import Callable
from functools import reduce
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from krai.predicate.like import regular_expression
from krai.predicate.tree import And, Compare, ComparePair, Comparison, Constant, In, IsNull, Like, Not, Or, Predicate

Column = Any  # pa.ChunkedArray or pa.Array, or a pa.Scalar that stands for a whole column


def matching(predicate: Predicate, table: pa.Table) -> pa.ChunkedArray:
    """For each row whether the predicate is true: false where it is false or unknown."""
    return pc.fill_null(_truth(predicate, table), False)  # noqa: FBT003 (a value of the column)


def _truth(predicate: Predicate, table: pa.Table) -> Column:
    match predicate:
        case And(terms):
            return reduce(pc.and_kleene, (_truth(term, table) for term in terms))
        case Or(terms):
            return reduce(pc.or_kleene, (_truth(term, table) for term in terms))
        case Not(term):
            return pc.invert(_truth(term, table))
        case _:
            return _of_columns(predicate, table)


def _of_columns(predicate: Compare | ComparePair | In | Like | IsNull | Constant, table: pa.Table) -> Column:
    match predicate:
        case Compare(name, op, value):
            column = table.column(name)
            return _COMPARISONS[op](column, pa.scalar(value, column.type))
        case ComparePair(left, op, right):
            return _COMPARISONS[op](table.column(left), table.column(right))
        case In(name, values):
            return _in(table.column(name), values)
        case Like(name, pattern):
            return _like(table.column(name), pattern)
        case IsNull(name):
            return pc.is_null(table.column(name))
        case Constant(value):
            return pa.repeat(pa.scalar(value), table.num_rows)


def _in(column: pa.ChunkedArray, values: tuple[Any, ...]) -> Column:
    if pa.types.is_floating(column.type):
        # A table of hashes has two zeros and does not know NaN from NaN.
        return reduce(pc.or_kleene, (_eq(column, pa.scalar(value, column.type)) for value in values))
    found = pc.is_in(column, value_set=pa.array(values, column.type))
    return pc.if_else(pc.is_valid(column), found, pa.scalar(None, pa.bool_()))


def _like(column: pa.ChunkedArray, pattern: str) -> Column:
    # Arrow's own LIKE is quick where a text begins, ends or stands in the middle, and is wrong there about what a backslash takes as it is.
    return pc.match_substring_regex(column, regular_expression(pattern)) if "\\" in pattern else pc.match_like(column, pattern)


def _eq(left: Column, right: Column) -> Column:
    equal = pc.equal(left, right)
    return pc.or_(equal, pc.and_(pc.is_nan(left), pc.is_nan(right))) if pa.types.is_floating(left.type) else equal


def _lt(left: Column, right: Column) -> Column:
    less = pc.less(left, right)
    return pc.or_(less, pc.and_(pc.is_nan(right), pc.invert(pc.is_nan(left)))) if pa.types.is_floating(left.type) else less


_COMPARISONS: dict[Comparison, Callable[[Column, Column], Column]] = {
    Comparison.EQ: _eq,
    Comparison.NE: lambda left, right: pc.invert(_eq(left, right)),
    Comparison.LT: _lt,
    Comparison.LE: lambda left, right: pc.invert(_lt(right, left)),
    Comparison.GT: lambda left, right: _lt(right, left),
    Comparison.GE: lambda left, right: pc.invert(_lt(left, right)),
}

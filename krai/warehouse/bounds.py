"""What the smallest and the greatest value of each column already say about a predicate: rows that need not be read."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from krai.predicate.tree import And, Compare, ComparePair, Comparison, Constant, In, IsNull, Like, Not, Or, Predicate, Value

_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Of one column in one file or row group: no value is below `low` or above `high`, but NaN may be above.

    What is not known is None. Dates are days and times microseconds since 1970, as Iceberg and Parquet have them.
    """

    rows: int
    nulls: int | None = None
    low: Any = None
    high: Any = None


@dataclass(frozen=True, slots=True)
class _May:
    """Whether some row may make a condition true, and some row may make it false; neither where all are unknown."""

    be_true: bool
    be_false: bool


_ANY = _May(be_true=True, be_false=True)


def may_match(predicate: Predicate, bounds: Mapping[str, Bounds]) -> bool:
    """Whether a row within these bounds may make the predicate true; a column without an entry may hold anything."""
    return _may(predicate, bounds).be_true


def _may(predicate: Predicate, bounds: Mapping[str, Bounds]) -> _May:
    match predicate:
        case And(terms):
            parts = [_may(term, bounds) for term in terms]
            return _May(all(part.be_true for part in parts), any(part.be_false for part in parts))
        case Or(terms):
            parts = [_may(term, bounds) for term in terms]
            return _May(any(part.be_true for part in parts), all(part.be_false for part in parts))
        case Not(term):
            part = _may(term, bounds)
            return _May(part.be_false, part.be_true)
        case Constant(value):
            return _May(value, not value)
        case ComparePair():
            return _ANY
        case _ if predicate.column not in bounds:
            return _ANY
        case _:
            return _of_column(predicate, bounds[predicate.column])


def _of_column(predicate: Compare | In | Like | IsNull, bounds: Bounds) -> _May:
    if isinstance(predicate, IsNull):
        return _May(bounds.nulls != 0, bounds.nulls != bounds.rows)
    if bounds.nulls == bounds.rows:
        return _May(be_true=False, be_false=False)
    if bounds.low is None or bounds.high is None:
        return _ANY
    low, high = _key(bounds.low), _key(math.nan if isinstance(bounds.high, float) else bounds.high)
    match predicate:
        case Compare(_, op, value):
            return _RANGES[op](low, high, _key(value))
        case In(_, values):
            return _May(any(low <= _key(value) <= high for value in values), be_false=True)
        case Like(_, pattern):
            start = _beginning(pattern)
            return _May(bounds.low[: len(start)] <= start <= bounds.high, be_false=True)


def _key(value: Value) -> Any:
    """Something in the same order, as the bounds have it; NaN is after all other numbers."""
    if isinstance(value, float):
        return (1, 0.0) if math.isnan(value) else (0, value)
    if isinstance(value, datetime):
        return (value - datetime(1970, 1, 1, tzinfo=value.tzinfo)) // _MICROSECOND
    return (value - date(1970, 1, 1)).days if isinstance(value, date) else value


def _beginning(pattern: str) -> str:
    """The plain text that every match of the pattern begins with."""
    ends = [place for place in map(pattern.find, "%_\\") if place >= 0]
    return pattern[: min(ends, default=len(pattern))]


_RANGES: dict[Comparison, Callable[[Any, Any, Any], _May]] = {
    Comparison.EQ: lambda low, high, value: _May(low <= value <= high, not low == value == high),
    Comparison.NE: lambda low, high, value: _May(not low == value == high, low <= value <= high),
    Comparison.LT: lambda low, high, value: _May(low < value, high >= value),
    Comparison.LE: lambda low, high, value: _May(low <= value, high > value),
    Comparison.GT: lambda low, high, value: _May(high > value, low <= value),
    Comparison.GE: lambda low, high, value: _May(high >= value, low < value),
}

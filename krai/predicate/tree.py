"""A filter as krai has it: conditions on columns, with values of the columns' types.

Conditions are true, false or unknown (SQL's three-valued logic): a comparison with NULL is unknown, and a row is taken only when the
whole is true. Text and bytes compare byte by byte, which for text is by code point; NaN equals itself and is greater than every number,
as in PostgreSQL; -0.0 equals 0.0.
"""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

# By the column's type: boolean, int64, float64, decimal(p,s), string, binary, date, timestamp (naive), timestamptz (UTC).
Value = bool | int | float | Decimal | str | bytes | date | datetime


class Comparison(StrEnum):
    EQ = "="
    NE = "<>"
    LT = "<"
    LE = "<="
    GT = ">"
    GE = ">="


@dataclass(frozen=True, slots=True)
class And:
    terms: tuple["Predicate", ...]


@dataclass(frozen=True, slots=True)
class Or:
    terms: tuple["Predicate", ...]


@dataclass(frozen=True, slots=True)
class Not:
    term: "Predicate"


@dataclass(frozen=True, slots=True)
class Compare:
    column: str
    op: Comparison
    value: Value


@dataclass(frozen=True, slots=True)
class ComparePair:
    """Two columns of one type."""

    left: str
    op: Comparison
    right: str


@dataclass(frozen=True, slots=True)
class In:
    """Equal to one of the values; there is at least one, and NULL is none of them."""

    column: str
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Like:
    r"""Text of this shape: `%` is any text, `_` any character, and a backslash takes `%`, `_` and `\` as they are."""

    column: str
    pattern: str


@dataclass(frozen=True, slots=True)
class IsNull:
    """True or false, never unknown."""

    column: str


@dataclass(frozen=True, slots=True)
class Constant:
    value: bool


Predicate = And | Or | Not | Compare | ComparePair | In | Like | IsNull | Constant


def columns_in(predicate: Predicate) -> frozenset[str]:
    """The names of the columns that the predicate asks about."""
    match predicate:
        case And(terms) | Or(terms):
            return frozenset().union(*map(columns_in, terms))
        case Not(term):
            return columns_in(term)
        case ComparePair(left, _, right):
            return frozenset((left, right))
        case Constant():
            return frozenset()
        case _:
            return frozenset((predicate.column,))

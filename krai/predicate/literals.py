"""What is written in a filter as a value of a column's type. Raises Terminal invalid_filter for what is none."""

import math
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Context, Decimal

from krai.dataset import Column
from krai.predicate.refusal import refusal
from krai.predicate.tree import Value

_NUMBER = re.compile(r"-?(\d+\.?\d*)([eE][+-]?\d{1,4})?", re.ASCII)
_LONGEST_NUMBER = 400
_EXACT = Context(prec=_LONGEST_NUMBER)
_NUMBERS_AS_TEXT = (
    " Were numbers meant to be in it, import the file again: `schema` gives a column its type, `csv.null` says what is nothing."
)
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_TIME = re.compile(r"(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d)(:\d\d)?(?:(?<=:\d\d:\d\d)\.(\d{1,6}))?(Z|[+-]\d\d(?::?\d\d)?)?)?", re.ASCII)
_DECIMAL = re.compile(r"decimal\((\d+),(\d+)\)")
_SPECIAL = {"nan": math.nan, "infinity": math.inf, "+infinity": math.inf, "-infinity": -math.inf}


@dataclass(frozen=True, slots=True)
class Literal:
    """A value as it was written. `kind` is number, text, boolean, DATE, TIMESTAMP or TIMESTAMPTZ; `at` is its place in the filter."""

    kind: str
    text: str
    at: int | None


def value_of(literal: Literal, column: Column) -> Value:
    """The literal as a value of the column's type."""
    kind = "decimal" if _DECIMAL.fullmatch(column.type) else column.type
    takes, read = _TYPES[kind]
    with suppress(ValueError, OverflowError):
        value = read(literal, column)
        if value is not None:
            return value
    hint = _NUMBERS_AS_TEXT if column.type == "string" and literal.kind == "number" else ""
    raise refusal(f"Compared with a column of type {column.type}, which takes {takes}.{hint}", literal.at)


def _boolean(literal: Literal, _: Column) -> bool | None:
    return literal.text == "true" if literal.kind == "boolean" else None


def _number(literal: Literal) -> Decimal | None:
    written = literal.kind == "number" and len(literal.text) <= _LONGEST_NUMBER and _NUMBER.fullmatch(literal.text)
    return Decimal(literal.text) if written else None


def _integer(literal: Literal, _: Column) -> int | None:
    number = _number(literal)
    if number is None or number.adjusted() > 18 or number % 1 != 0:  # noqa: PLR2004 (the digits of 2^63, less one)
        return None
    return int(number) if -(2**63) <= number < 2**63 else None


def _float(literal: Literal, _: Column) -> float | None:
    if literal.kind == "text":
        return _SPECIAL.get(literal.text.lower())
    number = _number(literal)
    value = math.inf if number is None else float(number)
    return value if math.isfinite(value) else None


def _decimal(literal: Literal, column: Column) -> Decimal | None:
    digits = _DECIMAL.fullmatch(column.type)
    number = _number(literal)
    if number is None or digits is None:
        return None
    precision, scale = int(digits[1]), int(digits[2])
    _, written, exponent = _EXACT.normalize(number).as_tuple() if number else Decimal(0).as_tuple()
    fits = isinstance(exponent, int) and -exponent <= scale and len(written) + exponent <= precision - scale
    return number if fits else None


def _text(literal: Literal, _: Column) -> str | None:
    return literal.text if literal.kind == "text" and "\0" not in literal.text else None


def _bytes(literal: Literal, _: Column) -> bytes | None:
    return bytes.fromhex(literal.text[2:]) if literal.kind == "text" and re.fullmatch(r"\\x([0-9a-fA-F]{2})*", literal.text) else None


def _date(literal: Literal, _: Column) -> date | None:
    return date.fromisoformat(literal.text) if literal.kind in {"text", "DATE"} and _DATE.fullmatch(literal.text) else None


def _timestamp(literal: Literal, _: Column) -> datetime | None:
    moment = _moment(literal) if literal.kind in {"text", "DATE", "TIMESTAMP"} else None
    return moment if moment is not None and moment.tzinfo is None else None


def _timestamptz(literal: Literal, _: Column) -> datetime | None:
    moment = _moment(literal) if literal.kind in {"text", "DATE", "TIMESTAMP", "TIMESTAMPTZ"} else None
    if moment is None:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _moment(literal: Literal) -> datetime | None:
    found = _TIME.fullmatch(literal.text)
    if found is None or (literal.kind == "DATE" and found[2]):
        return None
    day, minute, second, fraction, zone = found.groups(default="")
    return datetime.fromisoformat(f"{day}T{minute or '00:00'}{second or ':00'}.{fraction:0<6}{zone}")


_TYPES: dict[str, tuple[str, Callable[[Literal, Column], Value | None]]] = {
    "boolean": ("TRUE and FALSE", _boolean),
    "int64": ("whole numbers of 64 bits", _integer),
    "float64": ("numbers, 'NaN', 'Infinity' and '-Infinity'", _float),
    "decimal": ("numbers of no more digits before and after the point than it has", _decimal),
    "string": ("text in single quotes", _text),
    "binary": (r"bytes in hexadecimal, as in '\x00ff'", _bytes),
    "date": ("a day, as in '2026-01-31'", _date),
    "timestamp": ("a time without a zone, as in '2026-01-31 12:00:00'", _timestamp),
    "timestamptz": ("a time, in UTC unless it says otherwise, as in '2026-01-31T12:00:00+01:00'", _timestamptz),
}

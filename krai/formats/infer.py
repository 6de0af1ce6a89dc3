"""The narrowest type that keeps every cell of a text column exactly.

A type is taken only when each cell comes out as it went in, up to the spelling of decimals (`1.50` and `1.5`) and of times
(`T` or a blank, fractions of a second): `007`, `+1`, `1e5`, `NA`, `TRUE` and numbers too long for their type leave the column text.
Every rule looks at one cell at a time, so the answer does not depend on how a file was cut into blocks: it is the `join` of theirs.

`Seen` is what a block shows: a type name, `null` (no cell yet) or `whole` (int64, all within ±2⁵³, where float64 is exact too).
Integers beyond int64 are a `decimal(p,0)`: of 38 digits in text, of as many as the block needs, 19 at least, in JSON.
"""

import re
from decimal import Decimal, InvalidOperation

import pyarrow as pa
import pyarrow.compute as pc

from krai.formats.floats import float_text
from krai.formats.spelling import are_plain_booleans, are_plain_integers, are_sure_decimals
from krai.formats.types import arrow_type
from krai.formats.years import outside_years

Seen = str
LARGEST_INTEGER = "decimal(38,0)"
_ALL = ("boolean", "int64", LARGEST_INTEGER, "float64", "date", "timestamp", "timestamptz")
TIMES = ("date", "timestamp", "timestamptz")
_EXACT_INT = 1 << 53
DIGITS_OF_INT64 = 19
_SURE_CHARACTERS = 16  # a point and at most 15 digits, which every double keeps
_INTEGER = r"^(0|-?[1-9][0-9]*)$"
_INTEGRAL = re.compile(r"decimal\((\d+),0\)")
_PLAIN_DECIMAL = r"^-?(0|[1-9][0-9]*)\.[0-9]+$"
_MIN_LENGTH = {"timestamp": len("2020-01-01T00:00:00"), "timestamptz": len("2020-01-01T00:00:00Z")}


def narrowest(text: pa.Array, candidates: tuple[str, ...] = _ALL) -> tuple[Seen, pa.Array]:
    """What the block shows, and its cells in that type (text when it is `null` or `string`)."""
    if text.null_count == len(text):
        return "null", text
    first = text.slice(_first_valid(text), 1)
    for name in candidates:
        if read_exactly(first, name) is not None:
            typed = read_exactly(text, name)
            if typed is not None:
                return seen_of(name, typed), typed
    return "string", text


def read_exactly(text: pa.Array, name: str) -> pa.Array | None:
    """The cells in the named type, or None when one of them would not come out as it went in."""
    if name == "string":
        return text
    shortest = _MIN_LENGTH.get(name)
    if shortest is not None and (pc.min(pc.binary_length(text)).as_py() or shortest) < shortest:
        return None
    try:
        typed = text.cast(arrow_type(name))
    except pa.ArrowInvalid:
        return None
    if outside_years(typed).any():
        return None
    if name in _MIN_LENGTH:
        return typed
    if name == "float64":
        return typed if are_sure_decimals(text) or _floats_are_exact(text, typed) else None
    if (name == "int64" and are_plain_integers(text)) or (name == "boolean" and are_plain_booleans(text)):
        return typed
    return typed if typed.cast(pa.string()).equals(text) else None


def seen_of(name: str, typed: pa.Array) -> Seen:
    if name != "int64":
        return name
    limits = pc.min_max(typed).as_py()
    if limits["min"] is None:
        return "null"
    return "int64" if limits["min"] < -_EXACT_INT or limits["max"] > _EXACT_INT else "whole"


def join(one: Seen, other: Seen) -> Seen:
    """What two blocks show together."""
    if other in {one, "null"}:
        return one
    if one == "null":
        return other
    if _INTEGRAL.fullmatch(one) or _INTEGRAL.fullmatch(other):
        return _join_integers(one, other)
    pair = {one, other}
    if pair == {"whole", "int64"}:
        return "int64"
    if pair == {"whole", "float64"}:
        return "float64"
    return "string"


def _join_integers(one: Seen, other: Seen) -> Seen:
    digits = []
    for seen in (one, other):
        integral = _INTEGRAL.fullmatch(seen)
        if integral is None and seen not in {"whole", "int64"}:
            return "string"
        digits.append(int(integral[1]) if integral else DIGITS_OF_INT64)
    return f"decimal({max(digits)},0)"


def settled(seen: Seen) -> str:
    """The type name of a column that showed this in the whole file."""
    return {"null": "string", "whole": "int64"}.get(seen, seen)


def exact_float(text: str) -> bool:
    """True when the shortest spelling of the double is the same number as the text."""
    number = float(text)
    try:
        return abs(number) != float("inf") and Decimal(repr(number)) == Decimal(text)
    except InvalidOperation:  # of an exponent that not even Decimal has
        return False


def _first_valid(text: pa.Array) -> int:
    if text.null_count == 0:
        return 0
    index: int = pc.index(text.is_valid(), True).as_py()
    return index


def _floats_are_exact(text: pa.Array, typed: pa.Array) -> bool:
    if pc.any(pc.invert(pc.is_finite(typed))).as_py():
        return False
    other = text.filter(pc.not_equal(float_text(typed), text))
    whole = pc.match_substring_regex(other, _INTEGER)
    if pc.any(whole).as_py():
        try:
            numbers = other.filter(whole).cast(pa.int64())
        except pa.ArrowInvalid:
            return False
        if seen_of("int64", numbers) != "whole":
            return False
        other = other.filter(pc.invert(whole))
    if pc.any(pc.invert(pc.match_substring_regex(other, _PLAIN_DECIMAL))).as_py():
        return False
    long = other.filter(pc.greater(pc.binary_length(other), _SURE_CHARACTERS))
    return all(exact_float(cell) for cell in long.to_pylist())

"""Decimals of the exact value, or none.

Arrow gives a number its scale without a look at whether 128 bits have room for it, and more than a table of its powers of ten when there
are many digits to take away. So where either could be, numbers are first read into 256 bits, and those with an exponent one by one.
"""

import re
from decimal import Context, Decimal, Inexact, InvalidOperation

import pyarrow as pa
import pyarrow.compute as pc

from krai.formats.types import MAX_PRECISION

PLAIN = r"^-?[0-9]+(\.[0-9]+)?$"
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?", re.ASCII)
_WIDE_PRECISION = 76
_DIGITS_OF_INTEGERS = 20  # of 64 bits, with a sign or without
_EXACT = Context(prec=MAX_PRECISION, traps=[Inexact, InvalidOperation])


def cast_exactly(values: pa.Array, target: pa.DataType) -> pa.Array:
    """`values.cast(target)`, also where Arrow's own cast to a decimal would give another number; text is `PLAIN`.

    Raises ArrowInvalid when a cell does not fit, or has so many characters that only `exact_decimal` can tell.
    """
    if not pa.types.is_decimal128(target):
        return values.cast(target)
    if pa.types.is_string(values.type):
        characters = (pc.max(pc.binary_length(values)).as_py() or 0) + target.scale
        if characters <= MAX_PRECISION:
            return values.cast(target)
        if characters > _WIDE_PRECISION:
            raise pa.ArrowInvalid("too many digits")
    elif pa.types.is_integer(values.type):
        values = values.cast(pa.decimal128(_DIGITS_OF_INTEGERS, 0))
    elif pa.types.is_decimal(values.type) and values.type.precision + target.scale - values.type.scale <= MAX_PRECISION:
        return values.cast(target)
    return values.cast(pa.decimal256(_WIDE_PRECISION, target.scale)).cast(target)


def exact_decimal(text: str, target: pa.DataType) -> Decimal | None:
    """The number that is written there, None when there is none or `target` has no room for all its digits."""
    if not _NUMBER.fullmatch(text):
        return None
    try:
        number = _EXACT.quantize(Decimal(text), Decimal((0, (1,), -target.scale)))
    except (InvalidOperation, Inexact):
        return None
    return number if number.adjusted() < target.precision - target.scale or not number else None

"""Arrow's JSON parser, where it can be shown that what it reads is exactly what the lines say."""

import re
from collections.abc import Collection, Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as arrow_json

from krai.dataset import OWN_PREFIX
from krai.formats.lines import Lines
from krai.formats.reading import Mask, Octets
from krai.formats.text import is_utf8
from krai.formats.types import MAX_PRECISION

_EXACT_INTEGER = float(1 << 53)
_SURE_CHARACTERS = 15  # digits, all of which a double keeps; with one more character it is a point, or an integer that is looked at below
_SMALLEST_SURE = 1e-290  # below, doubles begin to lose digits
_NUL_ESCAPE = b"\\u0000"
_LARGE_EXPONENT = re.compile(rb":\s*-?[0-9][0-9.]*[eE][+-]?[0-9]{2}")


def parse_fast(lines: Lines, schema: Mapping[str, pa.DataType], *, exact: Collection[str]) -> pa.Table | None:
    """The lines as `schema` has them, or None: then they must be read one by one.

    `exact`: the columns of which float64 is taken only for numbers it keeps all digits of.
    """
    data = lines.data
    if not len(lines) or not lines.all_stand_between(b"{", b"}"):
        return None
    # A single octet is found much faster than a word. Keys that the schema does not have Arrow refuses, krai's own among them.
    if (b"\\" in data and _NUL_ESCAPE in data) or not (data.isascii() or is_utf8(data)):
        return None
    has_decimals = any(pa.types.is_decimal(kind) for kind in schema.values())
    if any(name.startswith(OWN_PREFIX) for name in schema) or (has_decimals and not _decimals_are_sure(data)):
        return None
    try:
        table = arrow_json.read_json(
            pa.BufferReader(data),
            read_options=arrow_json.ReadOptions(use_threads=False, block_size=len(data) + 1),
            parse_options=arrow_json.ParseOptions(
                explicit_schema=pa.schema([(name, _with_room(kind)) for name, kind in schema.items()]),
                unexpected_field_behavior="error",
                newlines_in_values=lines.spread,
            ),
        )
        # What has more digits than its column is refused here: Arrow looks at them before it gives a number its scale.
        table = table.cast(pa.schema([(name, schema[name]) for name in table.column_names]))
    except pa.ArrowInvalid:
        return None
    # Each line is one object or several; as many objects as lines means one each.
    if table.num_rows != len(lines):
        return None
    floats = {name: column for name, column in zip(table.column_names, table.columns, strict=True) if pa.types.is_floating(column.type)}
    if any(pc.any(pc.invert(pc.is_finite(column))).as_py() for column in floats.values()):
        return None
    sure = [column for name, column in floats.items() if name in exact]
    if sure and not _floats_are_sure(data, sure):
        return None
    return table


def _with_room(kind: pa.DataType) -> pa.DataType:
    """The type a column is parsed as: of 256 bits a decimal has room for all digits that it may have before its scale is that of `kind`."""
    return pa.decimal256(MAX_PRECISION, kind.scale) if pa.types.is_decimal(kind) else kind


def _decimals_are_sure(data: bytes) -> bool:
    """False when there may be a number of so many digits, or of such an exponent, that even `_with_room` has none for it."""
    if _has_long_number(data, MAX_PRECISION):
        return False
    octets = np.frombuffer(data, np.uint8)
    # An `e` after a digit is much faster found than a number that has one; most text has none, and some has many that are no exponents.
    places = np.flatnonzero((octets == ord("e")) | (octets == ord("E")))
    after_digit = octets[places - 1] - ord("0") < 10  # noqa: PLR2004 (the ten digits; smaller octets wrap round)
    return not after_digit.any() or _LARGE_EXPONENT.search(data) is None


def _floats_are_sure(data: bytes, columns: list[pa.ChunkedArray]) -> bool:
    # With a negative exponent an integer of 16 digits is a smaller number than is looked at.
    if _has_long_number(data, _SURE_CHARACTERS) and (_has_long_number(data, _SURE_CHARACTERS + 1) or _may_have_small_exponents(data)):
        return False
    for column in columns:
        size = pc.abs(column)
        if (
            pc.any(pc.greater_equal(size, _EXACT_INTEGER)).as_py()
            or pc.any(pc.and_(pc.less(size, _SMALLEST_SURE), pc.greater(size, 0))).as_py()
        ):
            return False
        # A zero may have been a number too small for a double. It is looked for first: text has many an "e", and that search is slow.
        if pc.any(pc.equal(size, 0)).as_py() and _may_have_small_exponents(data):
            return False
    return True


def _may_have_small_exponents(data: bytes) -> bool:
    return b"e-" in data or b"E-" in data


def _has_long_number(data: bytes, characters: int) -> bool:
    """True when more than so many digits and points follow one another anywhere."""
    octets = np.frombuffer(data, np.uint8)
    # Every run of so many has two neighbours of these, and all that is between them.
    step = (characters + 1) // 2
    ends = np.flatnonzero(_in_numbers(octets[:-step:step]) & _in_numbers(octets[step::step])) * step
    for ahead in range(1, step):
        ends = ends[_in_numbers(octets[ends + ahead])]
    if not len(ends):
        return False
    runs, length = _in_numbers(octets), 1
    while length <= characters:
        step = min(length, characters + 1 - length)
        runs = runs[:-step] & runs[step:]
        length += step
    return bool(runs.any())


def _in_numbers(octets: Octets) -> Mask:
    found: Mask = (octets - ord("0") < 10) | (octets == ord("."))  # noqa: PLR2004 (the ten digits; smaller octets wrap round)
    return found

"""Arrow's JSON parser, where it can be shown that what it reads is exactly what the lines say."""

from collections.abc import Collection, Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as arrow_json

from krai.formats.lines import Lines
from krai.formats.reading import OWN_PREFIX
from krai.formats.records import is_utf8

_EXACT_INTEGER = float(1 << 53)
_SURE_CHARACTERS = 16  # digits and a point: at most 15 digits, or an integer of 16 that is looked at below
_SMALLEST_SURE = 1e-290  # below, doubles begin to lose digits
_NUL_ESCAPE = b"\\u0000"


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
    if any(name.startswith(OWN_PREFIX) for name in schema):
        return None
    try:
        table = arrow_json.read_json(
            pa.BufferReader(data),
            read_options=arrow_json.ReadOptions(use_threads=False, block_size=len(data) + 1),
            parse_options=arrow_json.ParseOptions(
                explicit_schema=pa.schema(list(schema.items())), unexpected_field_behavior="error", newlines_in_values=lines.spread
            ),
        )
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


def _floats_are_sure(data: bytes, columns: list[pa.ChunkedArray]) -> bool:
    if _has_long_number(data):
        return False
    for column in columns:
        size = pc.abs(column)
        if (
            pc.any(pc.greater_equal(size, _EXACT_INTEGER)).as_py()
            or pc.any(pc.and_(pc.less(size, _SMALLEST_SURE), pc.greater(size, 0))).as_py()
        ):
            return False
        # A zero may have been a number too small for a double. It is looked for first: text has many an "e", and that search is slow.
        if pc.any(pc.equal(size, 0)).as_py() and (b"e-" in data or b"E-" in data):
            return False
    return True


def _has_long_number(data: bytes) -> bool:
    """True when more than `_SURE_CHARACTERS` digits and points follow one another anywhere."""
    octets = np.frombuffer(data, np.uint8)
    runs = (octets - ord("0") < 10) | (octets == ord("."))  # noqa: PLR2004 (the ten digits; smaller octets wrap round)
    step = 1
    while step < _SURE_CHARACTERS:
        runs = runs[:-step] & runs[step:]
        step *= 2
    return bool((runs[:-1] & runs[1:]).any())
